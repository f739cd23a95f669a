# ruff: noqa: PTH120 - paths are text, as applications use them
"""The base of the backends that store each namespace in its own files."""

import os
from collections.abc import Callable

from beaker._file_lock import FileSynchronizer
from beaker._files import file_path, own_file_path, verify_directory
from beaker._locks import _refuse_if_interrupted
from beaker._namespace import OpenResourceNamespaceManager
from beaker._pickled_values import PickledValues
from beaker._redaction import without_id
from beaker.exceptions import MissingCacheParameter, StoreUnavailableError
from beaker.synchronization import SynchronizerImpl, file_synchronizer

__all__ = ["FileBackedNamespaceManager", "storage_folder"]


def storage_folder(given: str | None, data_dir: str | None, name: str, option: str) -> str:
    """The folder ``given``, or else ``name`` in ``data_dir``. It is made if it does not exist."""
    if given:
        folder = given
    elif data_dir:
        folder = f"{data_dir}/{name}"
    else:
        raise MissingCacheParameter(f"data_dir and {option} are missing: set one to the folder for the files")
    try:
        verify_directory(folder)
    except OSError as cause:
        error = StoreUnavailableError(f"cannot make the folder {folder}: {cause.strerror or cause}")
        raise error._tell(cause, folder) from cause
    return folder


class FileBackedNamespaceManager(PickledValues, OpenResourceNamespaceManager):
    """A backend with files and lock files. An empty namespace has neither."""

    _LONGEST_NAME = 255

    def __init__(
        self, namespace: str, folder: str, lock_dir: str, extension: str, digest_filenames: bool
    ) -> None:
        self.lock_dir = lock_dir
        self.digest_filenames = digest_filenames
        super().__init__(namespace)
        self.file = file_path(folder, [namespace], extension, digest_filenames=digest_filenames)
        if len(os.fsencode(os.path.basename(self.file))) > self._LONGEST_NAME:  # noqa: PTH119
            self.file = own_file_path(folder, namespace, extension)
        self._name = os.path.basename(self.file).removesuffix(extension)  # noqa: PTH119
        # Names that differ only in their dots would share a file.
        self._shares_its_name = (
            not digest_filenames and self._name != namespace and self._name == namespace.replace(".", "")
        )

    def get_access_lock(self) -> SynchronizerImpl:
        """The lock of this namespace, between processes."""
        return file_synchronizer(self.namespace, lock_dir=self.lock_dir)

    def _lock_as(self, name: str) -> None:
        """Takes the lock of ``name`` in place of the namespace's own."""
        self.access_lock = file_synchronizer(name, lock_dir=self.lock_dir)

    def get_creation_lock(self, key: str) -> SynchronizerImpl:
        """The lock for making a value for ``key``, between processes."""
        return file_synchronizer(f"dbmcontainer/funclock/{self.namespace}/{key}", lock_dir=self.lock_dir)

    def file_exists(self, file: str) -> bool:
        """Whether there is a file of that name."""
        return os.path.lexists(file)

    def _unavailable(self, what: str, cause: Exception) -> StoreUnavailableError:
        """The error to raise from ``cause``. Shortens the session id in ``cause``."""
        without_id(cause, self.namespace)
        error = StoreUnavailableError(f"cannot {what}: {getattr(cause, 'strerror', None) or cause}")
        return error._tell(cause, os.path.dirname(self.file))

    def _with_name(self, work: Callable[[bool], None], wait: bool) -> None:
        """Calls ``work`` under the lock of the namespace without dots, which may share this one's file.

        The argument of ``work`` says whether the lock was taken. Without ``wait`` it may be held by another.
        """
        if not self._shares_its_name:
            work(True)
            return
        neighbour = file_synchronizer(self._name, lock_dir=self.lock_dir)
        state = neighbour.state
        _refuse_if_interrupted(state)
        count = state.reentrantcount
        # A signal may come before the lock is recorded as taken, or while it is released.
        try:
            try:
                work(neighbour.acquire_write_lock(wait))
            finally:
                neighbour._restore(count)
        except BaseException:
            neighbour._restore(count)
            raise

    def acquire_read_lock(self) -> None:
        """Takes the lock and opens the contents."""
        try:
            super().acquire_read_lock()
        except BaseException:
            self._drop_unused_lock()
            raise

    def release_read_lock(self) -> None:
        """Closes the contents, unless another caller has them open, and releases the lock."""
        try:
            super().release_read_lock()
        finally:
            self._drop_unused_lock()

    def release_write_lock(self) -> None:
        """Closes the contents, unless another caller has them open, and releases the lock."""
        try:
            super().release_write_lock()
        finally:
            self._drop_unused_lock()

    def do_remove(self) -> None:
        """Removes the files. No error if there are none."""
        self._with_name(self._remove_all, wait=True)

    def _remove_all(self, _locked: bool) -> None:
        self._settle()
        before = self.file
        self._remove_files()
        self._settle()
        if self.file != before:
            # The removed file was a copy of one that Beaker left. That one goes too.
            self._remove_files()

    def _settle(self) -> object:
        """Finds the file of this namespace."""
        raise NotImplementedError

    def _remove_files(self) -> None:
        """Removes that file and those that belong to it, unless another namespace owns them."""
        raise NotImplementedError

    def remove(self) -> None:
        """Removes the namespace under the lock."""
        try:
            super().remove()
        finally:
            self._drop_unused_lock()

    def _drop_unused_lock(self) -> None:
        # Otherwise each request for an unknown id would leave a file.
        if isinstance(self.access_lock, FileSynchronizer):
            self.access_lock.remove_unused_file(lambda: self.file_exists(self.file))
