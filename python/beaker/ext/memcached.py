# ruff: noqa: ARG002 - the signatures are the ones that applications use
"""The backend in memcached, and the search for a Python client."""

import importlib
import pickle
import warnings
from types import ModuleType
from typing import Any

from beaker._core import MemcachedClient, memcached_key
from beaker._namespace import NamespaceManager
from beaker._pickled_values import PickledValues, as_text
from beaker._registry import SyncDict
from beaker._serializers import inflated
from beaker.container import Container
from beaker.exceptions import (
    BeakerException,
    BeakerWarning,
    CorruptSessionError,
    InvalidCacheBackendError,
    MissingCacheParameter,
)
from beaker.synchronization import file_synchronizer
from beaker.util import verify_directory

__all__ = ["MAX_KEY_LENGTH", "MemcachedContainer", "MemcachedNamespaceManager"]

MAX_KEY_LENGTH = 250
"""The most characters of a key that is not hashed."""

_CLIENT_MODULES = ("cmemcache", "memcache", "bmemcached")

# The flags of python-memcached. bmemcached has the last one for bytes.
_PICKLE, _INTEGER, _LONG, _COMPRESSED, _TEXT = 1, 2, 4, 8, 16

# Every Python that may share the servers can read it.
_PICKLE_PROTOCOL = 4
_LONGEST = 64 << 20
_SESSION_KEY = "session"


class MemcachedNamespaceManager(PickledValues, NamespaceManager):
    """The values of one namespace in memcached, each under a key of its own, as python-memcached stores them.

    ``url`` has the names of the servers with ``;`` between them, or is a list of names and of pairs of a name
    and a weight. With ``memcache_module`` ``'bmemcached'`` text and bytes are stored as that client stores
    them. ``timeout`` is the lifetime of a value in seconds, unless :meth:`set_value` says another.

    Reading a value can run code that its pickle names. With ``allow_pickle`` false (on an instance or a
    subclass) only text, numbers and containers of them are read, and anything else is corrupt.

    Methods raise :class:`~beaker.exceptions.StoreUnavailableError` if a server does not answer.
    """

    _reads_at_once = True
    """A value is read in one step, so nobody need ask first whether there is one."""

    clients: SyncDict[Any, Any] = SyncDict()
    """The clients of this process."""

    def __init__(
        self,
        namespace: str,
        url: Any,
        memcache_module: str = "auto",
        data_dir: str | None = None,
        lock_dir: str | None = None,
        *,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        operation_timeout: float | None = None,
        digest_filenames: bool = True,
        **kw: Any,
    ) -> None:
        super().__init__(namespace)
        if not url:
            raise MissingCacheParameter("url is required")
        if memcache_module not in ("auto", *_CLIENT_MODULES):
            raise _unknown_client(memcache_module)
        self.lock_dir = lock_dir or (f"{data_dir}/container_mcd_lock" if data_dir else None)
        if self.lock_dir:
            verify_directory(self.lock_dir)
        self.timeout = timeout
        self._bytes_flag = _TEXT if memcache_module == "bmemcached" else 0
        self._has_sessions = not digest_filenames
        servers = url if isinstance(url, str) else str(url)
        self.mc = self.clients.get(
            (servers, connect_timeout, operation_timeout),
            MemcachedClient,
            url,
            connect_timeout,
            operation_timeout,
        )

    def get_creation_lock(self, key: str) -> Any:
        """The lock for making a value for ``key``: between the processes that share ``lock_dir``."""
        identifier = f"memcachedcontainer/funclock/{self.namespace}/{key}"
        if self.lock_dir is None:
            return file_synchronizer(identifier)
        return file_synchronizer(identifier, lock_dir=self.lock_dir)

    def _format_key(self, key: str | bytes) -> str:
        return memcached_key(self.namespace, key if isinstance(key, str) else key.decode("ascii"))

    def __getitem__(self, key: str | bytes) -> Any:
        """The value of ``key``. As in Beaker ``None``, and no ``KeyError``, if there is none."""
        found = self.mc.get(self._format_key(key))
        return None if found is None else self._decode(*found[:2])

    def __contains__(self, key: object) -> bool:
        return isinstance(key, (str, bytes)) and self.mc.get(self._format_key(key)) is not None

    def has_key(self, key: str) -> bool:
        """Whether there is a value for ``key``."""
        return key in self

    def set_value(self, key: str | bytes, value: Any, expiretime: float | None = None) -> None:
        """Sets ``key``. The server removes it after ``expiretime`` seconds, or after ``timeout``.

        A value that is too large for the server is not stored, and causes a warning. A session that is too
        large raises :class:`~beaker.exceptions.BeakerException`.
        """
        try:
            self.mc.set(self._format_key(key), *self._encode(value), self._lifetime(expiretime))
        except BeakerException as cause:
            if type(cause) is not BeakerException or key == _SESSION_KEY:
                raise
            warnings.warn(str(cause), BeakerWarning, stacklevel=2)

    def swap(
        self, key: str, expected: str | None, value: str | None, expiretime: float | None = None
    ) -> bool:
        """Changes the text of ``key`` from ``expected`` to ``value`` in one step. Returns whether it did.

        ``None`` is no text: nothing is there, or is to be there. ``expiretime`` is in seconds.
        """
        name = self._format_key(key)
        found = self.mc.get(name)
        token = 0 if found is None else found[2]
        if expected != (None if found is None else as_text(self._decode(*found[:2]))):
            return False
        if value is None:
            return found is None or bool(self.mc.delete(name, token))
        return bool(self.mc.set(name, *self._encode(value), self._lifetime(expiretime), token))

    def __setitem__(self, key: str | bytes, value: Any) -> None:
        self.set_value(key, value)

    def __delitem__(self, key: str | bytes) -> None:
        """Removes ``key``; no error if there is no value."""
        self.mc.delete(self._format_key(key))

    def do_remove(self) -> None:
        """Removes a session, or for any other namespace all that is on the servers, as in Beaker.

        A server cannot say what belongs to a namespace.
        """
        if self._has_sessions:
            del self[_SESSION_KEY]
        else:
            self.mc.flush_all()

    def keys(self) -> Any:
        """Raises :class:`NotImplementedError`: memcached cannot list keys."""
        raise NotImplementedError("memcached cannot list its keys")

    def _lifetime(self, expiretime: float | None) -> float | None:
        seconds = self.timeout if expiretime is None else expiretime
        # To memcached, and so to Beaker, 0 is without an end.
        return seconds or None

    def _encode(self, value: Any) -> tuple[bytes, int]:
        # A subclass comes back as itself.
        if type(value) is bytes:
            return value, self._bytes_flag
        if type(value) is str:
            return value.encode(), _TEXT - self._bytes_flag
        if type(value) is int:
            return b"%d" % value, _INTEGER
        return pickle.dumps(value, _PICKLE_PROTOCOL), _PICKLE

    def _decode(self, data: bytes, flags: int) -> Any:
        if flags & _COMPRESSED:
            try:
                data = inflated(data, _LONGEST)
            except ValueError as cause:
                raise CorruptSessionError(f"a value in memcached: {cause}") from cause
            flags &= ~_COMPRESSED
        if flags & _PICKLE:
            return self._loaded(data, "value in memcached")
        try:
            if flags in (0, _TEXT):
                return data if flags == self._bytes_flag else data.decode()
            if flags in (_INTEGER, _LONG):
                return int(data)
        except ValueError as cause:
            raise CorruptSessionError(f"a value in memcached is not what its flags {flags} say") from cause
        raise CorruptSessionError(
            f"a value in memcached has the flags {flags}, which no client of Python sets"
        )


class MemcachedContainer(Container):
    """Makes values in memcached."""

    namespace_class = MemcachedNamespaceManager


_client_libs: dict[str, ModuleType] = {}


def _unknown_client(name: str) -> InvalidCacheBackendError:
    return InvalidCacheBackendError(
        f"unknown memcached client {name!r}; use one of auto, " + ", ".join(_CLIENT_MODULES)
    )


def _load_client(name: str = "auto") -> ModuleType:
    """The client module ``name``, or for ``'auto'`` the first one that is installed.

    The result is kept. Raises :class:`InvalidCacheBackendError`, which is an :class:`ImportError`, if the
    module is not installed or ``name`` is no known client.
    """
    found = _client_libs.get(name)
    if found is None:
        found = _client_libs[name] = _import_any() if name == "auto" else _import_one(name)
    return found


def _import_any() -> ModuleType:
    for name in _CLIENT_MODULES:
        try:
            return _import_one(name)
        except InvalidCacheBackendError:  # noqa: PERF203 - each client by itself
            continue
    raise InvalidCacheBackendError(
        "no memcached client is installed; install one of " + ", ".join(_CLIENT_MODULES)
    )


def _import_one(name: str) -> ModuleType:
    if name not in _CLIENT_MODULES:
        raise _unknown_client(name)
    try:
        module = importlib.import_module(name)
    except ImportError as cause:
        raise InvalidCacheBackendError(f"cannot import the memcached client {name}: {cause}") from cause
    if name == "cmemcache":
        warnings.warn(
            "cmemcache is not thread-safe; use memcache or bmemcached",
            BeakerWarning,
            stacklevel=4,
        )
    return module
