"""The stored form of cached values: pickles as in Beaker, or bytes that are read and checked with care."""

import functools
import hashlib
import hmac
import json
import pickle
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from beaker._memory_namespace import MemoryNamespaceManager
from beaker._namespace import NamespaceManager
from beaker._serializers import JsonSerializer, PickleSerializer, inflated
from beaker.exceptions import BeakerWarning, ConfigurationError, CorruptSessionError, UnstorableValueError

__all__ = ["OPTIONS", "guarded"]

OPTIONS = ("data_serializer", "pickle", "pickle_allow", "secret")
"""The options that say how values are stored."""

_SHORTEST_SECRET = 32
_PLAIN = b"c1p"
_SIGNED = b"c1s"
_MAC_SIZE = 32
_LONGEST_JSON = 64 << 20

Record = tuple[Any, ...]


def guarded(
    backend: Any,
    data_serializer: Any = "pickle",
    pickle: str | None = None,
    pickle_allow: str | Iterable[str] | None = None,
    secret: Any = None,
) -> Any:
    """``backend``, or a namespace over it that stores and reads values as the options say.

    Values in memory are never stored as bytes, so the options have no effect there. Raises
    :class:`ConfigurationError` for options that contradict each other, and for a backend that loads pickles
    by itself.
    """
    policy = _policy(data_serializer, pickle)
    allowed = _names(pickle_allow)
    if allowed and policy != "allowlist":
        raise ConfigurationError("pickle_allow needs pickle = allowlist")
    secrets = _secrets(secret)
    is_pickle = data_serializer in ("pickle", None)
    if isinstance(backend, MemoryNamespaceManager) or (is_pickle and policy == "any" and not secrets):
        return backend
    if not hasattr(backend, "pickle_loads"):
        raise ConfigurationError(
            f"{type(backend).__name__} loads pickles by itself, so a cache in it cannot have "
            "data_serializer, pickle or secret; use another type"
        )
    loads = _loader(allowed) if policy == "allowlist" else None
    if is_pickle and not secrets:
        backend.pickle_loads = loads
        return _GuardedNamespace(backend, _Readable(loads))
    backend.pickle_loads = _only_plain_values
    serializer = _serializer(data_serializer)
    return _GuardedNamespace(backend, _Encoded(serializer.dumps, loads or serializer.loads, secrets))


def _policy(data_serializer: Any, policy: str | None) -> str:
    found = "any" if policy is None else str(policy).strip().lower()
    if found not in ("any", "allowlist", "deny"):
        raise ConfigurationError(f"pickle must be any, allowlist or deny, got {policy!r}")
    if found == "deny" and data_serializer in ("pickle", None):
        raise ConfigurationError("pickle = deny contradicts data_serializer = pickle: choose json")
    if found == "allowlist" and data_serializer not in ("pickle", None):
        raise ConfigurationError("pickle = allowlist needs data_serializer = pickle")
    return found


def _names(given: str | Iterable[str] | None) -> list[str]:
    parts = given.split(",") if isinstance(given, str) else given or ()
    return [name for name in (part.strip() for part in parts) if name]


def _secrets(given: Any) -> list[bytes]:
    keys = [given] if isinstance(given, str | bytes) else list(given or ())
    secrets = [key.encode() if isinstance(key, str) else bytes(key) for key in keys]
    if not all(secrets):
        raise ConfigurationError("secret must not be empty")
    for key in secrets:
        if len(key) < _SHORTEST_SECRET:
            warnings.warn(
                f"secret of a cache has a key of {len(key)} bytes, which can be guessed: give "
                f"{_SHORTEST_SECRET} random bytes",
                BeakerWarning,
                stacklevel=5,
            )
    return secrets


def _serializer(given: Any) -> Any:
    if given in ("pickle", None):
        return PickleSerializer()
    if given == "json":
        return _BoundedJson()
    if callable(getattr(given, "dumps", None)) and callable(getattr(given, "loads", None)):
        return given
    raise ConfigurationError(
        f"data_serializer must be pickle, json or an object with dumps and loads, got {given!r}"
    )


class _BoundedJson(JsonSerializer):
    """JSON of a bounded length: a short entry could be decompressed to any length."""

    def loads(self, data_string: bytes) -> Any:
        """Reads the value in ``data_string``."""
        return json.loads(inflated(data_string, _LONGEST_JSON))

    def dumps(self, data: Any) -> bytes:
        """``data`` as compressed JSON."""
        text = json.dumps(data).encode()
        if len(text) > _LONGEST_JSON:
            raise UnstorableValueError(
                f"a cache cannot store {len(text)} bytes of JSON: it takes {_LONGEST_JSON} at the most"
            )
        return zlib.compress(text)


def _loader(names: list[str]) -> Callable[[bytes], Any]:
    # Imported when needed, because it imports a dozen modules.
    from beaker._pickle_guard import loader  # noqa: PLC0415

    return loader(names)


@functools.cache
def _plain_loads() -> Callable[[bytes], Any]:
    from beaker._pickle_guard import loads  # noqa: PLC0415

    return functools.partial(loads, allowed=frozenset())


def _only_plain_values(data: bytes) -> Any:
    """Reads the pickle around values, which has numbers, bytes and containers of them."""
    return _plain_loads()(data)


class _Readable:
    """Values in pickles, as Beaker stores them, of classes that are allowed."""

    def __init__(self, loads: Any) -> None:
        self._loads = loads

    def encode(self, _namespace: str, _key: Any, record: Record) -> Record:
        """The record, if it can be read again."""
        try:
            self._loads(pickle.dumps(record))
        except pickle.UnpicklingError as cause:
            raise UnstorableValueError(
                f"a cache cannot store a value of {type(record[-1]).__name__}, because it would not be read "
                f"again: {cause}"
            ) from cause
        return record

    def decode(self, _namespace: str, _key: Any, record: Any) -> Any:
        """The record."""
        return record


class _Encoded:
    """Values in bytes, which a serializer made, with a signature if there is a secret.

    The signature covers the namespace, the key, the time and the expiry, so that no entry can stand for
    another, and none lives longer.
    """

    def __init__(
        self, dumps: Callable[[Any], bytes], loads: Callable[[bytes], Any], secrets: list[bytes]
    ) -> None:
        self._dumps = dumps
        self._loads = loads
        self._secrets = secrets

    def encode(self, namespace: str, key: Any, record: Record) -> Record:
        """The record with bytes in the place of its value."""
        *times, value = record
        payload = bytes(self._dumps(value))
        if not self._secrets:
            return (*times, _PLAIN + payload)
        return (*times, _SIGNED + _mac(self._secrets[0], namespace, key, times, payload) + payload)

    def decode(self, namespace: str, key: Any, record: Any) -> Any:
        """The record with its value. Raises :class:`CorruptSessionError` for any other one."""
        if not isinstance(record, tuple | list) or not record or not isinstance(record[-1], bytes):
            raise CorruptSessionError("it was stored with other options")
        *times, data = record
        payload = data[len(_PLAIN) :]
        if data[: len(_PLAIN)] != (_SIGNED if self._secrets else _PLAIN):
            raise CorruptSessionError("it was stored with other options")
        if self._secrets:
            mac, payload = payload[:_MAC_SIZE], payload[_MAC_SIZE:]
            try:
                macs = [_mac(secret, namespace, key, times, payload) for secret in self._secrets]
            except (OverflowError, ValueError) as cause:
                raise CorruptSessionError("its time is none") from cause
            if not any(hmac.compare_digest(mac, expected) for expected in macs):
                raise CorruptSessionError("its signature is not valid")
        try:
            return (*times, self._loads(payload))
        except (MemoryError, RecursionError):
            raise
        except Exception as cause:  # a serializer can raise anything
            raise CorruptSessionError(f"{type(cause).__name__}: {cause}") from cause


def _mac(secret: bytes, namespace: str, key: Any, times: list[Any], payload: bytes) -> bytes:
    name = key if isinstance(key, bytes) else repr(key).encode("utf-8", "surrogatepass")
    spelt = [float(time).hex() if isinstance(time, int | float) else repr(time) for time in times]
    parts = [namespace.encode("utf-8", "surrogatepass"), name, *(text.encode() for text in spelt), payload]
    text = b"".join(struct.pack(">Q", len(part)) + part for part in parts)
    return hmac.new(secret, b"beaker-rs cached value 1\0" + text, hashlib.sha256).digest()


class _GuardedNamespace(NamespaceManager):
    """A namespace whose records are encoded on their way into a backend, and decoded on their way out."""

    def __init__(self, backend: Any, form: _Readable | _Encoded) -> None:
        super().__init__(backend.namespace)
        self._backend = backend
        self._form = form

    def __getattr__(self, name: str) -> Any:
        # What else the backend has, such as the name of its file. A copy has no backend at first.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self._backend, name)

    def get_creation_lock(self, key: str) -> Any:
        """The backend's."""
        return self._backend.get_creation_lock(key)

    def acquire_read_lock(self) -> None:
        """The backend's."""
        self._backend.acquire_read_lock()

    def release_read_lock(self) -> None:
        """The backend's."""
        self._backend.release_read_lock()

    def acquire_write_lock(self, wait: bool = True, replace: bool = False) -> bool:
        """The backend's."""
        return bool(self._backend.acquire_write_lock(wait=wait, replace=replace))

    def release_write_lock(self) -> None:
        """The backend's."""
        self._backend.release_write_lock()

    def __getitem__(self, key: str) -> Any:
        return self._form.decode(self.namespace, key, self._backend[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self._backend[key] = self._form.encode(self.namespace, key, value)

    def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
        """Sets ``key`` to a record."""
        self._backend.set_value(key, self._form.encode(self.namespace, key, value), expiretime=expiretime)

    def __contains__(self, key: object) -> bool:
        return key in self._backend

    def __delitem__(self, key: str) -> None:
        del self._backend[key]

    def keys(self) -> Iterable[Any]:
        """The backend's."""
        keys: Iterable[Any] = self._backend.keys()
        return keys

    def do_remove(self) -> None:
        """The backend's."""
        self._backend.do_remove()

    def remove(self) -> None:
        """The backend's."""
        self._backend.remove()
