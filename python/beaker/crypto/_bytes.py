"""Bytes from any bytes-like object."""

from typing import TypeAlias

__all__ = ["BytesLike", "bytes_of"]

BytesLike: TypeAlias = bytes | bytearray | memoryview


def bytes_of(data: BytesLike) -> bytes:
    """``data`` as ``bytes``. Raises ``TypeError`` for text and other objects without bytes."""
    # `bytes(7)` would be seven zero bytes.
    return data if isinstance(data, bytes) else bytes(memoryview(data))
