"""Backends written in Python that are interrupted at every step, as the handler of a signal may do it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from beaker.container import FileNamespaceManager
from beaker.exceptions import BeakerException, LockError
from beaker.synchronization import file_synchronizer
from tests.support.folders import open_files
from tests.support.interruptions import Interruption, Struck, at_every_step, strike
from tests.support.sessions import ID, Backend, is_free, opened, stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from beaker.synchronization import SynchronizerImpl

FEWEST_STEPS = 4
"""The fewest points at which CPython looks for signals while a lock is taken; 3.14 has fewer than before."""


def read(backend: Backend) -> None:
    assert opened(backend, ID)["name"] == "Ada"


def save(backend: Backend) -> None:
    session = opened(backend, ID)
    session["count"] = 1
    session.save()


def lock(backend: Backend) -> None:
    session = opened(backend, ID)
    session.lock()
    try:
        session["count"] = 1
        session.save()
    finally:
        session.unlock()


def request(backend: Backend) -> None:
    session = opened(backend, ID, concurrency="lock")
    try:
        session["count"] = 1
        session.save()
    finally:
        session.unlock()


USES = [read, save, lock, request]


# A file object without a reference closes itself with a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("use", USES)
def test_an_exception_at_any_step_leaves_nothing_locked(dbm: Backend, use: Callable[[Backend], None]) -> None:
    stored(dbm, name="Ada")
    before = open_files()

    def struck(step: int) -> bool:
        interruption = Interruption(step, strike)
        try:
            interruption.during(lambda: use(dbm))
        except Struck:
            # A kept exception keeps its frames and their open files. Earlier tests' files may be closed.
            assert open_files() <= before, step
            assert is_free(dbm, ID), step
            save(dbm)
        else:
            assert is_free(dbm, ID), step
            if not interruption.came:
                return False
        stored(dbm, name="Ada")
        return True

    assert at_every_step(struck) > 30


class Own(FileNamespaceManager):
    """The view of files as a backend, which is one written in Python."""


@pytest.mark.parametrize("durability", ["beaker", "full"])
@pytest.mark.parametrize("use", USES)
def test_an_exception_at_any_step_leaves_no_file(
    tmp_path: Path, use: Callable[[Backend], None], durability: str
) -> None:
    options = {"namespace_class": Own, "data_dir": str(tmp_path), "durability": durability}
    files = Backend("own", options, tmp_path)
    stored(files, name="Ada")
    before = open_files()

    def struck(step: int) -> bool:
        interruption = Interruption(step, strike)
        with contextlib.suppress(Struck):
            interruption.during(lambda: use(files))
        stored(files, name="Ada")
        return interruption.came

    assert at_every_step(struck) > 30
    assert open_files() == before
    assert list(tmp_path.rglob("*.tmp")) == []


def end(backend: Backend, session_id: str) -> None:
    opened(backend, session_id).delete()


def begin(backend: Backend, session_id: str) -> None:
    session = opened(backend, session_id)
    session["name"] = "Ada"
    session.save()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("use", [begin, end])
@pytest.mark.parametrize("kind", ["file", "dbm"])
def test_an_exception_at_any_step_unlocks_an_id_with_dots(
    tmp_path: Path, kind: str, use: Callable[[Backend, str], None]
) -> None:
    options = {"namespace_class": Own} if kind == "file" else {"type": "dbm"}
    backend = Backend("", {**options, "data_dir": str(tmp_path)}, tmp_path)
    neighbour = file_synchronizer("ab", lock_dir=str(tmp_path / f"container_{kind}_lock"))
    begin(backend, "a.b")

    def struck(step: int) -> bool:
        interruption = Interruption(step, strike)
        try:
            interruption.during(lambda: use(backend, "a.b"))
        except Struck:
            # A kept exception keeps its frames and their locks.
            assert can_be_had(neighbour), step
        assert can_be_had(neighbour), step
        begin(backend, "a.b")
        assert opened(backend, "a.b")["name"] == "Ada"
        return interruption.came

    assert at_every_step(struck) > 30


def test_a_signal_handler_on_a_name_with_dots_releases_no_lock(tmp_path: Path) -> None:
    neighbour = file_synchronizer("ab", lock_dir=str(tmp_path / "container_file_lock"))
    wrong: list[int] = []
    step = 0

    class Watched(Own):
        def _replace(self, data: bytes, locked: bool) -> None:
            super()._replace(data, locked)
            if locked and can_be_had(neighbour):
                wrong.append(step)

    backend = Backend("", {"namespace_class": Watched, "data_dir": str(tmp_path)}, tmp_path)
    begin(backend, "a.b")

    def handler() -> None:
        with contextlib.suppress(BeakerException):
            begin(backend, "a..b")

    def struck(at: int) -> bool:
        nonlocal step
        step = at
        interruption = Interruption(at, handler)
        with contextlib.suppress(BeakerException):
            interruption.during(lambda: begin(backend, "a.b"))
        assert can_be_had(neighbour), at
        return interruption.came

    assert at_every_step(struck) > 30
    assert wrong == []


@pytest.mark.parametrize("use", USES)
def test_a_handler_that_uses_the_interrupted_session_ends(
    dbm: Backend, use: Callable[[Backend], None]
) -> None:
    stored(dbm, name="Ada")

    def struck(step: int) -> bool:
        def handler() -> None:
            for again in (read, lock):
                with contextlib.suppress(BeakerException):
                    again(impatient)

        interruption = Interruption(step, handler)
        with contextlib.suppress(BeakerException):
            interruption.during(lambda: use(dbm))
        assert is_free(dbm, ID), step
        stored(dbm, name="Ada")
        return interruption.came

    impatient = dbm.with_options(lock_timeout=0)
    assert at_every_step(struck) > 30


def can_be_had(lock: SynchronizerImpl) -> bool:
    outcome: list[bool] = []

    def attempt() -> None:
        outcome.append(lock.acquire_write_lock(wait=False))
        if outcome[0]:
            lock.release_write_lock()

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return outcome[0]


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_lock_whose_taking_is_interrupted_is_not_held(
    make_lock: Callable[[], SynchronizerImpl], kind: str
) -> None:
    lock = make_lock()

    def struck(step: int) -> bool:
        interruption = Interruption(step, strike)
        try:
            interruption.during(getattr(lock, f"acquire_{kind}_lock"))
        except Struck:
            if lock.state.reentrantcount:
                # It was taken: the exception came when that was over.
                getattr(lock, f"release_{kind}_lock")()
            lock.state.is_changing = False
        else:
            getattr(lock, f"release_{kind}_lock")()
        assert can_be_had(lock), step
        return interruption.came

    assert at_every_step(struck) >= FEWEST_STEPS


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_handler_gets_the_interrupted_lock_or_an_error(
    make_lock: Callable[[], SynchronizerImpl], kind: str
) -> None:
    lock = make_lock()
    seen: set[str] = set()

    def handler() -> None:
        try:
            lock.acquire_write_lock()
        except LockError:
            seen.add("refused")
        else:
            seen.add("had")
            lock.release_write_lock()

    def struck(step: int) -> bool:
        interruption = Interruption(step, handler)

        def work() -> None:
            getattr(lock, f"acquire_{kind}_lock")()
            getattr(lock, f"release_{kind}_lock")()

        interruption.during(work)
        assert lock.state.reentrantcount == 0
        assert can_be_had(lock), step
        return interruption.came

    assert at_every_step(struck) >= FEWEST_STEPS
    assert seen == {"refused", "had"}
