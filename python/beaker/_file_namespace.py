# ruff: noqa: ARG002, PTH107, PTH120, PTH123 - the signatures are the ones that applications use, and paths are text
"""The backend of files: one for each namespace, a pickle of a dictionary."""

import os
import pickle
from collections.abc import Iterable
from typing import Any

from beaker import _core
from beaker._files import file_path, safe_write, verify_directory
from beaker._namespace import OpenResourceNamespaceManager
from beaker.exceptions import (
    BeakerException,
    CorruptSessionError,
    MissingCacheParameter,
    StoreUnavailableError,
)
from beaker.synchronization import SynchronizerImpl, file_synchronizer

__all__ = ["FileNamespaceManager", "storage_folder"]

# Readable by every Python that may share the folder.
_PICKLE_PROTOCOL = 4
_SESSION_KEY = "session"
_READ_FLAGS = (
    os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)


def storage_folder(given: str | None, data_dir: str | None, name: str, option: str) -> str:
    """The folder ``given``, or else ``name`` in ``data_dir``, made if it does not exist."""
    if given:
        folder = given
    elif data_dir:
        folder = f"{data_dir}/{name}"
    else:
        raise MissingCacheParameter(f"files need a place: give data_dir or {option}")
    try:
        verify_directory(folder)
    except OSError as cause:
        raise StoreUnavailableError(f"cannot make the folder {folder}: {cause.strerror or cause}") from cause
    return folder


class FileNamespaceManager(OpenResourceNamespaceManager):
    """The backend of files, one for each namespace.

    The file of a session is read and written without Python's pickle. Values of any other kind need it, and
    reading them runs what the file says; where no such values are expected, ``allow_pickle`` is set to false
    (on an instance or a subclass), and then a file that is not a session's is corrupt.
    """

    allow_pickle = True

    def __init__(
        self,
        namespace: str,
        data_dir: str | None = None,
        file_dir: str | None = None,
        lock_dir: str | None = None,
        digest_filenames: bool = True,
        **kwargs: Any,
    ) -> None:
        self.digest_filenames = digest_filenames
        self.file_dir = storage_folder(file_dir, data_dir, "container_file", "file_dir")
        self.lock_dir = storage_folder(lock_dir, data_dir, "container_file_lock", "lock_dir")
        super().__init__(namespace)
        self.file = file_path(self.file_dir, [namespace], ".cache", digest_filenames=digest_filenames)
        self.hash: dict[Any, Any] = {}
        self.flags: str | None = None

    def get_access_lock(self) -> SynchronizerImpl:
        """The lock that every process takes for this namespace."""
        return file_synchronizer(self.namespace, lock_dir=self.lock_dir)

    def get_creation_lock(self, key: str) -> SynchronizerImpl:
        """The lock that every process takes while it makes a value for ``key``."""
        return file_synchronizer(f"dbmcontainer/funclock/{self.namespace}/{key}", lock_dir=self.lock_dir)

    def file_exists(self, file: str) -> bool:
        """Whether there is a file of that name."""
        return os.path.lexists(file)

    def do_open(self, flags: str, replace: bool) -> None:
        """Reads the file, unless all of it will be replaced. No file is an empty namespace."""
        self.hash = {} if replace else self._read()
        self.flags = flags

    def _read(self) -> dict[Any, Any]:
        try:
            with open(os.open(self.file, _READ_FLAGS), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return {}
        except OSError as cause:
            raise StoreUnavailableError(f"cannot read a file of {self.file_dir}: {cause.strerror}") from cause
        try:
            text = _core.read_envelope(data)
        except ValueError as cause:
            if not self.allow_pickle:
                raise CorruptSessionError("a stored file does not hold a session") from cause
            return _unpickle(data)
        return {} if text is None else {_SESSION_KEY: text}

    def do_close(self) -> None:
        """Writes the file if it was open for writing."""
        contents, flags = self.hash, self.flags
        self.hash, self.flags = {}, None
        if flags not in ("c", "w"):
            return
        data = self._encode(contents)
        try:
            try:
                safe_write(self.file, data)
            except FileNotFoundError:
                verify_directory(os.path.dirname(self.file))
                safe_write(self.file, data)
        except OSError as cause:
            raise StoreUnavailableError(
                f"cannot write a file of {self.file_dir}: {cause.strerror}"
            ) from cause

    def _encode(self, contents: dict[Any, Any]) -> bytes:
        text = contents.get(_SESSION_KEY)
        if isinstance(text, str) and len(contents) == 1:
            return _core.write_envelope(text)
        if contents and not self.allow_pickle:
            raise BeakerException("only the text of a session can be kept where pickle is not allowed")
        return pickle.dumps(contents, _PICKLE_PROTOCOL)

    def do_remove(self) -> None:
        """Removes the file; no error if there is none."""
        self.hash = {}
        try:
            os.remove(self.file)
        except FileNotFoundError:
            return
        except OSError as cause:
            raise StoreUnavailableError(
                f"cannot remove a file of {self.file_dir}: {cause.strerror}"
            ) from cause

    def __getitem__(self, key: str) -> Any:
        return self.hash[key]

    def __contains__(self, key: object) -> bool:
        return key in self.hash

    def __setitem__(self, key: str, value: Any) -> None:
        self.hash[key] = value

    def __delitem__(self, key: str) -> None:
        del self.hash[key]

    def keys(self) -> Iterable[Any]:
        """All keys, while the namespace is open."""
        return self.hash.keys()


def _unpickle(data: bytes) -> dict[Any, Any]:
    try:
        contents = pickle.loads(data)  # noqa: S301 - the caller has asked allow_pickle
    except Exception as cause:  # a damaged pickle can raise anything at all
        raise CorruptSessionError(f"a stored file cannot be unpickled: {type(cause).__name__}") from cause
    if not isinstance(contents, dict):
        raise CorruptSessionError("a stored file does not hold a dictionary")
    return contents
