"""Backends, serializers, a browser and a clock for the laws of sessions."""

from __future__ import annotations

import ast
import hashlib
import os
import pickle
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from beaker._core import SqliteDatabase
from beaker.container import MemoryNamespaceManager
from beaker.exceptions import LockError
from beaker.middleware import SessionMiddleware
from beaker.session import Session
from tests.support.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from typing_extensions import Self

KEY = "beaker.session.id"
START = 1_700_000_000.0
ID = "0123456789abcdef0123456789abcdef"
"""The id of a session that a test stores itself."""
UNKNOWN_ID = ID
"""The same id, in tests that store no session under it."""
VALIDATE_KEY = "a validation key of the tests, of some length"
COOKIE: dict[str, Any] = {"type": "cookie", "validate_key": VALIDATE_KEY}
"""The options of a session that its cookie keeps."""
LOCK: dict[str, Any] = {"concurrency": "lock", "lock_timeout": 0}
"""The options that lock a session at once or never."""

Headers = list[tuple[str, str]]
NOBODY = 65534


PARSER = threading.RLock()
"""Python up to 3.12 may raise `SystemError` if two threads parse at once."""


class Literals:
    """A serializer of an application's own, which counts what it does."""

    def __init__(self) -> None:
        self.loaded = 0
        self.dumped = 0

    def loads(self, data: bytes) -> Any:
        self.loaded += 1
        with PARSER:
            return ast.literal_eval(data.decode())

    def dumps(self, data: Mapping[str, Any]) -> bytes:
        self.dumped += 1
        return repr(dict(data)).encode()


@dataclass
class Backend:
    """A place where sessions are kept, the options that choose it, and a look behind its back."""

    name: str
    options: dict[str, Any]
    folder: Path | None = None

    def texts(self) -> dict[str, str]:
        """The stored texts, by id."""
        if self.name == "memory":
            return {session_id: self._memory()[session_id]["session"] for session_id in self._memory()}
        if self.name == "sqlite":
            texts = {name: self._database().get(name, "session") for name in self._database().namespaces()}
            return {name: text for name, text in texts.items() if isinstance(text, str)}
        if self.folder is not None:
            return {file.stem: pickle.loads(file.read_bytes())["session"] for file in self.files()}
        contents = self.options["namespace_class"].contents
        return {session_id: values["session"] for session_id, values in contents.items()}

    def plant(self, session_id: str, text: str) -> None:
        """Stores a text behind the library's back, as another process would."""
        if self.name == "memory":
            self._memory()[session_id] = {"session": text}
        elif self.name == "sqlite":
            self._database().set(session_id, "session", text)
        elif self.folder is not None:
            file = self.folder / "container_file" / session_id[:1] / session_id[:2] / f"{session_id}.cache"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pickle.dumps({"session": text}, 2))
        else:
            self.options["namespace_class"].contents[session_id] = {"session": text}

    def name_of(self, session_id: str) -> str:
        """The name of a session in the store."""
        return key_of(session_id) if self.options.get("hash_ids") else session_id

    def files(self) -> list[Path]:
        """The files of records, where there are any."""
        return [] if self.folder is None else sorted(self.folder.glob("container_file/*/*/*.cache"))

    def traces(self) -> list[str]:
        """Everything there is: ids, files, folders, locks."""
        found = [] if self.folder is None else [str(path) for path in sorted(self.folder.rglob("*"))]
        if self.name == "sqlite":
            own = {str(self._database().path) + end for end in ("", "-wal", "-shm")}
            return [path for path in found if path not in own] + sorted(self.texts())
        return found or sorted(self.texts())

    def with_options(self, **options: Any) -> Self:
        """The same place, used with other options."""
        return replace(self, options={**self.options, **options})

    def _database(self) -> SqliteDatabase:
        # Another SQLite in the same process would drop the locks of ours.
        return SqliteDatabase(self.options.get("url"), self.options.get("data_dir"))

    @staticmethod
    def _memory() -> Any:
        return MemoryNamespaceManager.namespaces.dict


@dataclass
class Visit:
    """A response, as the server got it."""

    result: Any = None
    status: str = ""
    headers: Headers = field(default_factory=list)
    session: Any = None

    @property
    def cookies(self) -> list[str]:
        """The values of all `Set-cookie` headers."""
        return [value for name, value in self.headers if name.lower() == "set-cookie"]

    @property
    def cookie(self) -> str:
        """The value of the one `Set-cookie` header."""
        (cookie,) = self.cookies
        return cookie

    @property
    def value(self) -> str:
        """The value of the one cookie."""
        return self.cookie.partition("=")[2].partition(";")[0]

    def header(self, name: str) -> list[str]:
        """The values of all headers of a name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Browser:
    """Visits an application behind the middleware, and sends back the cookie that it was given last.

    The application is what each visit says: a function of the session.
    """

    def __init__(self, *options: Mapping[str, Any], **more: Any) -> None:
        merged: dict[str, Any] = {}
        for given in (*options, more):
            merged.update(given)
        self.work: Callable[[Any], Any] = lambda _session: None
        self.middleware = SessionMiddleware(self._application, **merged)
        self.jar: str | None = None

    def _application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self._visit.session = environ["beaker.session"]
        self._visit.result = self.work(environ["beaker.session"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    def visit(self, work: Callable[[Any], Any] | None = None, cookie: str | None = None) -> Visit:
        """One request, with the jar's cookie or with the header that is given."""
        self._visit = visit = Visit()
        self.work = work or (lambda _session: None)
        header = self.jar if cookie is None else cookie
        environ: dict[str, Any] = {} if header is None else {"HTTP_COOKIE": header}

        def start_response(status: str, headers: Headers, exc_info: Any = None) -> None:
            visit.status, visit.headers = status, headers

        list(self.middleware(environ, start_response))
        self._keep(visit.cookies)
        return visit

    def _keep(self, cookies: list[str]) -> None:
        """Handles cookies as a browser does: it replaces by name, and removes an empty one."""
        if not cookies:
            return
        kept: dict[str, str] = {}
        for pair in [
            *(self.jar or "").split("; "),
            *(cookie.partition(";")[0].strip() for cookie in cookies),
        ]:
            name, _, value = pair.partition("=")
            kept[name] = value
        self.jar = "; ".join(f"{name}={value}" for name, value in kept.items() if value) or None

    def put(self, **values: Any) -> Visit:
        """Visits a page that stores values."""

        def work(session: Any) -> None:
            session.update(values)
            session.save()

        return self.visit(work)

    def read(self) -> dict[str, Any]:
        """The content that a page sees, without the session's own keys."""

        def work(session: Any) -> dict[str, Any]:
            return {key: session[key] for key in session if not key.startswith("_")}

        content: dict[str, Any] = self.visit(work).result
        return content

    @property
    def cookie(self) -> str:
        """The Cookie header of the next visit, if there is one."""
        assert self.jar is not None
        return self.jar

    @property
    def value(self) -> str:
        """The value of the only cookie in the jar."""
        return self.cookie.partition("=")[2]

    @property
    def id(self) -> str:
        """The id in the jar's cookie, whose last 32 characters it is."""
        return self.cookie[-32:]


class Clock:
    """The clock of a test, in place of `time.time`."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds


def key_of(session_id: str) -> str:
    """The stored key of an id with `hash_ids`."""
    return hashlib.sha256(b"beaker session id\0" + session_id.encode()).hexdigest() + "-sha256"


def opened(backend: Backend, session_id: str, **options: Any) -> Any:
    """The session of an id, apart from any request."""
    return Session({}, id=session_id, **{"use_cookies": False, **backend.options, **options})


def session_of(options: Mapping[str, Any], session_id: str | None = None, **more: Any) -> Any:
    """A session apart from any request: that of an id, or a new one."""
    chosen = {} if session_id is None else {"id": session_id}
    return Session({}, use_cookies=False, **chosen, **{**options, **more})


def stored(backend: Backend, **values: Any) -> None:
    """Stores values in the session with :data:`ID`."""
    session = opened(backend, ID)
    session.update(values)
    session.save()


def content(backend: Backend, session_id: str = ID, **options: Any) -> dict[str, Any]:
    """The values in a stored session, without the session's own keys."""
    session = opened(backend, session_id, **options)
    return {key: session[key] for key in session if not key.startswith("_")}


def name(session: Any) -> Any:
    """The value under `name`."""
    return session.get("name")


@contextmanager
def unprivileged() -> Iterator[None]:
    """Gives up what root may do, so that file modes mean something."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


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


def remembered(seconds: Any, **values: Any) -> Callable[[Any], None]:
    """A page that gives its session a timeout and saves it."""

    def work(session: Any) -> None:
        session.update(values)
        session.set_timeout(seconds)
        session.save()

    return work
