"""Serializers: they turn sessions into bytes and back."""

import json
import pickle
import zlib
from typing import Any, Protocol

__all__ = ["JsonSerializer", "PickleSerializer", "Serializer", "deserialize", "serialize"]

# Every Python that Beaker has supported can read it, so a fleet can migrate process by process.
_PICKLE_PROTOCOL = 2


class Serializer(Protocol):
    """The interface of an object for ``data_serializer``."""

    def loads(self, data_string: bytes) -> Any:
        """The value that :meth:`dumps` was given."""

    def dumps(self, data: Any) -> bytes:
        """``data`` as bytes."""


def inflated(data: bytes, longest: int) -> bytes:
    """Decompresses ``data`` into at most ``longest`` bytes. Raises :class:`ValueError` for other data."""
    inflating = zlib.decompressobj()
    try:
        text = inflating.decompress(data, longest)
    except zlib.error as cause:
        raise ValueError("it cannot be decompressed") from cause
    if not inflating.eof:
        raise ValueError(f"it is cut, or larger than {longest} bytes")
    return text


class PickleSerializer:
    """Stores any Python value by :mod:`pickle`.

    Reading can run code that the data names, so the data must come from a trusted writer.
    """

    def loads(self, data_string: bytes) -> Any:
        """Reads the value in ``data_string``."""
        return pickle.loads(data_string)  # noqa: S301 - as documented above

    def dumps(self, data: Any) -> bytes:
        """``data`` as a pickle of protocol 2."""
        return pickle.dumps(data, _PICKLE_PROTOCOL)


class JsonSerializer:
    """Stores what JSON can express, compressed by :mod:`zlib`."""

    def loads(self, data_string: bytes) -> Any:
        """Reads the value in ``data_string``."""
        return json.loads(zlib.decompress(data_string))

    def dumps(self, data: Any) -> bytes:
        """``data`` as compressed JSON."""
        return zlib.compress(json.dumps(data).encode("utf-8"))


def _serializer(method: str) -> Serializer:
    return JsonSerializer() if method == "json" else PickleSerializer()


def serialize(data: Any, method: str) -> bytes:
    """``data`` as bytes: compressed JSON if ``method`` is ``'json'``, otherwise a pickle."""
    return _serializer(method).dumps(data)


def deserialize(data_string: bytes, method: str) -> Any:
    """Reads what :func:`serialize` wrote with the same ``method``."""
    return _serializer(method).loads(data_string)
