"""The body of a response whose request locks its session.

An application that is a generator uses its session while the server iterates. If it raises, its frames live
as long as the exception, and the session with them; so the session is unlocked here.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

__all__ = ["LockedResponse", "SizedLockedResponse", "locked", "release_quietly"]

Release = Callable[[], None]


def release_quietly(release: Release) -> None:
    """Unlocks the session while an exception is on its way, which counts more than one of the unlocking."""
    with suppress(BaseException):
        release()


class LockedResponse:
    """An iterable of an application (PEP 3333). Its end, an exception or ``close()`` unlocks the session."""

    __slots__ = ("__weakref__", "_inner", "_parts", "_release")

    def __init__(self, inner: Iterable[bytes], release: Release) -> None:
        self._inner = inner
        self._release = release
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._parts is None:
                self._parts = iter(self._inner)
            return next(self._parts)
        except StopIteration:
            self._release()
            raise
        except BaseException:
            release_quietly(self._release)
            raise

    def close(self) -> None:
        """Called by the server at the end of every request."""
        try:
            close: Callable[[], Any] | None = getattr(self._inner, "close", None)
            if close is not None:
                close()
        except BaseException:
            release_quietly(self._release)
            raise
        self._release()


class SizedLockedResponse(LockedResponse):
    """The same of one that knows its length: servers ask whether it has one."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._inner)  # type: ignore[arg-type]


def locked(answer: Iterable[bytes], release: Release, file_wrapper: Any) -> Iterable[bytes]:
    """``answer``, at whose end the session is unlocked.

    An answer that the server sends in a way of its own stays as it is, and so does one that is complete.
    """
    is_sent_by_server = isinstance(file_wrapper, type) and isinstance(answer, file_wrapper)
    if is_sent_by_server or type(answer) in (list, tuple) or answer is None:
        return answer
    return (SizedLockedResponse if hasattr(answer, "__len__") else LockedResponse)(answer, release)
