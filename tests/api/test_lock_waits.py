"""Locks: waits, interruptions, and what a lock says of itself."""

import errno
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from beaker import _core
from beaker._locks import LIMIT, Waiting
from beaker.exceptions import LockError
from beaker.synchronization import ConditionSynchronizer, FileSynchronizer, NameLock, SynchronizerImpl
from tests.support.threads import held_elsewhere, in_thread

Make = Callable[[], SynchronizerImpl]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test changes."""
    times = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: times[0])
    return times


@contextmanager
def limited(until: float) -> Iterator[list[Any]]:
    """All waits end at ``until``."""
    limit = [until, 0.0, None]
    token = LIMIT.set(limit)
    try:
        yield limit
    finally:
        LIMIT.reset(token)


def is_free(lock: SynchronizerImpl) -> bool:
    """Whether another thread can have the lock for writing."""

    def try_it() -> bool:
        if not lock.acquire_write_lock(wait=False):
            return False
        lock.release_write_lock()
        return True

    return bool(in_thread(try_it))


def test_a_wait_ends_with_its_limit_and_counts_its_seconds(now: list[float]) -> None:
    with limited(100.12) as limit:
        waiting = Waiting()
        assert waiting.step() == 0.05
        now[0] = 100.1
        assert waiting.step() == pytest.approx(0.02)
        assert limit[1] == pytest.approx(0.1)
        for over in (100.12, 100.2):
            now[0] = over
            with pytest.raises(LockError, match="lock_timeout"):
                waiting.step()
        assert limit[1] == pytest.approx(0.2)


def test_a_wait_without_a_limit_goes_on_in_steps(now: list[float]) -> None:
    waiting = Waiting()
    now[0] = 1e9
    assert [waiting.step(), waiting.step(0.01)] == [0.05, 0.01]


def test_the_pauses_of_a_wait_double_up_to_five_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    waiting = Waiting()
    for _ in range(8):
        waiting.pause()
    assert slept == [0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.005, 0.005]


def test_a_lock_waits_unless_it_is_told_not_to(make_lock: Make) -> None:
    lock = make_lock()
    waits: tuple[Callable[..., object], ...] = (
        lock.acquire_write_lock,
        lock.acquire_read_lock,
        lock.do_acquire_write_lock,
        lock.do_acquire_read_lock,
    )
    with held_elsewhere(lock), limited(time.monotonic() - 1):
        for wait in waits:
            with pytest.raises(LockError, match="lock_timeout"):
                wait()


def test_a_named_mutex_waits_unless_it_is_told_not_to() -> None:
    class Mutex:
        def acquire(self, wait: bool) -> bool:
            return wait

    lock = NameLock()
    lock._lock.lock = Mutex()
    assert [lock.acquire(), lock.acquire(wait=False)] == [True, False]


def test_a_mutex_is_reentrant_only_where_that_is_asked_for() -> None:
    for lock in (NameLock(), NameLock("q")):
        assert lock.acquire()
        assert not lock.acquire(wait=False)
        lock.release()


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_lock_is_free_after_as_many_releases(make_lock: Make, kind: str) -> None:
    lock = make_lock()
    for _ in range(3):
        assert getattr(lock, f"acquire_{kind}_lock")()
    for _ in range(3):
        assert not is_free(lock)
        getattr(lock, f"release_{kind}_lock")()
    assert is_free(lock)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("of a handler")])
def test_a_limited_wait_keeps_the_error_that_interrupts_it(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    lock = ConditionSynchronizer("x")
    assert in_thread(lock.acquire_write_lock)

    def interrupted(timeout: float | None = None) -> bool:
        raise error

    monkeypatch.setattr(lock.condition, "wait", interrupted)
    with limited(time.monotonic() + 60) as limit, pytest.raises(type(error)):
        lock.acquire_write_lock()
    assert limit[2] is error


def test_an_error_of_the_lock_file_itself_is_no_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = FileSynchronizer("x", str(tmp_path))
    for path, is_own in ((lock.filename, True), (str(tmp_path), False)):
        error = OSError(errno.EACCES, "denied", path)

        def denied(*_arguments: object, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(_core, "lock_file", denied)
        with limited(time.monotonic() + 60) as limit, pytest.raises(PermissionError):
            lock.acquire_write_lock()
        assert (limit[2] is None, limit[2] is error) == (is_own, not is_own)


def test_a_wait_that_is_over_is_no_interruption() -> None:
    lock = ConditionSynchronizer("x")
    assert in_thread(lock.acquire_write_lock)
    with limited(time.monotonic() - 1) as limit, pytest.raises(LockError):
        lock.acquire_read_lock()
    assert limit[2] is None


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_interrupted_thread_has_the_lock_as_often_as_before(make_lock: Make, count: int) -> None:
    lock = make_lock()
    for _ in range(3):
        lock.acquire_write_lock()
    lock.state.is_changing = True
    lock._restore(count)
    assert lock.state.reentrantcount == count
    for _ in range(count):
        assert not is_free(lock)
        lock.release_write_lock()
    assert is_free(lock)


def test_a_thread_that_took_nothing_keeps_the_lock_as_often_as_it_has_it(make_lock: Make) -> None:
    lock = make_lock()
    lock.acquire_write_lock()
    lock._restore(2)
    assert lock.state.reentrantcount == 1
    lock.release_write_lock()
    assert is_free(lock)


def test_a_signal_handler_is_refused_the_lock_that_it_interrupts(make_lock: Make) -> None:
    lock = make_lock()
    refused: list[str] = []

    def handle(moment: str) -> None:
        for take in (lock.acquire_read_lock, lock.acquire_write_lock):
            with pytest.raises(LockError, match="a signal interrupted"):
                take()
        refused.append(moment)

    take, release, let_go = lock.do_acquire_write_lock, lock.do_release_write_lock, lock._let_go

    def taken(wait: bool) -> bool:
        handle("take")
        return take(wait)

    def released() -> None:
        handle("release")
        release()

    def restored(state: SynchronizerImpl.SyncState) -> None:
        handle("restore")
        let_go(state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lock, "do_acquire_write_lock", taken)
        patch.setattr(lock, "do_release_write_lock", released)
        lock.acquire_write_lock()
        lock.release_write_lock()
        lock.acquire_write_lock()
        patch.setattr(lock, "_let_go", restored)
        lock._restore(0)
    assert refused == ["take", "release", "take", "restore"]
    assert is_free(lock)


def test_a_lock_that_the_thread_does_not_hold_is_not_released() -> None:
    lock = ConditionSynchronizer("x")
    releases = (lock.do_release_write_lock, lock.do_release_read_lock)
    for release in releases:
        with pytest.raises(LockError, match="does not hold it"):
            release()
    with held_elsewhere(lock):
        for release in releases:
            with pytest.raises(LockError, match="does not hold it"):
                release()


def test_a_lock_says_how_many_read_and_who_writes() -> None:
    lock = ConditionSynchronizer("x")
    assert (lock.asynch, lock.current_sync_operation) == (0, None)
    lock.acquire_read_lock()
    in_thread(lock.acquire_read_lock)
    assert (lock.asynch, lock.current_sync_operation) == (2, None)
    lock = ConditionSynchronizer("x")
    lock.acquire_write_lock()
    assert (lock.asynch, lock.current_sync_operation) == (0, threading.current_thread())


def test_a_thread_whose_session_holds_the_lock_takes_and_releases_nothing(make_lock: Make) -> None:
    lock = make_lock()
    with held_elsewhere(lock):
        lock.state.covered = True
        assert lock.acquire_read_lock() is True
        assert lock.acquire_write_lock() is True
        lock.release_read_lock()
        lock.release_write_lock()
        assert lock.state.reentrantcount == 0
        assert not is_free(lock)
    assert is_free(lock)
