"""Processes with `hash_ids` and processes without it serve the same sessions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from beaker.exceptions import BeakerException
from tests.support.sessions import Browser, key_of, opened

if TYPE_CHECKING:
    from tests.support.sessions import Backend

HASHED = {"hash_ids": True}
SIDES = [False, True]
"""Whether a process has switched."""


@pytest.mark.parametrize("first", SIDES)
def test_nobody_is_logged_out_while_processes_switch_one_by_one(backend: Backend, first: bool) -> None:
    sides = {side: Browser(backend.options, hash_ids=side) for side in SIDES}
    sides[first].put(visits=0)
    jar = sides[first].jar
    for visits, side in enumerate([True, False, False, True, True, False, True, False]):
        visitor = sides[side]
        visitor.jar = jar
        assert visitor.read() == {"visits": visits}
        visitor.put(visits=visits + 1)
        assert len(backend.texts()) == 1
        if visits % 3 == 2:
            visitor.visit(lambda session: session.regenerate_id())
            assert len(backend.texts()) == 1
        jar = visitor.jar
    sides[first].jar = jar
    sides[first].visit(lambda session: session.invalidate())
    for visitor in sides.values():
        visitor.jar = jar
        assert visitor.read() == {}
    assert backend.texts() == {}


def test_a_session_moves_on_a_write_and_not_on_a_touch(backend: Backend) -> None:
    old = Browser(backend.options)
    old.put(name="Ada")
    visitor = Browser(backend.options, HASHED)
    visitor.jar = old.jar
    assert visitor.read() == {"name": "Ada"}
    assert list(backend.texts()) == [old.id]
    visitor.put(name="Grace")
    assert list(backend.texts()) == [key_of(old.id)]
    assert old.read() == {"name": "Grace"}
    old.put(name="Barbara")
    assert list(backend.texts()) == [key_of(old.id)]
    assert visitor.read() == {"name": "Barbara"}


def test_changes_of_both_sides_are_merged(backend: Backend) -> None:
    sides = [opened(backend, "shared", hash_ids=side) for side in (False, True, False, True)]
    for number, session in enumerate(sides):
        session[f"key {number}"] = number
        session.save()
    found = opened(backend, "shared")
    assert {key: value for key, value in found.items() if key.startswith("key")} == {
        f"key {number}": number for number in range(4)
    }
    assert len(backend.texts()) == 1


@pytest.mark.parametrize("locks", [False, True])
def test_a_session_that_moves_in_dbm_files_leaves_no_file_of_its_name(tmp_path: Path, locks: bool) -> None:
    options = {"type": "dbm", "data_dir": str(tmp_path), "concurrency": "lock" if locks else "merge"}
    old = Browser(options)
    old.put(name="Ada")
    visitor = Browser(options, HASHED)
    visitor.jar = old.jar
    assert visitor.read() == {"name": "Ada"}
    visitor.put(name="Grace")
    assert visitor.read() == {"name": "Grace"}
    names = [path.name for path in tmp_path.rglob("*.dbm*")]
    assert names
    assert all(name.startswith(key_of(old.id)) for name in names)
    assert old.read() == {"name": "Grace"}
    old.put(name="Barbara")
    assert visitor.read() == {"name": "Barbara"}
    visitor.visit(lambda session: session.delete())
    assert old.read() == {}


def test_a_backend_without_removal_still_moves_sessions(written_in_python: Backend) -> None:
    backend_class = written_in_python.options["namespace_class"]

    class Keeping(backend_class):  # type: ignore[misc, valid-type]
        def do_remove(self) -> None:
            raise NotImplementedError

    old = Browser({"namespace_class": Keeping})
    old.put(name="Ada")
    visitor = Browser({"namespace_class": Keeping}, HASHED)
    visitor.jar = old.jar
    visitor.put(name="Grace")
    assert list(written_in_python.texts()) == [key_of(old.id)]
    assert visitor.read() == old.read() == {"name": "Grace"}


@pytest.mark.parametrize("ender", SIDES)
@pytest.mark.parametrize("saver", SIDES)
def test_a_session_ended_on_one_side_is_not_revived_by_the_other(
    backend: Backend, ender: bool, saver: bool
) -> None:
    for place in SIDES:
        session = opened(backend, "ending", hash_ids=place)
        session["name"] = "Ada"
        session.save()
        late = opened(backend, "ending", hash_ids=saver)
        opened(backend, "ending", hash_ids=ender).delete()
        late["name"] = "back"
        with pytest.warns(match="was ended"):
            late.save()
        assert backend.texts() == {}


@pytest.mark.parametrize("holder", SIDES)
@pytest.mark.parametrize("place", [None, False, True])
def test_a_lock_on_one_side_shuts_out_the_other(backend: Backend, holder: bool, place: bool | None) -> None:
    if place is not None:
        session = opened(backend, "locked", hash_ids=place)
        session["count"] = 1
        session.save()
    holding = opened(backend, "locked", hash_ids=holder)
    holding.lock()
    waiting = opened(backend, "locked", hash_ids=not holder, lock_timeout=0) if place is None else None
    waiting = waiting or opened(backend, "locked", hash_ids=not holder, lock_timeout=0)
    with pytest.raises(BeakerException):
        waiting.lock()
    holding.load()
    holding["count"] = holding.get("count", 0) + 1
    holding.save()
    holding.unlock()
    waiting.lock()
    waiting.load()
    waiting["count"] += 1
    waiting.save()
    waiting.unlock()
    assert opened(backend, "locked", hash_ids=holder)["count"] == (2 if place is None else 3)
    assert len(backend.texts()) == 1


def test_a_lock_by_a_process_that_hashes_moves_what_it_locks(files: Backend) -> None:
    session = opened(files, "moving")
    session["count"] = 1
    session.save()
    session = opened(files, "moving", **HASHED)
    session.lock()
    assert Path(session.namespace.file).stem == key_of("moving")
    session.unlock()
    assert list(files.texts()) == [key_of("moving")]
    session = opened(files, "moving")
    session.lock()
    assert Path(session.namespace.file).stem == key_of("moving")
    session["count"] += 1
    session.save()
    session.unlock()
    assert opened(files, "moving", **HASHED)["count"] == 2


def test_a_locked_session_leaves_no_lock_behind(files: Backend) -> None:
    assert files.folder is not None
    for side in SIDES:
        session = opened(files, f"locked {side}", hash_ids=side)
        session.lock()
        session.unlock()
    assert [path for path in files.folder.rglob("*") if path.is_file()] == []


WORKER = """
import sys
from beaker.session import Session

folder, session_id, hashes, turns = sys.argv[1:]
for _ in range(int(turns)):
    session = Session(
        {}, id=session_id, use_cookies=False, type="file", data_dir=folder,
        concurrency="lock", hash_ids=hashes
    )
    session["count"] = session.get("count", 0) + 1
    session.save()
    del session
"""


@pytest.mark.parametrize("place", [None, False, True])
@pytest.mark.slow
def test_processes_on_both_sides_count_exactly(files: Backend, place: bool | None) -> None:
    turns = 60
    if place is not None:
        session = opened(files, "counted", hash_ids=place)
        session["count"] = 0
        session.save()
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(files.folder), "counted", side, str(turns)])
        for side in ("true", "false", "true", "false")
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0] * 4
    assert opened(files, "counted")["count"] == 4 * turns
    assert list(files.texts()) == [key_of("counted")]
