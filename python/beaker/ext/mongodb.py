# ruff: noqa: ARG002 - the signatures are the ones that applications use
"""The backend of MongoDB, by pymongo."""

import hashlib
import importlib
import os
import pickle
import re
import time
from collections.abc import Iterable
from typing import Any

from beaker._core import clock_is_steady
from beaker._lease import LeaseLock
from beaker._namespace import NamespaceManager
from beaker._pickled_values import PickledValues, as_text
from beaker._redaction import without_id
from beaker._timed_sweep import INTERVAL, TimedSweep
from beaker.exceptions import (
    BeakerException,
    ConfigurationError,
    CorruptSessionError,
    InvalidCacheBackendError,
    MissingCacheParameter,
    OutcomeUnknownError,
    StoreUnavailableError,
)
from beaker.synchronization import SynchronizerImpl, null_synchronizer
from beaker.util import SyncDict

__all__ = ["MongoNamespaceManager"]

# Every Python that may share the collection can read it.
_PICKLE_PROTOCOL = 4
_LOCK_KEY = "lock"
_SECONDS = 5.0
_MARGIN = 120.0


class MongoNamespaceManager(PickledValues, NamespaceManager):
    """The backend of a collection ``backer_cache``, which is Beaker's name, with a document for each key.

    ``url`` is an address of MongoDB that names a database, such as ``mongodb://host/shop``, or a
    ``pymongo.MongoClient`` with a default database. All namespaces of one address share a client in a
    process. ``timeout`` is the lifetime of a session in seconds. An expired session is absent, and is removed
    every ``sweep_interval`` seconds.

    With ``allow_pickle`` false (on an instance or a subclass) only text, numbers and containers of them are
    read. Otherwise reading a value can run code that its pickle names.

    Raises :class:`MissingCacheParameter` without a ``url``, :class:`ConfigurationError` if that names no
    database, and :class:`StoreUnavailableError` if the server does not answer.
    """

    _reads_at_once = True
    """A value is read in one step, so nobody need ask first whether there is one."""

    MAX_KEY_LENGTH = 1024

    clients: SyncDict[str, Any] = SyncDict()
    """The clients that were made, by address."""

    @classmethod
    def _init_dependencies(cls) -> None:
        _import_pymongo()

    def __init__(
        self,
        namespace: str,
        url: Any = None,
        *,
        digest_filenames: bool = True,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        operation_timeout: float | None = None,
        sweep_interval: float | None = None,
        **kw: Any,
    ) -> None:
        super().__init__(namespace)
        _need(url)
        self.lock_dir = None
        limits = connect_timeout or _SECONDS, operation_timeout or _SECONDS
        self.client = self.clients.get(url, _connect, url, *limits) if isinstance(url, str) else url
        self.db = _default_database(self.client)
        self._timeout = timeout
        self._interval = INTERVAL if sweep_interval is None else float(sweep_interval)
        self._seen: dict[str, tuple[bytes, Any]] = {}
        self._is_session = not digest_filenames
        self.access_lock: SynchronizerImpl | null_synchronizer = (
            self._lock(f"session {namespace}") if self._is_session else null_synchronizer()
        )

    @classmethod
    def _check_options(cls, url: Any = None, **_options: Any) -> None:
        """Judges the options of sessions, without a connection."""
        _need(url)
        if not isinstance(url, str):
            _default_database(url)
        elif not url.startswith("mongodb+srv:") and _parsed(url)["database"] is None:
            raise _no_database()

    def _lock(self, name: str) -> LeaseLock:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return LeaseLock(_Text(self, f"beaker lock {digest}"))

    def acquire_read_lock(self) -> None:
        """Does nothing: each read is one step."""

    def release_read_lock(self) -> None:
        """Does nothing."""

    def acquire_write_lock(self, wait: bool = True, replace: bool = False) -> bool:
        """Takes the lock of a session, between machines. A cache needs none."""
        return self.access_lock.acquire_write_lock(wait)

    def release_write_lock(self) -> None:
        """Releases the lock."""
        self.access_lock.release_write_lock()

    def get_creation_lock(self, key: str) -> SynchronizerImpl:
        """The lock for making a value, between machines."""
        return self._lock(f"creation {self._format_key(key)}")

    def _format_key(self, key: str | bytes) -> str:
        text = key.decode("ascii") if isinstance(key, bytes) else key
        if len(text) > self.MAX_KEY_LENGTH - len(self.namespace) - 1:
            text = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Beaker's names
        return f"{self.namespace}:{text}"

    def __getitem__(self, key: str) -> Any:
        return self._read(self._format_key(key))[1]

    def __contains__(self, key: object) -> bool:
        try:
            self._find(self._format_key(key))  # type: ignore[arg-type]
        except KeyError:
            return False
        return True

    def _find(self, name: str) -> bytes:
        """The pickle in the document of that name. Raises :class:`KeyError`."""
        self._seen.pop(name, None)
        if not _is_text(name):
            raise KeyError(name)
        collection = self.db.backer_cache
        found = self._call("read", lambda: collection.find_one({"_id": name}), change=False)
        if found is None:
            raise KeyError(name)
        value, expiration = found.get("value"), found.get("expiration")
        if not isinstance(value, bytes) or not isinstance(expiration, (int, float, type(None))):
            raise CorruptSessionError(
                f"a stored document has a value of type {type(value).__name__} and an expiration of type "
                f"{type(expiration).__name__}: they have to be bytes, and a number or null"
            )
        if expiration is not None and expiration <= time.time():
            if self._is_session and clock_is_steady():
                # It must not be found again by a clock that is behind.
                over = {"_id": name, "value": value, "expiration": expiration}
                self._call("remove", lambda: collection.delete_one(over), change=False)
            raise KeyError(name)
        return bytes(value)

    def _read(self, name: str) -> tuple[bytes, Any]:
        data = self._find(name)
        return self._remember(name, (data, self._loaded(data, "value")))

    def _remember(self, name: str, seen: tuple[bytes, Any]) -> tuple[bytes, Any]:
        # Only a session is swapped soon.
        if self._is_session:
            self._seen[name] = seen
        return seen

    def __setitem__(self, key: str, value: Any) -> None:
        self.set_value(key, value)

    def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
        """Sets ``key``. It is absent after ``expiretime`` seconds, by default after ``timeout``."""
        name = self._format_key(key)
        self._seen.pop(name, None)
        document = self._document(value, expiretime)
        collection = self.db.backer_cache
        self._call(
            "write",
            lambda: collection.update_one({"_id": name}, {"$set": document}, upsert=True),
            change=True,
        )
        self._sweep_if_due(document)

    def _document(self, value: Any, expiretime: float | None, data: bytes | None = None) -> dict[str, Any]:
        lifetime = self._timeout if expiretime is None else expiretime
        stored = pickle.dumps(value, _PICKLE_PROTOCOL) if data is None else data
        return {"value": stored, "expiration": None if lifetime is None else time.time() + lifetime}

    def __delitem__(self, key: str) -> None:
        name = self._format_key(key)
        self._seen.pop(name, None)
        self._call("remove", lambda: self.db.backer_cache.delete_one({"_id": name}), change=True)

    def swap(self, key: str, expected: Any, value: Any, expiretime: float | None = None) -> bool:
        """Changes ``key`` from ``expected`` to ``value`` in one step. ``None`` stands for no value.

        Returns whether it did: ``False`` if the document has another value. If both are the same, the
        lifetime begins anew; it is ``expiretime`` seconds, by default ``timeout``.
        """
        name = self._format_key(key)
        seen = self._seen.pop(name, None)
        if expected is None:
            return value is None or self._insert(name, value, expiretime)
        if seen is None or as_text(seen[1]) != expected:
            try:
                seen = self._read(name)
            except KeyError:
                return False
            if as_text(seen[1]) != expected:
                return False
        collection, state = self.db.backer_cache, {"_id": name, "value": seen[0]}
        if value is None:
            result = self._call("remove", lambda: collection.delete_one(state), change=True)
            return bool(result.deleted_count)
        document = self._document(value, expiretime, seen[0] if value == expected else None)
        result = self._call("write", lambda: collection.update_one(state, {"$set": document}), change=True)
        if result.matched_count:
            self._remember(name, (document["value"], value))
        return bool(result.matched_count)

    def _insert(self, name: str, value: Any, expiretime: float | None) -> bool:
        """Adds a document, or replaces one that has expired."""
        document = self._document(value, expiretime)
        expired = {"_id": name, "expiration": {"$ne": None, "$lte": time.time()}}
        collection, duplicate = self.db.backer_cache, _import_pymongo().errors.DuplicateKeyError
        try:
            self._call(
                "write", lambda: collection.update_one(expired, {"$set": document}, upsert=True), change=True
            )
        except duplicate:
            return False
        self._sweep_if_due(document)
        return True

    def _sweep_if_due(self, stored: dict[str, Any]) -> None:
        if stored["expiration"] is not None:
            self._sweeper().start_if_due(0.0, self._interval)

    def _sweeper(self) -> TimedSweep:
        return _sweeps.get((self.client, self.db.name), self._new_sweep)

    def _new_sweep(self) -> TimedSweep:
        return TimedSweep(lambda now, _timeout: self._remove_expired(now), _Text(self, "beaker sweep"))

    def _remove_expired(self, now: float) -> None:
        # The clocks of machines may differ by so much.
        expired = {"expiration": {"$ne": None, "$lte": now - _MARGIN}}
        self._call("remove", lambda: self.db.backer_cache.delete_many(expired), change=True)

    def do_remove(self) -> None:
        """Removes all keys of the namespace."""
        self._seen.clear()
        mine = {"_id": {"$regex": f"^{re.escape(self.namespace)}:"}}
        self._call("remove", lambda: self.db.backer_cache.delete_many(mine), change=True)

    def keys(self) -> Iterable[str]:
        """All keys. Of one that is too long, its hash."""
        mine = {"_id": {"$regex": f"^{re.escape(self.namespace)}:"}}
        found = self._call("read", lambda: list(self.db.backer_cache.find(mine, {"_id": 1})), change=False)
        return [document["_id"][len(self.namespace) + 1 :] for document in found]

    def _call(self, what: str, work: Any, *, change: bool) -> Any:
        errors = _import_pymongo().errors
        failure: BeakerException
        try:
            return work()
        except errors.DuplicateKeyError:
            raise
        except errors.ServerSelectionTimeoutError as caught:
            # Nothing was sent.
            cause: Exception = caught
            failure = StoreUnavailableError(f"cannot {what} a document: no server of MongoDB answers")
        except (errors.AutoReconnect, errors.NetworkTimeout, errors.WTimeoutError) as caught:
            cause = caught
            kind = OutcomeUnknownError if change else StoreUnavailableError
            failure = kind(f"cannot {what} a document: the reply of MongoDB was lost")
        except errors.PyMongoError as caught:
            cause = caught
            failure = StoreUnavailableError(f"cannot {what} a document: {type(caught).__name__}")
        raise failure from without_id(cause, self.namespace)


_sweeps: SyncDict[Any, TimedSweep] = SyncDict()


class _Text:
    """A text in a document of its own, such as a lease."""

    def __init__(self, namespace: MongoNamespaceManager, name: str) -> None:
        kind = type(namespace)
        self._namespace = namespace if namespace.namespace == name else kind(name, namespace.client)
        self.server = namespace.client

    def look(self) -> str | None:
        """The text, if there is one."""
        try:
            return str(self._namespace[_LOCK_KEY])
        except KeyError:
            return None

    def swap(self, expected: str | None, text: str | None) -> bool:
        """Changes the text from the expected one in one step."""
        return self._namespace.swap(_LOCK_KEY, expected, text)


def _import_pymongo() -> Any:
    try:
        importlib.import_module("pymongo.errors")
        return importlib.import_module("pymongo")
    except ImportError as cause:
        raise InvalidCacheBackendError("pymongo is not installed: install beaker-rs[mongodb]") from cause


def _need(url: Any) -> None:
    # A client has no truth value.
    if url is None or url == "":
        raise MissingCacheParameter("url is missing: set it to the server, such as mongodb://host/database")


def _parsed(url: str) -> Any:
    errors, parser = _import_pymongo().errors, importlib.import_module("pymongo.uri_parser")
    trouble: Exception
    try:
        return parser.parse_uri(url)
    except (errors.PyMongoError, ValueError, TypeError) as cause:
        trouble = _no_address(cause)
    # The cause may show the password.
    raise trouble


def _no_address(cause: Exception) -> ConfigurationError:
    return ConfigurationError(f"url is not an address of MongoDB ({type(cause).__name__})")


def _no_database() -> ConfigurationError:
    return ConfigurationError("url names no database: add one, as in mongodb://host/database")


def _connect(url: str, connect: float, answer: float) -> Any:
    pymongo = _import_pymongo()
    trouble: Exception
    try:
        return pymongo.MongoClient(
            url,
            connectTimeoutMS=int(connect * 1000),
            serverSelectionTimeoutMS=int(connect * 1000),
            socketTimeoutMS=int(answer * 1000),
        )
    except (pymongo.errors.PyMongoError, ValueError, TypeError) as cause:
        trouble = _no_address(cause)
    # The cause may show the password.
    raise trouble


def _default_database(client: Any) -> Any:
    errors = _import_pymongo().errors
    try:
        return client.get_default_database()
    except errors.ConfigurationError as cause:
        raise _no_database() from cause


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _forget_clients() -> None:
    # A client must not be used on both sides of a fork.
    MongoNamespaceManager.clients.clear()
    _sweeps.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_clients)
