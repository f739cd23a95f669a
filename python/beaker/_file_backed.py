# ruff: noqa: PTH120 - paths are text, as applications use them
"""What backends have in common that keep each namespace in files of its own."""

import os
import pickle
from collections.abc import Callable
from typing import Any

from beaker._core import is_bounded_pickle
from beaker._file_lock import FileSynchronizer
from beaker._files import file_path, verify_directory
from beaker._locks import _refuse_if_interrupted
from beaker._namespace import OpenResourceNamespaceManager
from beaker._redaction import without_id
from beaker.exceptions import CorruptSessionError, LockError, MissingCacheParameter, StoreUnavailableError
from beaker.synchronization import SynchronizerImpl, file_synchronizer

__all__ = ["FileBackedNamespaceManager", "storage_folder"]


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
        error = StoreUnavailableError(f"cannot make the folder {folder}: {cause.strerror or cause}")
        raise error._tell(cause, folder) from cause
    return folder


class FileBackedNamespaceManager(OpenResourceNamespaceManager):
    """A backend in files, with locks in files. A namespace that holds nothing has neither."""

    allow_pickle = True
    """Whether values of any kind are read; otherwise text, numbers and containers of them alone."""

    pickle_loads: Any = None
    """What reads pickles in place of :func:`pickle.loads`, where not all of them are to be read."""

    def __init__(
        self, namespace: str, folder: str, lock_dir: str, extension: str, digest_filenames: bool
    ) -> None:
        self.lock_dir = lock_dir
        self.digest_filenames = digest_filenames
        super().__init__(namespace)
        self.file = file_path(folder, [namespace], extension, digest_filenames=digest_filenames)
        self._name = os.path.basename(self.file).removesuffix(extension)  # noqa: PTH119
        # Names that differ in their dots alone would have one file.
        self._shares_its_name = (
            not digest_filenames and self._name != namespace and self._name == namespace.replace(".", "")
        )

    def get_access_lock(self) -> SynchronizerImpl:
        """The lock that every process takes for this namespace."""
        return file_synchronizer(self.namespace, lock_dir=self.lock_dir)

    def get_creation_lock(self, key: str) -> SynchronizerImpl:
        """The lock that every process takes while it makes a value for ``key``."""
        return file_synchronizer(f"dbmcontainer/funclock/{self.namespace}/{key}", lock_dir=self.lock_dir)

    def file_exists(self, file: str) -> bool:
        """Whether there is a file of that name."""
        return os.path.lexists(file)

    def _loaded(self, data: bytes, what: str) -> Any:
        """The value that a pickle holds, which is that of a stored ``what``."""
        try:
            if not self.allow_pickle:
                return _guarded_loads(data)
            if self.pickle_loads is not None:
                return self.pickle_loads(data)
            if not is_bounded_pickle(data):
                raise pickle.UnpicklingError("it asks for more memory than its length allows")
            return pickle.loads(data)  # noqa: S301 - the caller has asked allow_pickle
        except (MemoryError, RecursionError):
            raise
        except Exception as cause:  # a damaged pickle can raise anything at all
            raise CorruptSessionError(
                f"a stored {what} cannot be unpickled: {type(cause).__name__}"
            ) from cause

    def _unavailable(self, what: str, cause: Exception) -> StoreUnavailableError:
        """What to raise from ``cause``, which then names its file without a whole id."""
        without_id(cause, self.namespace)
        error = StoreUnavailableError(f"cannot {what}: {getattr(cause, 'strerror', None) or cause}")
        return error._tell(cause, os.path.dirname(self.file))

    def _with_name(self, work: Callable[[bool], None], wait: bool) -> None:
        """Does ``work`` while the namespace without dots is kept out, which has the file of this one's name.

        ``work`` is told whether that is so; without ``wait`` somebody else may have it.
        """
        if not self._shares_its_name:
            work(True)
            return
        neighbour = file_synchronizer(self._name, lock_dir=self.lock_dir)
        state = neighbour.state
        _refuse_if_interrupted(state)
        count = state.reentrantcount
        # A signal may come before the lock is known to be taken, or while it is given back.
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
        """Closes the contents, if nobody else has them open, and gives the lock back."""
        try:
            super().release_read_lock()
        finally:
            self._drop_unused_lock()

    def release_write_lock(self) -> None:
        """Closes the contents, if nobody else has them open, and gives the lock back."""
        try:
            super().release_write_lock()
        finally:
            self._drop_unused_lock()

    def do_remove(self) -> None:
        """Removes the files; no error if there are none."""
        self._with_name(self._remove_all, wait=True)

    def _remove_all(self, _locked: bool) -> None:
        self._settle()
        before = self.file
        self._remove_files()
        self._settle()
        if self.file != before:
            # It was a copy of what Beaker has left there, which is over too.
            self._remove_files()

    def _settle(self) -> object:
        """Finds out which file is that of the namespace."""
        raise NotImplementedError

    def _remove_files(self) -> None:
        """Removes that file and what belongs to it, unless it is another namespace's."""
        raise NotImplementedError

    def remove(self) -> None:
        """Removes the namespace under the lock."""
        try:
            super().remove()
        finally:
            self._drop_unused_lock()

    def _drop_unused_lock(self) -> None:
        # Otherwise everybody who asks for an id that does not exist would leave a file behind.
        lock = self.access_lock
        if not isinstance(lock, FileSynchronizer) or lock.state.covered or lock.state.reentrantcount:
            return
        try:
            if self.file_exists(self.file) or not os.path.lexists(lock.filename):
                return
            if not lock.acquire_write_lock(wait=False):
                return
            try:
                if not self.file_exists(self.file):
                    lock.remove_file()
            finally:
                lock.release_write_lock()
        except (OSError, LockError):
            # A file too many harms nobody; the error that led here, if there was one, says more.
            return


def _guarded_loads(data: bytes) -> object:
    # Imported when it is needed: it brings a dozen modules.
    from beaker._pickle_guard import loads  # noqa: PLC0415

    return loads(data, frozenset())
