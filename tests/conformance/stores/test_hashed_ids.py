"""Stores that have hashes of the ids in place of the ids: `hash_ids`."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.container import MemoryNamespaceManager
from beaker.session import Session
from tests.support.folders import age
from tests.support.sessions import KEY, UNKNOWN_ID, Browser, key_of, opened

if TYPE_CHECKING:
    from tests.support.sessions import Backend

STORED_KEY = re.compile(r"[0-9a-f]{64}-sha256")
HASHED = {"hash_ids": True}
SIDES = [False, True]
"""Whether a process has switched."""


def traces(folder: Path, session_id: str) -> list[Path]:
    """Every file and folder whose name or contents have the id."""
    return [
        path
        for path in folder.rglob("*")
        if session_id in path.name or (path.is_file() and session_id.encode() in path.read_bytes())
    ]


def test_no_stored_name_shows_an_id(backend: Backend) -> None:
    visitor = Browser(backend.options, HASHED)
    visitor.put(name="Ada")
    assert list(backend.texts()) == [key_of(visitor.id)]
    assert STORED_KEY.fullmatch(key_of(visitor.id))
    assert visitor.read() == {"name": "Ada"}
    visitor.visit(lambda session: session.delete())
    assert backend.texts() == {}


@pytest.mark.parametrize("value", [True, "true", "on", 1])
def test_the_option_may_be_a_word(memory: Backend, value: Any) -> None:
    visitor = Browser(memory.options, hash_ids=value)
    visitor.put(name="Ada")
    assert list(memory.texts()) == [key_of(visitor.id)]


def test_without_the_option_a_session_is_kept_as_it_always_was(backend: Backend) -> None:
    for options in ({}, {"hash_ids": False}, {"hash_ids": "no"}):
        visitor = Browser(backend.options, options)
        visitor.put(name="Ada")
        assert visitor.id in backend.texts()


@pytest.mark.parametrize("kind", ["file", "dbm"])
@pytest.mark.parametrize("session_id", [None, "chosen.by.a.program-0123", "with/slash 0123"])
def test_no_file_ever_shows_an_id(tmp_path: Path, kind: str, session_id: str | None) -> None:
    options = {"type": kind, "data_dir": str(tmp_path), "use_cookies": False, "timeout": 600, **HASHED}
    session: Any = Session({}, **({} if session_id is None else {"id": session_id}), **options)
    ids = [session.id]

    def nothing_tells() -> None:
        for one in ids:
            for form in (one, one.replace(".", "")):
                assert traces(tmp_path, form) == []

    session["name"] = "Ada"
    session.save()
    nothing_tells()
    session.lock()
    nothing_tells()
    session.load()
    session["name"] = "Grace"
    session.save()
    nothing_tells()
    session.unlock()
    nothing_tells()
    session.regenerate_id()
    ids.append(session.id)
    session.save()
    nothing_tells()
    with_request: Any = Session({}, id=session.id, concurrency="lock", **options)
    assert with_request["name"] == "Grace"
    with_request.save()
    nothing_tells()
    with_request.unlock()
    nothing_tells()
    again: Any = Session({}, id=session.id, **options)
    assert again["name"] == "Grace"
    assert [Path(again.namespace.file).stem.partition(".")[0]] == [key_of(session.id)]
    again.save(accessed_only=True)
    nothing_tells()
    if kind == "file":
        _core.sweep_files(str(tmp_path / "container_file"), str(tmp_path / "container_file_lock"), 600.0)
        nothing_tells()
        assert Path(again.namespace.file).exists()
    session.delete()
    nothing_tells()
    assert Session({}, id=session.id, **options).is_new


def test_a_session_shows_its_id_and_the_namespace_of_its_key(backend: Backend) -> None:
    session = opened(backend, "visits.of.a.program", **HASHED)
    session["count"] = 1
    session.save()
    assert session.id == "visits.of.a.program"
    assert session.namespace.namespace == key_of("visits.of.a.program")
    session.namespace.acquire_read_lock()
    try:
        assert isinstance(session.namespace["session"], str)
    finally:
        session.namespace.release_read_lock()
    assert session.accessed_dict.get("count") is None
    assert opened(backend, "visits.of.a.program", **HASHED).accessed_dict["count"] == 1
    session.namespace.do_remove()
    assert opened(backend, "visits.of.a.program", **HASHED).is_new


def test_ids_that_a_subclass_makes_are_hashed_too(backend: Backend) -> None:
    class Numbered(Session):
        made = 0

        def _create_id(self, set_new: bool = True) -> None:
            Numbered.made += 1
            self.id = f"number-{self.made}"
            self.is_new = set_new
            self._update_cookie_out(set_cookie=not set_new)

    visitor = Browser(backend.options, HASHED, session_class=Numbered)
    visitor.put(name="Ada")
    assert list(backend.texts()) == [key_of(f"number-{Numbered.made}")]
    assert visitor.read() == {"name": "Ada"}
    visitor.visit(lambda session: session.regenerate_id())
    assert list(backend.texts()) == [key_of(f"number-{Numbered.made}")]
    assert visitor.read() == {"name": "Ada"}


def test_a_session_of_another_is_found_by_its_id(backend: Backend) -> None:
    visitor = Browser(backend.options, HASHED)
    visitor.put(name="Ada")
    other = Browser(backend.options, HASHED)
    found = other.visit(lambda session: session.get_by_id(visitor.id)["name"])
    assert found.result == "Ada"
    assert other.visit(lambda session: session.get_by_id(UNKNOWN_ID)).result is None


def test_an_absent_id_is_looked_for_twice_and_nothing_is_made_for_it(written_in_python: Backend) -> None:
    backend_class = written_in_python.options["namespace_class"]
    asked: list[str] = []

    class Asked(backend_class):  # type: ignore[misc, valid-type]
        def __getitem__(self, key: str) -> Any:
            asked.append(self.namespace)
            return super().__getitem__(key)

        def acquire_write_lock(self, wait: bool = True, replace: bool = False) -> bool:
            raise AssertionError

    for side, expected in (
        (False, [UNKNOWN_ID, key_of(UNKNOWN_ID)]),
        (True, [key_of(UNKNOWN_ID), UNKNOWN_ID, key_of(UNKNOWN_ID)]),
    ):
        visitor = Browser({"namespace_class": Asked}, hash_ids=side)
        visitor.visit(dict, cookie=f"{KEY}={UNKNOWN_ID}")
        assert asked == expected
        asked.clear()
    assert backend_class.contents == {}


def test_a_session_that_is_there_is_looked_for_once(written_in_python: Backend) -> None:
    for side in SIDES:
        visitor = Browser(written_in_python.options, hash_ids=side)
        visitor.put(name="Ada")
        written_in_python.options["namespace_class"].calls.clear()
        visitor.visit(dict)
        assert written_in_python.options["namespace_class"].calls == ["get", "get", "set"]


@pytest.mark.parametrize("kind", ["file", "dbm"])
def test_an_unknown_id_makes_no_file_on_either_side(tmp_path: Path, kind: str) -> None:
    for side in SIDES:
        visitor = Browser(type=kind, data_dir=str(tmp_path), hash_ids=side)
        for session_id in (UNKNOWN_ID, "../x", key_of(UNKNOWN_ID), "a.b"):
            visitor.visit(dict, cookie=f"{KEY}={session_id}")
            visitor.jar = None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def old(path: Path) -> None:
    age(path, 86_400)


def test_a_sweep_removes_expired_hashed_sessions_and_free_locks(files: Backend) -> None:
    assert files.folder is not None
    for name in ("kept", "gone", "damaged"):
        session = opened(files, name, **HASHED)
        session["x"] = 1
        session.save()
    locks = {
        name: files.folder
        / "container_file_lock"
        / (digits := hashlib.sha1(name.encode()).hexdigest())[:1]
        / digits[:2]
        / f"{digits}.lock"
        for name in ("kept", "gone", "damaged")
    }
    paths = {path.stem: path for path in files.files()}
    paths[key_of("damaged")].write_bytes(b"damaged")
    for name in ("gone", "damaged"):
        old(paths[key_of(name)])
    for lock in locks.values():
        old(lock)
    done = subprocess.run(
        [sys.executable, "-m", "beaker", "sweep", "--data-dir", files.folder, "--timeout", "600"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "2 sessions removed" in done.stdout
    assert list(files.files()) == [paths[key_of("kept")]]
    # A hash does not tell which lock is the session's: a free one goes after an hour, and is made anew.
    assert not any(lock.exists() for lock in locks.values())
    session = opened(files, "kept", **HASHED)
    assert session["x"] == 1
    session.save()
    assert locks["kept"].exists()


def test_the_memory_store_is_listed_by_stored_keys(memory: Backend) -> None:
    session = opened(memory, "chosen", **HASHED)
    session.save()
    assert list(MemoryNamespaceManager.namespaces.dict) == [key_of("chosen")]


def test_hashed_ids_cause_no_warning(backend: Backend) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visitor = Browser(backend.options, HASHED)
        visitor.put(name="Ada")
        visitor.visit(lambda session: session.regenerate_id())
        assert visitor.read() == {"name": "Ada"}
