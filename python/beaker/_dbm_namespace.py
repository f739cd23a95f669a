# ruff: noqa: ARG002, PLR0917, PTH107, PTH112, PTH120 - the signatures are the ones that applications use, and paths are text
"""The backend of dbm files: one for each namespace, with a pickle for each value."""

import contextlib
import os
import pickle
from collections.abc import Iterable, Iterator, MutableMapping
from types import ModuleType
from typing import Any

from beaker import _core, _dbm_files
from beaker._compat import anydbm
from beaker._file_backed import FileBackedNamespaceManager, storage_folder
from beaker._file_lock import FileSynchronizer
from beaker._files import file_path, own_file_path, verify_directory
from beaker._pickled_values import guarded_loads
from beaker.exceptions import BeakerException, CorruptSessionError, LockError, StoreUnavailableError

__all__ = ["DBMNamespaceManager"]

_FILE_MODE = 0o600
_PICKLE_PROTOCOL = 4
# Beaker does not use this protocol for text, so a record with it and without an owner is ours.
_TEXT_PROTOCOL = 2
_SESSION_KEY = b"session"
_OWNER_KEY = b"beaker session id"


class DBMNamespaceManager(FileBackedNamespaceManager):
    """The backend of dbm files, one for each namespace.

    Reading a value can run code that its pickle names. With ``allow_pickle`` false (on an instance or a
    subclass) only text, numbers and containers of them are read, and anything else is corrupt.

    Without ``digest_filenames``, as sessions have it, a dbm is small: it is read whole when it is opened, and
    replaced whole when it is closed. Names that differ only in their dots would then share a dbm, as in
    Beaker. The name without dots has that dbm. A name with dots has it while no other name does, and
    otherwise a dbm of its own. ``file`` is the dbm as of the last opening.
    """

    # Most implementations add an extension of four characters.
    _LONGEST_NAME = FileBackedNamespaceManager._LONGEST_NAME - 4

    def __init__(
        self,
        namespace: str,
        dbmmodule: ModuleType | None = None,
        data_dir: str | None = None,
        dbm_dir: str | None = None,
        lock_dir: str | None = None,
        digest_filenames: bool = True,
        *,
        durability: str = "beaker",
        **kwargs: Any,
    ) -> None:
        self.dbm_dir = storage_folder(dbm_dir, data_dir, "container_dbm", "dbm_dir")
        lock_dir = storage_folder(lock_dir, data_dir, "container_dbm_lock", "lock_dir")
        self.dbmmodule: Any = dbmmodule or anydbm
        self.dbm: Any = None
        super().__init__(namespace, self.dbm_dir, lock_dir, ".dbm", digest_filenames)
        self._shared_file = self.file
        self._own_file = own_file_path(self.dbm_dir, namespace, ".dbm")
        self._to_disk = durability.strip().lower() == "full"

    def file_exists(self, file: str) -> bool:
        """Whether a dbm of that name exists, in one file or several."""
        return any(os.path.lexists(name) for name in _dbm_files.names(file))

    def get_filenames(self) -> list[str]:
        """The existing files of this namespace."""
        return [name for name in _dbm_files.names(self.file) if os.path.lexists(name)]

    def do_open(self, flags: str, replace: bool) -> None:
        """Opens the dbm. A missing one is empty for reading, and is made for writing."""
        if not self.digest_filenames:
            self._settle()
            try:
                contents = self._contents(self.file)
            except CorruptSessionError:
                if not replace:
                    raise
                contents = {}
            is_foreign = contents.get(_OWNER_KEY, self._owner) != self._owner
            self.dbm = _Small({} if is_foreign else contents, flags)
            return
        if not self.file_exists(self.file):
            if flags == "r":
                self.dbm = {}
                return
            self._call("make the folder of", verify_directory, os.path.dirname(self.file))
        if flags != "r":
            self._call("make", _dbm_files.make, self.dbmmodule, self.file)
        self.dbm = self._call("open", self.dbmmodule.open, self.file, flags, _FILE_MODE)

    def do_close(self) -> None:
        """Closes the dbm."""
        opened, self.dbm = self.dbm, None
        if isinstance(opened, _Small):
            if opened.is_changed:
                self._with_name(lambda locked: self._store(opened, locked), wait=False)
            return
        close = getattr(opened, "close", None)
        if close is not None:
            # It stays referenced until it is closed.
            self.dbm = opened
            try:
                self._call("close", close)
            finally:
                self.dbm = None

    def _abandon(self) -> None:
        super()._abandon()
        if isinstance(self.dbm, _Small):
            self.dbm = None
        # Otherwise the dbm would write when it is collected, without the lock.
        with contextlib.suppress(BeakerException):
            self.do_close()

    def _store(self, opened: "_Small", locked: bool) -> None:
        target = self._settle()
        # If another namespace keeps the shared dbm locked, this one gets its own.
        self.file = target if locked else self._own_file
        self._make_way()
        contents = {key: value for key, value in opened.contents.items() if key != _OWNER_KEY}
        if not contents:
            self._remove_files()
            return
        if self._shares_its_name:
            contents[_OWNER_KEY] = self._owner
        self._replace(self.file, contents)
        lock = self.access_lock
        if self._shares_its_name and self.file == self._shared_file and isinstance(lock, FileSynchronizer):
            # Without the mark, a record may be copied where it could have been replaced.
            lock._mark_file()

    def _replace(self, file: str, contents: dict[bytes, bytes]) -> None:
        self._call("make the folder of", verify_directory, os.path.dirname(file))
        self._call("write", _dbm_files.write, self.dbmmodule, file, contents, self._to_disk)

    def _make_way(self) -> None:
        """Moves the record of another name out of the dbm of this name, which has no dots."""
        if self._shares_its_name or self._name != self.namespace:
            return
        owner = self._owner_of(self.file)
        if owner is None or owner == self.namespace:
            return
        theirs = own_file_path(self.dbm_dir, owner, ".dbm")
        if not self.file_exists(theirs):
            self._replace(theirs, self._contents(self.file))

    def _settle(self) -> str:
        """Finds the dbm of this namespace. Returns the one to write to."""
        if not self._shares_its_name:
            return self.file
        self.file = target = self._own_file
        if self.file_exists(self._own_file):
            return target
        try:
            contents = self._contents(self._shared_file)
        except CorruptSessionError:
            contents = {_SESSION_KEY: b""}
        owner, text = contents.get(_OWNER_KEY), contents.get(_SESSION_KEY)
        is_free = owner is None and text is None
        if is_free or owner == self._owner:
            self.file = target = self._shared_file
        elif owner is None and not _is_ours(text):
            # Beaker wrote it. Beaker never removes the lock file of an id that it has used.
            mine, its = (_core.lock_is_in_use(self._lock_file(name)) for name in (self.namespace, self._name))
            if mine or not its:
                self.file = self._shared_file
            if mine and not its:
                target = self._shared_file
        return target

    def _contents(self, file: str) -> dict[bytes, bytes]:
        if not self.file_exists(file):
            return {}
        contents: dict[bytes, bytes] = self._call("read", _dbm_files.read, self.dbmmodule, file)
        return contents

    def _owner_of(self, file: str) -> str | None:
        try:
            owner = self._contents(file).get(_OWNER_KEY)
            return None if owner is None else str(guarded_loads(owner))
        except (CorruptSessionError, StoreUnavailableError, pickle.UnpicklingError, ValueError):
            # The owner of an unreadable dbm is unknown. Replacing or removing it may still work.
            return None

    @property
    def _owner(self) -> bytes:
        return pickle.dumps(self.namespace, _TEXT_PROTOCOL)

    def _lock_file(self, namespace: str) -> str:
        return file_path(self.lock_dir, [namespace], ".lock")

    def _remove_files(self) -> None:
        if not self.digest_filenames and self._owner_of(self.file) not in (None, self.namespace):
            return
        for name in self.get_filenames():
            try:
                os.remove(name)
            except FileNotFoundError:  # noqa: PERF203 - each file by itself
                continue
            except OSError as cause:
                raise self._unavailable(f"remove a file of {self.dbm_dir}", cause) from cause
        if self._to_disk and os.path.isdir(os.path.dirname(self.file)):
            self._call("sync", _core.sync_folder, os.path.dirname(self.file))

    def _call(self, what: str, function: Any, *args: Any) -> Any:
        raised = getattr(self.dbmmodule, "error", OSError)
        # The package `dbm` has several errors.
        errors = raised if isinstance(raised, tuple) else (raised,)
        try:
            return function(*args)
        except (OSError, *errors) as cause:
            raise self._unavailable(f"{what} a dbm in {self.dbm_dir}", cause) from cause

    @property
    def _open_dbm(self) -> MutableMapping[Any, Any]:
        if self.dbm is None:
            raise LockError("the dbm is not open; take a lock first")
        opened: MutableMapping[Any, Any] = self.dbm
        return opened

    def __getitem__(self, key: str) -> Any:
        return self._loaded(self._open_dbm[key], "value")

    def __contains__(self, key: object) -> bool:
        return key in self._open_dbm

    def __setitem__(self, key: str, value: Any) -> None:
        is_text = isinstance(value, str) and not self.digest_filenames
        data = pickle.dumps(value, _TEXT_PROTOCOL if is_text else _PICKLE_PROTOCOL)
        self._call("write", self._open_dbm.__setitem__, key, data)

    def __delitem__(self, key: str) -> None:
        self._call("write", self._open_dbm.__delitem__, key)

    def keys(self) -> Iterable[Any]:
        """All keys as bytes, while the namespace is open."""
        return self._open_dbm.keys()


class _Small(MutableMapping[Any, bytes]):
    """The contents of a dbm. Keys are bytes, or text that is encoded."""

    def __init__(self, contents: dict[bytes, bytes], flags: str) -> None:
        self.contents = {key: value for key, value in contents.items() if key != _OWNER_KEY}
        self.is_changed = False
        self._is_read_only = flags == "r"

    def __getitem__(self, key: Any) -> bytes:
        return self.contents[_encoded(key)]

    def __setitem__(self, key: Any, value: bytes) -> None:
        self._change()
        self.contents[_encoded(key)] = value

    def __delitem__(self, key: Any) -> None:
        self._change()
        del self.contents[_encoded(key)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.contents)

    def __len__(self) -> int:
        return len(self.contents)

    def _change(self) -> None:
        if self._is_read_only:
            raise LockError("the dbm is open for reading; take the lock for writing first")
        self.is_changed = True


def _encoded(key: Any) -> Any:
    return key.encode() if isinstance(key, str) else key


def _is_ours(text: bytes | None) -> bool:
    return text is not None and text.startswith(bytes((0x80, _TEXT_PROTOCOL)))
