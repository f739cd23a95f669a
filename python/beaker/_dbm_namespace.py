# ruff: noqa: ARG002, PLR0917, PTH107, PTH120 - the signatures are the ones that applications use, and paths are text
"""The backend of dbm files: one for each namespace, each value a pickle."""

import os
import pickle
from collections.abc import Iterable, MutableMapping
from types import ModuleType
from typing import Any

from beaker._compat import anydbm
from beaker._file_backed import FileBackedNamespaceManager, storage_folder
from beaker._files import verify_directory
from beaker.exceptions import CorruptSessionError, LockError

__all__ = ["DBMNamespaceManager"]

# The files that the implementations of dbm make beside, or instead of, the one that they were told to open.
_EXTENSIONS = ("db", "dat", "pag", "dir", "bak")
_FILE_MODE = 0o600
_PICKLE_PROTOCOL = 4


class DBMNamespaceManager(FileBackedNamespaceManager):
    """The backend of dbm files, one for each namespace.

    Reading values runs what the file says; with ``allow_pickle`` false (on an instance or a subclass) only
    text, numbers and containers of them are read, and anything else is corrupt.
    """

    allow_pickle = True

    def __init__(
        self,
        namespace: str,
        dbmmodule: ModuleType | None = None,
        data_dir: str | None = None,
        dbm_dir: str | None = None,
        lock_dir: str | None = None,
        digest_filenames: bool = True,
        **kwargs: Any,
    ) -> None:
        self.dbm_dir = storage_folder(dbm_dir, data_dir, "container_dbm", "dbm_dir")
        lock_dir = storage_folder(lock_dir, data_dir, "container_dbm_lock", "lock_dir")
        self.dbmmodule: Any = dbmmodule or anydbm
        self.dbm: Any = None
        super().__init__(namespace, self.dbm_dir, lock_dir, ".dbm", digest_filenames)

    def file_exists(self, file: str) -> bool:
        """Whether there is a dbm of that name, in however many files."""
        return any(os.path.lexists(name) for name in _names(file))

    def get_filenames(self) -> list[str]:
        """The files of this namespace that exist."""
        return [name for name in _names(self.file) if os.path.lexists(name)]

    def do_open(self, flags: str, replace: bool) -> None:
        """Opens the dbm. One that does not exist is empty for reading, and is made for writing."""
        if not self.file_exists(self.file):
            if flags == "r":
                self.dbm = {}
                return
            self._call("make the folder of", verify_directory, os.path.dirname(self.file))
        self.dbm = self._call("open", self.dbmmodule.open, self.file, flags, _FILE_MODE)

    def do_close(self) -> None:
        """Closes the dbm."""
        opened, self.dbm = self.dbm, None
        close = getattr(opened, "close", None)
        if close is not None:
            self._call("close", close)

    def do_remove(self) -> None:
        """Removes the files; no error if there are none."""
        for name in self.get_filenames():
            try:
                os.remove(name)
            except FileNotFoundError:  # noqa: PERF203 - each file by itself
                continue
            except OSError as cause:
                raise self._unavailable(f"remove a file of {self.dbm_dir}", cause) from cause

    def _call(self, what: str, function: Any, *args: Any) -> Any:
        try:
            return function(*args)
        except (OSError, getattr(self.dbmmodule, "error", OSError)) as cause:
            raise self._unavailable(f"{what} a dbm in {self.dbm_dir}", cause) from cause

    @property
    def _open_dbm(self) -> MutableMapping[Any, Any]:
        if self.dbm is None:
            raise LockError("the dbm is not open; take a lock first")
        opened: MutableMapping[Any, Any] = self.dbm
        return opened

    def __getitem__(self, key: str) -> Any:
        data = self._open_dbm[key]
        try:
            return pickle.loads(data) if self.allow_pickle else _guarded_loads(data)  # noqa: S301
        except (MemoryError, RecursionError):
            raise
        except Exception as cause:  # a damaged pickle can raise anything at all
            raise CorruptSessionError(
                f"a stored value cannot be unpickled: {type(cause).__name__}"
            ) from cause

    def __contains__(self, key: object) -> bool:
        return key in self._open_dbm

    def __setitem__(self, key: str, value: Any) -> None:
        self._open_dbm[key] = pickle.dumps(value, _PICKLE_PROTOCOL)

    def __delitem__(self, key: str) -> None:
        del self._open_dbm[key]

    def keys(self) -> Iterable[Any]:
        """All keys as bytes, while the namespace is open."""
        return self._open_dbm.keys()


def _names(file: str) -> list[str]:
    return [file, *(file + os.extsep + extension for extension in _EXTENSIONS)]


def _guarded_loads(data: bytes) -> object:
    # Imported when it is needed: it brings a dozen modules, and hardly anybody keeps sessions in dbm files.
    from beaker._pickle_guard import loads  # noqa: PLC0415

    return loads(data, frozenset())
