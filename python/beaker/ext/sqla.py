# ruff: noqa: ARG002 - the signatures are the ones that applications use
"""The backend of a table that the program made with SQLAlchemy."""

import hashlib
import pickle
import random
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from beaker import _core
from beaker._engines import column_types, import_sqlalchemy
from beaker._lease import LeaseLock
from beaker._pickled_values import PickledValues, as_text
from beaker._row_sweep import MARGIN, sweep
from beaker._row_text import RowText
from beaker._rows import Rows
from beaker._timed_sweep import INTERVAL, TimedSweep
from beaker.container import Container, OpenResourceNamespaceManager
from beaker.exceptions import BeakerException, ConfigurationError, CorruptSessionError, LockError
from beaker.synchronization import SynchronizerImpl, _synchronizers, file_synchronizer, null_synchronizer
from beaker.util import SyncDict

__all__ = ["SqlaContainer", "SqlaNamespaceManager", "make_cache_table"]

_SESSION_KEY = "session"
# Every Python that may share the table can read it.
_PICKLE_PROTOCOL = 4
_ATTEMPTS = 64
# In seconds.
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.1
_REMOVED = object()

Contents = Mapping[Any, Any]


class _Seen(NamedTuple):
    """A row as it was read: its pickle, if there is a row, and the values in it."""

    data: bytes | None
    contents: Contents


_NOTHING = _Seen(None, {})


class _Use:
    """The use that is made of a namespace."""

    def __init__(self) -> None:
        self.openers = 0
        self.flags: str | None = None
        self.seen: _Seen | None = None
        self.is_fresh = False
        self.changes: dict[Any, Any] = {}
        self.lifetime: float | None = None


class _UseOfThread(_Use, threading.local):
    """The use that each thread makes of a cache, which they share without a lock."""


class SqlaNamespaceManager(PickledValues, OpenResourceNamespaceManager):
    """The backend of a table with a row for each namespace.

    ``bind`` is an ``Engine`` of SQLAlchemy, or a ``Connection``, whose engine is used. ``table`` is a
    ``Table`` as :func:`make_cache_table` makes it, which has to exist in the database. ``lock_dir``, by
    default a folder in ``data_dir``, is for the locks of caches; without both, they are in the table.
    ``timeout`` is the lifetime of a session in seconds; expired ones are removed every ``sweep_interval``
    seconds.

    With ``allow_pickle`` false (on an instance or a subclass) only the rows of sessions are read, without
    Python's pickle, and any other row is corrupt. Otherwise reading a row can run code that it names.
    """

    binds: SyncDict[Any, Any] = SyncDict()
    """The engines that were made, by URL."""
    tables: SyncDict[Any, Any] = SyncDict()
    """The tables that were made, by URL, schema and name."""

    @classmethod
    def _init_dependencies(cls) -> None:
        import_sqlalchemy()

    def __init__(
        self,
        namespace: str,
        bind: Any,
        table: Any,
        data_dir: str | None = None,
        lock_dir: str | None = None,
        *,
        digest_filenames: bool = True,
        timeout: float | None = None,
        sweep_interval: float | None = None,
        **kwargs: Any,
    ) -> None:
        self._is_session = not digest_filenames
        self._use = _Use() if self._is_session else _UseOfThread()
        self.namespace = namespace
        self.bind, self.table = _engine_of(bind), table
        self._rows, self._sweeper = _open_rows.get((self.bind, table), _rows_of, self.bind, table)
        super().__init__(namespace)
        self.lock_dir = lock_dir or (f"{data_dir}/container_db_lock" if data_dir else None)
        self._timeout = timeout
        self._interval = INTERVAL if sweep_interval is None else float(sweep_interval)
        self._refusals = 0

    @classmethod
    def _check_options(cls, **options: Any) -> None:
        """Judges the options of sessions, without a connection."""
        if options.get("table") is None:
            raise ConfigurationError("table is missing: set it to what make_cache_table returns")
        _engine_of(options.get("bind"))

    @property
    def openers(self) -> int:
        """The number of opens without a close; for a cache, of this thread."""
        return self._use.openers

    @openers.setter
    def openers(self, openers: int) -> None:
        self._use.openers = openers

    @property
    def flags(self) -> str | None:
        """How the namespace is open: ``'r'``, ``'c'`` or not; for a cache, of this thread."""
        return self._use.flags

    @flags.setter
    def flags(self, flags: str | None) -> None:
        self._use.flags = flags

    def get_access_lock(self) -> SynchronizerImpl | null_synchronizer:
        """For a session, a lock between machines in the table. A cache needs none."""
        return (
            LeaseLock(RowText(self._rows, _lock_name(self.namespace)))
            if self._is_session
            else null_synchronizer()
        )

    def get_creation_lock(self, key: str) -> SynchronizerImpl:
        """The lock for making a value, in files or in the table."""
        # Beaker has one for the namespace: functions that call each other would wait for each other.
        name = f"databasecontainer/funclock/{self.namespace}/{key}"
        if self.lock_dir is None:
            return self._lease_lock(name)
        return file_synchronizer(name, lock_dir=self.lock_dir)

    def _lease_lock(self, name: str) -> SynchronizerImpl:
        """The lock of that name in the table, which is reentrant: a thread has one object for it."""
        identity = (name, LeaseLock, self._rows)
        return _synchronizers.sync_get(identity, LeaseLock, RowText(self._rows, _lock_name(name)))

    def do_open(self, flags: str, replace: bool) -> None:
        """Prepares for reading and writing. The row is read when a value is asked for."""
        self.flags = flags
        self._begin()

    def do_close(self) -> None:
        """Stores what was changed, in one step with the values that others changed meanwhile."""
        flags, self.flags = self.flags, None
        changes, lifetime, seen = self._use.changes, self._use.lifetime, self._use.seen
        self._begin()
        if changes and flags in {"c", "w"}:
            self._store(changes, lifetime, seen)

    def _begin(self) -> None:
        self._use.is_fresh = False
        self._use.changes, self._use.lifetime = {}, None
        self._remember(self._use.seen)

    def _remember(self, seen: _Seen | None) -> None:
        # Otherwise each thread would keep a cache that it once used.
        self._use.seen = seen if self._is_session or self.flags is not None else None

    def _abandon(self) -> None:
        super()._abandon()
        self.flags = None
        self._begin()

    def _read(self, *, to_change: bool = False) -> _Seen:
        """The row as it is now. A row of a cache that cannot be read is empty ``to_change``."""
        self._use.seen = data = None
        try:
            data = self._rows.read(self.namespace)
            contents = {} if data is None else self._decode(data)
        except pickle.UnpicklingError:
            if self._is_session or not to_change:
                raise
            if data is None:
                # A row without bytes cannot be compared.
                self._rows.remove(self.namespace)
            contents = {}
        seen = _Seen(data, contents)
        self._remember(seen)
        self._use.is_fresh = self.flags is not None
        return seen

    def _decode(self, data: bytes) -> Contents:
        if self.allow_pickle:
            contents = self._loaded(data, "row")
            if not isinstance(contents, dict):
                raise CorruptSessionError("a stored row does not hold a dictionary")
            return contents
        try:
            envelope = _core.read_envelope(data)
        except ValueError as cause:
            raise CorruptSessionError("a stored row does not hold a session") from cause
        return {} if envelope is None else {_SESSION_KEY: envelope[0]}

    def _encode(self, contents: Contents) -> bytes:
        text = contents.get(_SESSION_KEY)
        if isinstance(text, str) and len(contents) == 1 and text.isascii():
            return _core.write_envelope(text)
        if not self.allow_pickle:
            raise BeakerException("only the text of a session can be stored when allow_pickle is false")
        return pickle.dumps(contents, _PICKLE_PROTOCOL)

    def _put(self, seen: _Seen, contents: Contents, lifetime: float | None) -> bool:
        """Changes the row from what was seen. ``False`` if another was faster."""
        self._use.seen = None
        if not contents:
            if seen.data is not None and not self._rows.delete(self.namespace, seen.data):
                return False
            self._remember(_NOTHING)
            return True
        data, accessed = self._encode(contents), self._accessed(lifetime)
        if seen.data is None:
            is_stored = self._rows.insert(self.namespace, data, accessed)
        else:
            is_stored = self._rows.update(self.namespace, seen.data, data, accessed)
        if is_stored:
            self._remember(_Seen(data, contents))
            if self._is_session and self._timeout is not None:
                self._sweeper.start_if_due(self._timeout, self._interval)
        return is_stored

    def _accessed(self, lifetime: float | None) -> float:
        """The time to store. A session of a longer lifetime seems used later, so that sweeps leave it."""
        if lifetime is None or self._timeout is None:
            return time.time()
        return time.time() + lifetime - self._timeout

    def _store(self, changes: Contents, lifetime: float | None, seen: _Seen | None) -> None:
        seen = seen or self._read(to_change=True)
        for _ in range(_ATTEMPTS):
            contents = {**seen.contents, **changes}
            if self._put(
                seen, {key: value for key, value in contents.items() if value is not _REMOVED}, lifetime
            ):
                return
            seen = self._read(to_change=True)
        raise LockError(f"others changed the namespace each time, in {_ATTEMPTS} attempts to store it")

    def swap(self, key: str, expected: Any, value: Any, expiretime: float | None = None) -> bool:
        """Changes ``key`` from ``expected`` to ``value`` in one step. ``None`` stands for no value.

        Returns whether it did: ``False`` if the row has another value. If both are the same, the lifetime
        begins anew; it is ``expiretime`` seconds, by default ``timeout``.
        """
        seen = self._use.seen or (_NOTHING if expected is None else self._read())
        if as_text(seen.contents.get(key)) != expected and not self._use.is_fresh:
            seen = self._read()
        for _ in range(_ATTEMPTS):
            if as_text(seen.contents.get(key)) != expected:
                self._back_off()
                return False
            contents = {other: kept for other, kept in seen.contents.items() if other != key}
            if value is not None:
                contents[key] = value
            if self._put(seen, contents, expiretime):
                return True
            seen = self._read()
        raise LockError(f"others changed the namespace each time, in {_ATTEMPTS} attempts to change it")

    def _back_off(self) -> None:
        # Otherwise concurrent writers of one session refuse each other. The lock holder goes first.
        if self.flags != "c":
            self._refusals += 1
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._refusals)))

    def remove(self) -> None:
        """Removes the namespace. It is one step, so it needs no lock."""
        self.close(checkcount=False)
        self.do_remove()

    def do_remove(self) -> None:
        """Removes the row. No error if there is none."""
        self._use.seen = None
        self._rows.remove(self.namespace)

    @property
    def _contents(self) -> Contents:
        seen = self._use.seen if self._use.is_fresh else None
        return (seen or self._read(to_change=self.flags == "c")).contents

    def __getitem__(self, key: str) -> Any:
        value = self._use.changes[key] if key in self._use.changes else self._contents[key]
        if value is _REMOVED:
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        if key in self._use.changes:
            return self._use.changes[key] is not _REMOVED
        return key in self._contents

    def __setitem__(self, key: str, value: Any) -> None:
        self._change(key, value, None)

    def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
        """Sets ``key``. The record of a session ends ``expiretime`` seconds from now, if that is given."""
        self._change(key, value, expiretime if key == _SESSION_KEY and self._is_session else None)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._change(key, _REMOVED, None)

    def _change(self, key: str, value: Any, lifetime: float | None) -> None:
        if self.flags is None:
            self._store({key: value}, lifetime, self._use.seen)
            return
        if self.flags == "r":
            raise LockError("the namespace is open for reading; take the lock for writing first")
        self._use.changes[key] = value
        self._use.lifetime = lifetime if lifetime is not None else self._use.lifetime

    def keys(self) -> Iterable[Any]:
        """All keys."""
        contents = {**self._contents, **self._use.changes}
        return [key for key, value in contents.items() if value is not _REMOVED]


class SqlaContainer(Container):
    """Makes values in a table."""

    namespace_class = SqlaNamespaceManager


def make_cache_table(metadata: Any, table_name: str = "beaker_cache", schema_name: str | None = None) -> Any:
    """A ``sqlalchemy.Table`` of ``metadata`` with the columns of Beaker's table.

    The table is not created in a database. The default ``schema_name`` is the schema of ``metadata``. Raises
    :class:`InvalidCacheBackendError` if SQLAlchemy is not installed.
    """
    sqlalchemy = import_sqlalchemy()
    names, pickles = column_types()
    return sqlalchemy.Table(
        table_name,
        metadata,
        sqlalchemy.Column("namespace", names, primary_key=True),
        sqlalchemy.Column("accessed", sqlalchemy.DateTime, nullable=False),
        sqlalchemy.Column("created", sqlalchemy.DateTime, nullable=False),
        sqlalchemy.Column("data", pickles, nullable=False),
        schema=schema_name or metadata.schema,
    )


_open_rows: SyncDict[Any, tuple[Rows, TimedSweep]] = SyncDict()


def _rows_of(engine: Any, table: Any) -> tuple[Rows, TimedSweep]:
    rows = Rows(engine, table)
    place = RowText(rows, "beaker sweep", "sweep")
    return rows, TimedSweep(lambda now, timeout: sweep(rows, now - timeout - MARGIN), place)


def _lock_name(name: str) -> str:
    return f"beaker lock {hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def _engine_of(bind: Any) -> Any:
    engine = getattr(bind, "engine", None)
    if engine is None or not hasattr(engine, "dialect"):
        raise ConfigurationError(f"bind is a {type(bind).__name__}: it has to be an engine of SQLAlchemy")
    return engine
