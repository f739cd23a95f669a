"""A cached value: made when it is needed, and made again when it is stale."""

import contextlib
import logging
import pickle
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from beaker._file_lock import FileSynchronizer
from beaker._namespace import NamespaceManager

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ABSENT", "Making", "Value", "release"]

ABSENT = object()
"""What is found where no value is stored."""

_LATEST = 1 << 63

_LOGGER = logging.getLogger("beaker.cache")


class Value:
    """One key of a namespace, kept as ``(stored at, expires after, value)``.

    ``createfunc`` makes the value if none is stored or the stored one is stale: older than ``expiretime``
    seconds, or stored before ``starttime`` (seconds since the epoch). A stored value that cannot be read is
    logged, and counts as absent.
    """

    __slots__ = ("createfunc", "expire_argument", "expiretime", "key", "namespace", "starttime", "storedtime")

    def __init__(
        self,
        key: str,
        namespace: NamespaceManager,
        createfunc: Callable[[], Any] | None = None,
        expiretime: float | None = None,
        starttime: float | None = None,
    ) -> None:
        self.key = key
        self.createfunc = createfunc
        self.expire_argument = expiretime
        self.starttime = starttime
        self.storedtime: float = -1
        self.namespace = namespace

    def has_value(self) -> bool:
        """Whether a value is stored, fresh or stale."""
        return self._look()[0] is not ABSENT

    def can_have_value(self) -> bool:
        """Whether :meth:`get_value` can return a value."""
        return self.createfunc is not None or self.has_current_value()

    def has_current_value(self) -> bool:
        """Whether a fresh value is stored."""
        return self._look()[1]

    def get_value(self) -> Any:
        """The fresh value, made if need be.

        While one caller makes a new value, the others get the stale one, or wait if there is none. If making
        it fails, the caller gets the exception, and the next one tries. Raises :class:`KeyError` if there is
        no fresh value and no ``createfunc``.
        """
        found, fresh = self._look()
        return found if fresh else self._make(found, wait=found is ABSENT)

    def _make(self, found: Any, wait: bool) -> Any:
        """A new value. Without ``wait`` it is what was found, if another caller makes one."""
        if self.createfunc is None:
            raise KeyError(self.key)
        creation_lock = self.namespace.get_creation_lock(self.key)
        taken = creation_lock.acquire(wait=False)
        self._note_lock(found, wait, taken)
        if not taken:
            if not wait:
                return found
            creation_lock.acquire()
        try:
            # Another caller may have made it meanwhile.
            found, is_settled = self._look_again()
            if is_settled:
                return found
            with self._making(found) as making:
                making.made = self.createfunc()
            return making.made
        finally:
            release(creation_lock)

    def _begin(self, renew_behind: Callable[[Any], None] | None) -> tuple[Any, bool]:  # noqa: ARG002
        """What is found, and whether it is the answer.

        ``renew_behind`` makes a new value while what is found is served. ``None`` if nothing can make one.
        """
        return self._look()

    def _note_lock(self, found: Any, wait: bool, taken: bool) -> None:
        """Hears whether the creation lock was free."""

    def _look_again(self) -> tuple[Any, bool]:
        """What is found under the creation lock, and whether it is the answer."""
        return self._look()

    def _making(self, found: Any) -> "Making":  # noqa: ARG002
        """Stores the value that is made in its context, or decides what a failure means."""
        return Making(self)

    def set_value(self, value: Any, storedtime: float | None = None) -> None:
        """Stores ``value`` as of ``storedtime`` (seconds since the epoch), by default now."""
        self._store(value, storedtime, self.expire_argument)

    def _store(self, value: Any, storedtime: float | None, expire: float | None) -> None:
        self._acquire_write_lock()
        try:
            self._write((time.time() if storedtime is None else storedtime, expire, value))
        finally:
            self.namespace.release_write_lock()

    def _write(self, record: tuple[Any, ...]) -> None:
        self.namespace.set_value(self.key, record, expiretime=record[1])

    def clear_value(self) -> None:
        """Removes the value; no error if there is none."""
        self._acquire_write_lock()
        try:
            if self.key in self.namespace:
                # In a backend without locks another caller may have removed it.
                with contextlib.suppress(KeyError):
                    del self.namespace[self.key]
            self.storedtime = -1
        finally:
            self.namespace.release_write_lock()

    def _acquire_write_lock(self) -> None:
        try:
            self.namespace.acquire_write_lock()
        except pickle.UnpicklingError as cause:
            # No value of the namespace can be read, so there is nothing to keep.
            self._log(cause)
            self.namespace.acquire_write_lock(replace=True)

    def _look(self) -> tuple[Any, bool]:
        """The stored value, or ``ABSENT``, and whether it is fresh."""
        value, stored, expires = self._stored()
        return value, value is not ABSENT and not self._is_expired(stored, expires)

    def _stored(self) -> tuple[Any, float, float | None]:
        """The stored value, or ``ABSENT``, when it was stored, and after how many seconds it expires."""
        try:
            record = self._record()
        except (pickle.UnpicklingError, RecursionError) as cause:
            # Nested deeply enough, a value needs more stack than there is.
            self._log(cause)
            return ABSENT, 0.0, None
        # A memcached backend returns None for a value that was removed after the test above.
        if record is ABSENT or record is None:
            return ABSENT, 0.0, None
        match record:
            case [float() | int() as stored, float() | int() | None as expires, value] if _are_times(
                stored, expires
            ):
                return value, stored, expires
            case [float() | int() as stored, value] if _are_times(stored, None):
                # Very old versions stored no expiry.
                return value, stored, self.expire_argument
            case _:
                self._log(TypeError("it has no time and no expiry"))
                return ABSENT, 0.0, None

    def _record(self) -> Any:
        self.namespace.acquire_read_lock()
        try:
            reads_at_once = getattr(self.namespace, "_reads_at_once", False)
            if not reads_at_once and self.key not in self.namespace:
                return ABSENT
            return self.namespace[self.key]
        except KeyError:
            return ABSENT
        finally:
            self.namespace.release_read_lock()

    def _log(self, cause: Exception) -> None:
        # A key has arguments of the program, so it is not shown.
        _LOGGER.warning(
            "a value in the cache namespace %r cannot be read, and counts as absent: %s: %s",
            self.namespace.namespace,
            type(cause).__name__,
            cause,
        )

    def _is_expired(self, storedtime: float, expiretime: float | None) -> bool:
        if self.starttime is not None and storedtime < self.starttime:
            return True
        return expiretime is not None and time.time() >= storedtime + expiretime


def _are_times(*seconds: Any) -> bool:
    """Whether one can calculate with these. A whole number can be larger than any other number."""
    return all(not isinstance(one, int) or -_LATEST < one < _LATEST for one in seconds)


class Making:
    """The context in which a value is made. Stores it in the end."""

    def __init__(self, value: Value) -> None:
        self._value = value
        self.made: Any = None

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if error is None:
            self._value.set_value(self.made)
        return None


def release(creation_lock: Any) -> None:
    """Releases the lock for making a value."""
    try:
        # Otherwise each key would leave a lock file.
        if isinstance(creation_lock, FileSynchronizer) and creation_lock.state.reentrantcount == 1:
            with contextlib.suppress(OSError):
                creation_lock.remove_file()
    finally:
        creation_lock.release()
