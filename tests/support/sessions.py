"""Backends, serializers, a browser and a clock for the laws of sessions."""

from __future__ import annotations

import hashlib
import os
import pickle
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from beaker._core import SqliteDatabase
from beaker.container import MemoryNamespaceManager
from beaker.session import Session
from beaker.testing import _backend
from beaker.testing._browser import Browser, Headers, Visit
from beaker.testing._clock import START, Clock
from beaker.testing._laws.timeouts import remembered
from beaker.testing._sessions import ID, KEY, LOCK, Literals, content, is_free, opened, stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from typing_extensions import Self

__all__ = [
    "COOKIE",
    "ID",
    "KEY",
    "LOCK",
    "NOBODY",
    "START",
    "UNKNOWN_ID",
    "VALIDATE_KEY",
    "Backend",
    "Browser",
    "Clock",
    "Headers",
    "Literals",
    "Visit",
    "content",
    "is_free",
    "key_of",
    "name",
    "opened",
    "remembered",
    "session_of",
    "stored",
    "unprivileged",
]

UNKNOWN_ID = ID
"""The same id, in tests that store no session under it."""
VALIDATE_KEY = "a validation key of the tests, of some length"
COOKIE: dict[str, Any] = {"type": "cookie", "validate_key": VALIDATE_KEY}
"""The options of a session that its cookie keeps."""

NOBODY = 65534


@dataclass
class Backend(_backend.Backend):
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


def key_of(session_id: str) -> str:
    """The stored key of an id with `hash_ids`."""
    return hashlib.sha256(b"beaker session id\0" + session_id.encode()).hexdigest() + "-sha256"


def session_of(options: Mapping[str, Any], session_id: str | None = None, **more: Any) -> Any:
    """A session apart from any request: that of an id, or a new one."""
    chosen = {} if session_id is None else {"id": session_id}
    return Session({}, use_cookies=False, **chosen, **{**options, **more})


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
