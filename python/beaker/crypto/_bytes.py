"""Bytes, in whatever object they are."""

from typing import TypeAlias

__all__ = ["BytesLike", "bytes_of"]

BytesLike: TypeAlias = bytes | bytearray | memoryview


def bytes_of(data: BytesLike) -> bytes:
    """``data`` as ``bytes``. ``TypeError`` for text and for what else has no bytes."""
    # `bytes(7)` would be seven of them.
    return data if isinstance(data, bytes) else bytes(memoryview(data))
