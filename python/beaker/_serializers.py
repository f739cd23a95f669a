"""How the values of a session become bytes."""

import json
import pickle
import zlib
from typing import Any, Protocol

__all__ = ["JsonSerializer", "PickleSerializer", "Serializer", "deserialize", "serialize"]

# Every interpreter that Beaker has ever served can read it, so a fleet can be moved process by process.
_PICKLE_PROTOCOL = 2


class Serializer(Protocol):
    """What ``data_serializer`` may be given as."""

    def loads(self, data_string: bytes) -> Any:
        """The value that :meth:`dumps` was given."""

    def dumps(self, data: Any) -> bytes:
        """``data`` as bytes."""


class PickleSerializer:
    """Any Python value, by :mod:`pickle`.

    Reading runs what the data says, so it is for data that nobody else could have written.
    """

    def loads(self, data_string: bytes) -> Any:
        """The value that ``data_string`` holds."""
        return pickle.loads(data_string)  # noqa: S301 - said above

    def dumps(self, data: Any) -> bytes:
        """``data`` as a pickle of protocol 2."""
        return pickle.dumps(data, _PICKLE_PROTOCOL)


class JsonSerializer:
    """What JSON can express, compressed by :mod:`zlib`."""

    def loads(self, data_string: bytes) -> Any:
        """The value that ``data_string`` holds."""
        return json.loads(zlib.decompress(data_string))

    def dumps(self, data: Any) -> bytes:
        """``data`` as compressed JSON."""
        return zlib.compress(json.dumps(data).encode("utf-8"))


def _serializer(method: str) -> Serializer:
    return JsonSerializer() if method == "json" else PickleSerializer()


def serialize(data: Any, method: str) -> bytes:
    """``data`` as bytes: JSON if ``method`` is ``'json'``, otherwise a pickle."""
    return _serializer(method).dumps(data)


def deserialize(data_string: bytes, method: str) -> Any:
    """The value that :func:`serialize` was given with the same ``method``."""
    return _serializer(method).loads(data_string)
