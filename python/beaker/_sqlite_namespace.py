# ruff: noqa: ARG002 - the signatures are the ones that applications use
"""The backend of one SQLite database: a row for each value."""

import pickle
from collections.abc import Iterable
from typing import Any

from beaker import _core
from beaker._file_lock import FileSynchronizer
from beaker._namespace import OpenResourceNamespaceManager
from beaker._pickled_values import PickledValues
from beaker.exceptions import BeakerException, MissingCacheParameter
from beaker.synchronization import SynchronizerImpl, file_synchronizer

__all__ = ["SqliteNamespaceManager"]

# Every Python that may share the database can read it.
_PICKLE_PROTOCOL = 4
_SESSION_KEY = "session"


class SqliteNamespaceManager(PickledValues, OpenResourceNamespaceManager):
    """The backend of one SQLite database, which all processes of a machine share.

    ``url`` is ``sqlite:////path/to/file``; without it the file is ``sessions.sqlite`` in ``data_dir``. The
    text under the key ``session`` is the session of that id; any other value is a pickle. Each call is done
    at once, whichever lock is held. The locks, in ``lock_dir`` or beside the database, keep callers that take
    them from each other, between threads and processes.

    With ``allow_pickle`` false (on an instance or a subclass) only text, numbers and containers of them are
    read. Otherwise values can be of any kind, and reading one can run code that its pickle names.

    A session that is written ends after ``timeout`` seconds, and any value after the ``expiretime`` of
    ``set_value``.

    Raises :class:`~beaker.exceptions.StoreUnavailableError` if the database cannot be used.
    """

    _reads_at_once = True
    """A value is read in one step, so nobody need ask first whether there is one."""

    def __init__(
        self,
        namespace: str,
        url: str | None = None,
        data_dir: str | None = None,
        lock_dir: str | None = None,
        *,
        durability: str = "beaker",
        timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        if not url and not data_dir:
            raise MissingCacheParameter(
                "url and data_dir are missing: set one to the place of the database, or the folder for it"
            )
        self._database = _core.SqliteDatabase(url or None, data_dir, durability)
        self._lock_dir: str = lock_dir or self._database.lock_dir
        self._timeout = timeout
        super().__init__(namespace)

    @property
    def file(self) -> str:
        """The path of the database."""
        return self._database.path

    def get_access_lock(self) -> SynchronizerImpl:
        """The lock of this namespace, between processes."""
        return file_synchronizer(self.namespace, lock_dir=self._lock_dir)

    def _lock_as(self, name: str) -> None:
        """Takes the lock of ``name`` in place of the namespace's own."""
        self.access_lock = file_synchronizer(name, lock_dir=self._lock_dir)

    def get_creation_lock(self, key: str) -> SynchronizerImpl:
        """The lock for making a value for ``key``, between processes."""
        return file_synchronizer(f"sqlitecontainer/funclock/{self.namespace}/{key}", lock_dir=self._lock_dir)

    def do_open(self, flags: str, replace: bool) -> None:
        """Nothing: each call opens and closes what it needs."""

    def do_close(self) -> None:
        """Nothing: what was set is stored."""

    def acquire_read_lock(self) -> None:
        """Takes the lock."""
        try:
            super().acquire_read_lock()
        except BaseException:
            self._drop_lock_file()
            raise

    def release_read_lock(self) -> None:
        """Releases the lock, and removes its file."""
        try:
            super().release_read_lock()
        finally:
            self._drop_lock_file()

    def release_write_lock(self) -> None:
        """Releases the lock, and removes its file."""
        try:
            super().release_write_lock()
        finally:
            self._drop_lock_file()

    def remove(self) -> None:
        """Removes all values under the lock."""
        try:
            super().remove()
        finally:
            self._drop_lock_file()

    def _drop_lock_file(self) -> None:
        if isinstance(self.access_lock, FileSynchronizer):
            self.access_lock.remove_unused_file(lambda: False)

    def do_remove(self) -> None:
        """Removes all values. No error if there are none."""
        self._database.clear(self.namespace)

    def __getitem__(self, key: str) -> Any:
        value = self._database.get(self.namespace, _name(key))
        if value is None:
            raise KeyError(key)
        return value if isinstance(value, str) else self._loaded(value, "value")

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str | bytes):
            return False
        return self._database.get(self.namespace, _name(key)) is not None

    def __setitem__(self, key: str, value: Any) -> None:
        self.set_value(key, value)

    def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
        """Sets ``key``, which ends ``expiretime`` seconds from now, if that is given."""
        name = _name(key)
        if expiretime is None and name == _SESSION_KEY:
            expiretime = self._timeout
        self._database.set(self.namespace, name, self._encoded(name, value), expiretime)

    def _encoded(self, key: str, value: Any) -> str | bytes:
        if key == _SESSION_KEY and isinstance(value, str) and _is_unicode(value):
            return value
        if not self.allow_pickle:
            raise BeakerException("only the text of a session can be stored when allow_pickle is false")
        return pickle.dumps(value, _PICKLE_PROTOCOL)

    def __delitem__(self, key: str) -> None:
        if not self._database.delete(self.namespace, _name(key)):
            raise KeyError(key)

    def keys(self) -> Iterable[str]:
        """All keys, as text."""
        return self._database.names(self.namespace)


def _name(key: str | bytes) -> str:
    # A cache has its keys as bytes.
    return key.decode("latin-1") if isinstance(key, bytes) else key


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
