"""Sessions apart from requests, and their records as a program sees them by its backend."""

import ast
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from beaker.exceptions import LockError
from beaker.session import Session
from beaker.testing._backend import Backend
from beaker.testing._threads import in_thread

KEY: Final = "beaker.session.id"
"""The name of the cookie."""
ID: Final = "0123456789abcdef0123456789abcdef"
"""The id of a session that a test stores itself."""
LOCK: Final[dict[str, Any]] = {"concurrency": "lock", "lock_timeout": 0}
"""The options that lock a session at once or never."""

_PARSER: Final = threading.RLock()
"""Python up to 3.12 may raise ``SystemError`` if two threads parse at once."""


class Literals:
    """A serializer of an application's own, which counts what it does."""

    def __init__(self) -> None:
        self.loaded = 0
        self.dumped = 0

    def loads(self, data: bytes) -> Any:
        """The value of a literal."""
        self.loaded += 1
        with _PARSER:
            return ast.literal_eval(data.decode())

    def dumps(self, data: Mapping[str, Any]) -> bytes:
        """The literal of a dictionary."""
        self.dumped += 1
        return repr(dict(data)).encode()


def opened(backend: Backend, session_id: str, **options: Any) -> Any:
    """The session of an id, apart from any request."""
    return Session({}, id=session_id, **{"use_cookies": False, **backend.options, **options})


def stored(backend: Backend, **values: Any) -> None:
    """Stores values in the session with :data:`ID`."""
    session = opened(backend, ID)
    session.update(values)
    session.save()


def content(backend: Backend, session_id: str = ID, **options: Any) -> dict[str, Any]:
    """The values in a stored session, without the session's own keys."""
    session = opened(backend, session_id, **options)
    return {key: session[key] for key in session if not key.startswith("_")}


def is_free(backend: Backend, session_id: str) -> bool:
    """Whether another thread gets the lock at once."""

    def attempt() -> bool:
        try:
            session = opened(backend, session_id, lock_timeout=0)
            session.lock()
        except LockError:
            return False
        session.unlock()
        return True

    free: bool = in_thread(attempt)
    return free


def exists(backend: Backend, session_id: str, **options: Any) -> bool:
    """Whether the store has a session of an id."""
    return not opened(backend, session_id, **options).is_new


@contextmanager
def changed(namespace: Any) -> Iterator[None]:
    """A program changes a namespace under its lock, behind the session's back."""
    namespace.acquire_write_lock()
    try:
        yield
    finally:
        namespace.release_write_lock()


def plant(namespace: Any, text: str) -> None:
    """Stores a text in the place of a session's."""
    with changed(namespace):
        namespace["session"] = text


def text(namespace: Any) -> Any:
    """The text of a stored session, as the backend has it; ``None`` without one."""
    namespace.acquire_read_lock()
    try:
        return namespace["session"]
    except KeyError:
        return None
    finally:
        namespace.release_read_lock()
