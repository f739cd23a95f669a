# ruff: noqa: ARG002, PTH107, PTH120 - the signatures are the ones that applications use, and paths are text
"""The backend of files: a pickled dictionary for each namespace."""

import os
import pickle
import time
from collections.abc import Iterable
from typing import Any

from beaker import _core
from beaker._file_backed import FileBackedNamespaceManager, storage_folder
from beaker._file_values import KeptValues
from beaker._files import verify_directory
from beaker.exceptions import BeakerException, CorruptSessionError, StoreUnavailableError

__all__ = ["FileNamespaceManager"]

# Every Python that may share the folder can read it.
_PICKLE_PROTOCOL = 4
_SESSION_KEY = "session"
_OWNER_KEY = "id"
_EXPIRY_KEY = "beaker expiry"
_FOR_EVER = float("inf")


class FileNamespaceManager(FileBackedNamespaceManager):
    """The backend of files, one for each namespace.

    With ``allow_pickle`` false (on an instance or a subclass) only the files of sessions are read, without
    Python's pickle, and any other file is corrupt. Otherwise values can be of any kind, and reading a file
    can run code that it names.

    Without ``digest_filenames``, as sessions have it, names that differ only in their dots would share a
    file, as in Beaker. The name without dots has that file. A name with dots has it while no other name does,
    and otherwise a file of its own. ``file`` is the file as of the last opening.

    A session that is written ends after ``timeout`` seconds, or after the ``expiretime`` of ``set_value``.
    """

    def __init__(
        self,
        namespace: str,
        data_dir: str | None = None,
        file_dir: str | None = None,
        lock_dir: str | None = None,
        digest_filenames: bool = True,
        *,
        durability: str = "beaker",
        timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.file_dir = storage_folder(file_dir, data_dir, "container_file", "file_dir")
        lock_dir = storage_folder(lock_dir, data_dir, "container_file_lock", "lock_dir")
        super().__init__(namespace, self.file_dir, lock_dir, ".cache", digest_filenames)
        self.hash: dict[Any, Any] = {}
        self.flags: str | None = None
        self._timeout = timeout
        self._expiry: float | None = None
        self._settle()
        self._to_disk = durability.strip().lower() == "full"
        self._kept = KeptValues(self.file) if digest_filenames else None

    def do_open(self, flags: str, replace: bool) -> None:
        """Reads the file, unless all of it will be replaced. No file is an empty namespace."""
        self._settle()
        self._expiry = None
        if flags != "r":
            self._forget()
        self.hash = {} if replace else self._contents()
        self.flags = flags

    def _settle(self) -> tuple[str, str]:
        """Finds the file of this namespace. Returns the file to write, and the one of this name alone."""
        if not self._shares_its_name:
            return self.file, self.file
        self.file, target, own = _core.files_of(self.file_dir, self.lock_dir, self.namespace)
        return target, own

    def _contents(self) -> dict[Any, Any]:
        data = self._bytes()
        if data is None or self._is_foreign(data):
            return {}
        if self.allow_pickle:
            contents = self._loaded(data, "file")
            if not isinstance(contents, dict):
                raise CorruptSessionError("a stored file does not hold a dictionary")
            if self._owner(data) is not None:
                del contents[_OWNER_KEY]
            if not self.digest_filenames:
                expiry = contents.pop(_EXPIRY_KEY, None)
                self._expiry = expiry if isinstance(expiry, float) else None
            return contents
        try:
            envelope = _core.read_envelope(data)
        except ValueError as cause:
            raise CorruptSessionError("a stored file does not hold a session") from cause
        if envelope is None:
            return {}
        text, _, self._expiry = envelope
        return {_SESSION_KEY: text}

    def _bytes(self) -> bytes | None:
        try:
            return _core.read_file(self.file) if self._kept is None else self._kept.read()
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise self._unavailable(f"read a file of {self.file_dir}", cause) from cause

    def _owner(self, data: bytes) -> str | None:
        """The owner that a shared file names."""
        if self.digest_filenames:
            return None
        try:
            envelope = _core.read_envelope(data)
        except ValueError:
            return None
        return None if envelope is None else envelope[1]

    def _is_foreign(self, data: bytes) -> bool:
        owner = self._owner(data)
        return owner is not None and owner != self.namespace

    def do_close(self) -> None:
        """Writes the file if it was open for writing."""
        contents, flags = self.hash, self.flags
        self.hash, self.flags = {}, None
        if flags not in ("c", "w"):
            return
        if not contents and not self.digest_filenames:
            # The namespace of a session that has ended leaves nothing.
            super().do_remove()
            return
        data = self._encode(contents)
        self._with_name(lambda locked: self._replace(data, locked), wait=False)

    def _replace(self, data: bytes, locked: bool) -> None:
        target, own = self._settle()
        # If another namespace keeps the shared file locked, this one gets its own.
        self.file = target if locked else own
        if self._file_is_foreign():
            _core.clear_file(self.file_dir, self.lock_dir, self.namespace)
        try:
            verify_directory(os.path.dirname(self.file))
            _core.write_file(self.file, data, self._to_disk)
        except OSError as cause:
            raise self._unavailable(f"write a file of {self.file_dir}", cause) from cause

    def _abandon(self) -> None:
        super()._abandon()
        self.hash, self.flags = {}, None

    def _encode(self, contents: dict[Any, Any]) -> bytes:
        text = contents.get(_SESSION_KEY)
        # An envelope is UTF-8 and cannot have a lone surrogate.
        if isinstance(text, str) and len(contents) == 1 and _is_unicode(text, self.namespace):
            owner = None if self._names_its_file else self.namespace
            return _core.write_envelope(text, owner, self._expiry)
        if contents and not self.allow_pickle:
            raise BeakerException("only the text of a session can be stored when allow_pickle is false")
        return pickle.dumps(contents, _PICKLE_PROTOCOL)

    @property
    def _names_its_file(self) -> bool:
        return self.digest_filenames or self._name == self.namespace

    def _file_is_foreign(self) -> bool:
        try:
            data = self._bytes()
        except StoreUnavailableError:
            # The owner of an unreadable file is unknown. Replacing or removing it may still work.
            return False
        return data is not None and self._is_foreign(data)

    def do_remove(self) -> None:
        """Removes the file. No error if there is none."""
        self.hash = {}
        super().do_remove()

    def _remove_files(self) -> None:
        if self._file_is_foreign():
            return
        try:
            os.remove(self.file)
            if self._to_disk:
                _core.sync_folder(os.path.dirname(self.file))
        except FileNotFoundError:
            return
        except OSError as cause:
            raise self._unavailable(f"remove a file of {self.file_dir}", cause) from cause

    def __getitem__(self, key: str) -> Any:
        value = self.hash[key]
        if self._kept is not None and self.pickle_loads is None:
            self._kept.keep(key, value)
        return value

    def __contains__(self, key: object) -> bool:
        return key in self.hash

    def __setitem__(self, key: str, value: Any) -> None:
        self._forget()
        self.hash[key] = value
        self._expire_after(self._timeout, key)

    def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
        """Sets ``key``. The record of a session ends ``expiretime`` seconds from now, if that is given."""
        self[key] = value
        if expiretime is not None:
            self._expire_after(expiretime, key)

    def _expire_after(self, lifetime: float | None, key: str) -> None:
        if key == _SESSION_KEY and not self.digest_filenames:
            self._expiry = _FOR_EVER if lifetime is None else time.time() + lifetime

    def __delitem__(self, key: str) -> None:
        self._forget()
        del self.hash[key]

    def _forget(self) -> None:
        if self._kept is not None:
            self._kept.forget()

    def keys(self) -> Iterable[Any]:
        """All keys, while the namespace is open."""
        return self.hash.keys()


def _is_unicode(*texts: str) -> bool:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True
