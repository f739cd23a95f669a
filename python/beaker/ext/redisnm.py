# ruff: noqa: ARG002 - the signatures are the ones that applications use
"""The backend in Redis: a key for each value, and locks."""

import contextlib
import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from beaker import _lease
from beaker._core import RedisClient
from beaker._locks import SynchronizerImpl, Waiting
from beaker._namespace import NamespaceManager
from beaker._pickled_values import PickledValues, as_text
from beaker._registry import SyncDict
from beaker.crypto.util import sha1
from beaker.exceptions import OutcomeUnknownError
from beaker.util import machine_identifier

__all__ = ["RedisNamespaceManager", "RedisSynchronizer"]

# Every Python that may share the server can read it.
_PICKLE_PROTOCOL = 4
_PREFIX = "beaker_cache:"
_LOCK_PREFIX = "beaker_lock:"
_SPECIAL_IN_PATTERNS = frozenset("*?[]^\\")

_SWAP = """if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
    redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then
    redis.call('SET', KEYS[1], ARGV[2])
else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1"""
_RELEASE = """if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])"""
_RENEW = """if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])"""


@contextlib.contextmanager
def _in_doubt() -> Iterator[None]:
    """Tells a change that redis-py may have made from one that was not made."""
    try:
        yield
    except Exception as error:
        redis = sys.modules.get("redis")
        if redis is not None and isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
            raise OutcomeUnknownError(f"cannot change a value in Redis: {type(error).__name__}") from error
        raise


def _client(url: Any, connect_timeout: float | None = None, operation_timeout: float | None = None) -> Any:
    if not isinstance(url, str):
        return url
    key = (url, connect_timeout, operation_timeout)
    return RedisNamespaceManager.clients.get(key, RedisClient, url, connect_timeout, operation_timeout)


class RedisNamespaceManager(PickledValues, NamespaceManager):
    """The values of one namespace in Redis, each a pickle under a key of its own.

    ``url`` is the URL of a server, with the options of redis-py, or a ``redis.Redis`` object, which is then
    used as it is. ``timeout`` is the lifetime of a value in seconds, unless :meth:`set_value` says another.
    ``key_prefix`` is how the keys begin. Other arguments are ignored, as in Beaker.

    Reading a value can run code that its pickle names. With ``allow_pickle`` false (on an instance or a
    subclass) only text, numbers and containers of them are read, and anything else is corrupt.

    With a URL, methods raise :class:`~beaker.exceptions.StoreUnavailableError` if the server does not answer.
    """

    _reads_at_once = True
    """A value is read in one step, so nobody need ask first whether there is one."""

    MAX_KEY_LENGTH = 1024

    clients: SyncDict[Any, Any] = SyncDict()
    """The clients of this process."""

    def __init__(
        self,
        namespace: str,
        url: Any,
        timeout: float | None = None,
        *,
        key_prefix: str | None = None,
        connect_timeout: float | None = None,
        operation_timeout: float | None = None,
        **kw: Any,
    ) -> None:
        super().__init__(namespace)
        self.lock_dir = None
        self.timeout = timeout
        self.key_prefix = _PREFIX if key_prefix is None else key_prefix
        self.client = _client(url, connect_timeout, operation_timeout)

    def _format_key(self, key: str | bytes) -> str:
        if not isinstance(key, str):
            key = key.decode("ascii")
        if len(key) > self.MAX_KEY_LENGTH - len(self.namespace) - len(_PREFIX) - 1:
            key = sha1(key.encode()).hexdigest()
        return f"{self.key_prefix}{self.namespace}:{key}"

    def get_creation_lock(self, key: str) -> "RedisSynchronizer":
        """The lock for making a value for ``key``, between all processes that use the server."""
        return RedisSynchronizer(self._format_key(key), self.client)

    def __getitem__(self, key: str) -> Any:
        value = self.client.get(self._format_key(key))
        if value is None:
            raise KeyError(key)
        return self._loaded(value, "value in Redis")

    def __contains__(self, key: object) -> bool:
        return isinstance(key, (str, bytes)) and bool(self.client.exists(self._format_key(key)))

    def has_key(self, key: str) -> bool:
        """Whether there is a value for ``key``."""
        return key in self

    def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
        """Sets ``key``. The server removes it after ``expiretime`` seconds, or after ``timeout``."""
        pickled = pickle.dumps(value, _PICKLE_PROTOCOL)
        with _in_doubt():
            self.client.set(self._format_key(key), pickled, px=self._milliseconds(expiretime))

    def _milliseconds(self, expiretime: float | None) -> int | None:
        seconds = self.timeout if expiretime is None else expiretime
        return None if seconds is None else max(1, round(seconds * 1000))

    def swap(
        self, key: str, expected: str | None, value: str | None, expiretime: float | None = None
    ) -> bool:
        """Sets ``key`` if it has the value ``expected``, in one step of the server. ``None`` is no value.

        Returns whether it had that value. Where the reply of the server is lost, the value may be set or not.
        """
        name, milliseconds = self._format_key(key), self._milliseconds(expiretime)
        new = None if value is None else pickle.dumps(value, _PICKLE_PROTOCOL)
        if expected is None:
            if new is None:
                return not self.client.exists(name)
            with _in_doubt():
                return bool(self.client.set(name, new, px=milliseconds, nx=True))
        found = self.client.get(name)
        if found is None or as_text(self._loaded(found, "value in Redis")) != expected:
            return False
        lifetime = b"" if milliseconds is None else str(milliseconds).encode()
        with _in_doubt():
            return bool(self.client.eval(_SWAP, 1, name.encode(), found, new or b"", lifetime))

    def __setitem__(self, key: str, value: Any) -> None:
        self.set_value(key, value)

    def __delitem__(self, key: str) -> None:
        with _in_doubt():
            self.client.delete(self._format_key(key))

    def do_remove(self) -> None:
        """Removes all values of the namespace."""
        for key in self.keys():
            self.client.delete(key)

    def keys(self) -> list[Any]:
        """The keys of the namespace's values on the server, in full."""
        escaped = "".join(
            f"\\{character}" if character in _SPECIAL_IN_PATTERNS else character
            for character in f"{self.key_prefix}{self.namespace}:"
        )
        # redis-py asks one node of a cluster for KEYS and all of them for SCAN, which may list a key twice.
        scan = getattr(self.client, "scan_iter", self.client.keys)
        return list(dict.fromkeys(scan(f"{escaped}*")))


class RedisSynchronizer(SynchronizerImpl):
    """A lock between all threads and processes that use a server. A reader locks as a writer does.

    ``url`` is the URL of the server, or a client. The lock lasts ten seconds, and its process renews it, so
    that the lock of a process that dies ends soon. It lasts ``LOCK_EXPIRATION`` seconds at the most.
    """

    LOCK_EXPIRATION = 900
    MACHINE_ID = machine_identifier()

    def __init__(self, identifier: str, url: Any) -> None:
        super().__init__()
        self.identifier = f"{_LOCK_PREFIX}{identifier}"
        self.client = _client(url)

    def _get_owner_id(self) -> bytes:
        return f"{self.MACHINE_ID}-{os.getpid()}-{threading.current_thread().ident}".encode("ascii")

    def do_acquire_read_lock(self, wait: bool = True) -> bool:
        """Locks."""
        return self.do_acquire_write_lock(wait)

    def do_release_read_lock(self) -> None:
        """Undoes :meth:`do_acquire_read_lock`."""
        self.do_release_write_lock()

    def do_acquire_write_lock(self, wait: bool = True) -> bool:
        """Locks. ``False`` if ``wait`` is false and another thread holds the lock."""
        # Of this one attempt: an attempt that fails ends no other lock of the thread.
        owner = self._get_owner_id() + b"-" + os.urandom(8).hex().encode()
        lease = _Lease(self.client, self.identifier, owner, self.LOCK_EXPIRATION)
        state = self.state
        waiting: Waiting | None = None
        try:
            while not lease.take():
                if not wait:
                    return False
                waiting = waiting or Waiting()
                waiting.sleep(time.sleep)
            state.held = lease
            _lease.renewals.add(lease)
        except BaseException:
            # The server may have taken the lock all the same. If this fails, too, it ends by itself.
            state.held = None
            _lease.renewals.discard(lease)
            with contextlib.suppress(Exception):
                lease.end()
            raise
        return True

    def do_release_write_lock(self) -> None:
        """Undoes :meth:`do_acquire_write_lock`, unless the lock has ended and another thread has it."""
        self._let_go(self.state)

    def _let_go(self, state: SynchronizerImpl.SyncState) -> None:
        lease, state.held = state.held, None
        if lease is None:
            return
        _lease.renewals.discard(lease)
        # In a forked process the lock is the parent's.
        if lease.owner.rpartition(b"-")[0] == self._get_owner_id():
            lease.end()


class _Lease:
    """The key of a lock that one holder has."""

    def __init__(self, client: Any, name: str, owner: bytes, longest: float) -> None:
        self._client, self._name, self.owner = client, name, owner
        self.server = client
        self._longest = longest
        self._last = 0.0
        self._mutex = threading.Lock()
        self._is_over = False

    def take(self) -> bool:
        """Takes the lock if it is free."""
        self._last = time.monotonic() + self._longest
        return bool(self._client.set(self._name, self.owner, px=self._milliseconds(self._longest), nx=True))

    def renew(self) -> None:
        """Lets the lock last for a whole lease from now, unless it is over."""
        with self._mutex:
            left = self._last - time.monotonic()
            if self._is_over or left <= 0:
                return
            # If the server is down, the next renewal may come in time.
            with contextlib.suppress(Exception):
                self._is_over = not self._run(_RENEW, str(self._milliseconds(left)).encode())

    def end(self) -> None:
        """Ends the lock, unless another has it."""
        with self._mutex:
            self._is_over = True
            self._run(_RELEASE)

    @staticmethod
    def _milliseconds(left: float) -> int:
        return max(1, round(min(_lease.LEASE, left) * 1000))

    def _run(self, script: str, *arguments: bytes) -> Any:
        # redis-py repeats a script as its own options say.
        options = {"repeatable": True} if isinstance(self._client, RedisClient) else {}
        return self._client.eval(script, 1, self._name.encode(), self.owner, *arguments, **options)
