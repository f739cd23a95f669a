"""A session class with overridden methods, and a backend written in Python, as applications have them.

Both write down how they are called, so that it can be compared.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

from beaker.container import NamespaceManager
from beaker.session import CookieSession, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OVERRIDDEN = (
    "load",
    "save",
    "delete",
    "invalidate",
    "revert",
    "regenerate_id",
    "clear",
    "_create_id",
    "_set_cookie_values",
    "_set_cookie_expires",
    "_update_cookie_out",
    "_set_domain",
    "_set_path",
    "_set_serializer",
    "_encrypt_data",
    "_decrypt_data",
    "_delete_cookie",
)
"""The methods that applications override."""


class Log:
    """The calls of a request, in their order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._off = 0

    def note(self, line: str) -> None:
        """Adds a line, unless the log is off. The same call several times in a row counts once."""
        if not self._off and self.lines[-1:] != [line]:
            self.lines.append(line)

    def take(self) -> list[str]:
        """The lines since it was last asked."""
        lines, self.lines = self.lines, []
        return lines

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Notes nothing meanwhile."""
        self._off += 1
        try:
            yield
        finally:
            self._off -= 1


LOG = Log()
"""Calls of the session's methods."""
BACKEND_LOG = Log()
"""Accesses to the backend."""


def without_repeated_encoding(lines: list[str]) -> list[str]:
    """The calls without the encoding of what a full save in the same request has encoded already.

    Ours does so only where a value that can change was handed out; what is stored is compared anyway. Where
    an encoding is never the same twice, ours also reads it back, to compare values.
    """
    kept: list[str] = []
    saved = False
    for line in lines:
        saved |= line in ("save()", "save(accessed_only=False)")
        if not (saved and line == "_encrypt_data()" and kept[-1:] == ["save(accessed_only=True)"]):
            kept.append(line)
        if kept[-3:] == ["_encrypt_data()", "_decrypt_data()", "_encrypt_data()"]:
            del kept[-2:]
    return kept


def _recording(name: str, of: Callable[[], type]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        shown = [repr(value) for value in args if value is None or isinstance(value, (bool, str))]
        if name in ("_encrypt_data", "_decrypt_data"):
            shown = []
        # Whether a default is spelt out is no part of what an override can rely on.
        shown += [f"{key}={value!r}" for key, value in kwargs.items() if (key, value) != ("set_cookie", True)]
        LOG.note(f"{name}({', '.join(shown)})")
        return getattr(super(of(), self), name)(*args, **kwargs)

    method.__name__ = name
    return method


class RecordingSession(Session):
    """A session that overrides everything that applications override."""


class RecordingCookieSession(CookieSession):
    """The same for one that its cookie keeps."""


for _name in OVERRIDDEN:
    setattr(RecordingSession, _name, _recording(_name, lambda: RecordingSession))
    setattr(RecordingCookieSession, _name, _recording(_name, lambda: RecordingCookieSession))
RecordingCookieSession._create_cookie = _recording(  # type: ignore[method-assign]
    "_create_cookie", lambda: RecordingCookieSession
)


class RecordingBackend(NamespaceManager):
    """A backend in a dictionary. It notes what a lock was held for when the lock is given back."""

    records: ClassVar[dict[str, dict[str, Any]]] = {}

    def __init__(self, namespace: str, **arguments: Any) -> None:
        NamespaceManager.__init__(self, namespace)
        self.arguments = arguments
        self._locked: str | None = None
        self._done = "nothing"

    def acquire_read_lock(self) -> None:
        self._locked, self._done = "read", "nothing"

    def release_read_lock(self) -> None:
        self._release("read")

    def acquire_write_lock(self, wait: bool = True, replace: bool = False) -> bool:
        self._locked, self._done = "write", "nothing"
        return True

    def release_write_lock(self) -> None:
        self._release("write")

    def _release(self, mode: str) -> None:
        if self._locked != mode:
            BACKEND_LOG.note(f"{mode} lock of {self.namespace} given back, which nobody had")
        elif self._done != "nothing":
            # A timeout that is set on the session reaches our backend in the same request.
            BACKEND_LOG.note(f"{self._done} {self.namespace} {sorted({*self.arguments} - {'timeout'})}")
        self._locked = None

    def _does(self, done: str, needs: tuple[str, ...]) -> None:
        if self._locked not in needs:
            BACKEND_LOG.note(f"{done} {self.namespace} without a lock")
        if self._locked != "write" or done != "read":
            self._done = done

    def __getitem__(self, key: str) -> Any:
        value = self.records.get(self.namespace, {})[key]
        self._does("read", ("read", "write"))
        return value

    def __contains__(self, key: object) -> bool:
        return key in self.records.get(self.namespace, {})

    def __setitem__(self, key: str, value: Any) -> None:
        self._does("write", ("write",))
        self.records.setdefault(self.namespace, {})[key] = value

    def __delitem__(self, key: str) -> None:
        self._does("remove", ("write",))
        del self.records[self.namespace][key]

    def do_remove(self) -> None:
        self.records.pop(self.namespace, None)

    def keys(self) -> Any:
        return list(self.records.get(self.namespace, {}))
