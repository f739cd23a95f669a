"""Locks: many readers or one writer."""

import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from beaker.exceptions import LockError
from beaker.synchronization import (
    ConditionSynchronizer,
    FileSynchronizer,
    NameLock,
    SynchronizerImpl,
    _synchronizers,
    file_synchronizer,
    mutex_synchronizer,
    null_synchronizer,
)
from tests.support.threads import in_thread, in_threads

Make = Callable[[], SynchronizerImpl]


def reads(lock: SynchronizerImpl) -> bool:
    """Whether the lock can be had for reading at once; it is given back."""
    if not lock.acquire_read_lock(wait=False):
        return False
    lock.release_read_lock()
    return True


def writes(lock: SynchronizerImpl) -> bool:
    """Whether the lock can be had for writing at once; it is given back."""
    if not lock.acquire_write_lock(wait=False):
        return False
    lock.release_write_lock()
    return True


def test_readers_share_a_lock_and_writers_do_not(make_lock: Make) -> None:
    lock = make_lock()
    assert lock.acquire_read_lock()
    assert in_thread(lambda: reads(lock))
    assert in_thread(lambda: lock.acquire_write_lock(wait=False)) is False
    lock.release_read_lock()
    assert lock.acquire_write_lock()
    assert in_thread(lambda: lock.acquire_read_lock(wait=False)) is False
    assert in_thread(lambda: lock.acquire_write_lock(wait=False)) is False
    lock.release_write_lock()
    assert in_thread(lambda: writes(lock))


def test_a_lock_holder_may_take_the_lock_again(make_lock: Make) -> None:
    lock = make_lock()
    for _ in range(3):
        assert lock.acquire_write_lock()
    for _ in range(2):
        lock.release_write_lock()
    assert in_thread(lambda: lock.acquire_read_lock(wait=False)) is False
    lock.release_write_lock()
    assert lock.acquire_read_lock()
    assert lock.acquire_read_lock(wait=False)
    lock.release_read_lock()
    assert in_thread(lambda: lock.acquire_write_lock(wait=False)) is False
    lock.release_read_lock()


def test_a_lock_used_out_of_order_is_an_error(make_lock: Make) -> None:
    lock = make_lock()
    with pytest.raises(LockError):
        lock.release_read_lock()
    with pytest.raises(LockError):
        lock.release_write_lock()
    lock.acquire_read_lock()
    with pytest.raises(LockError):
        lock.acquire_write_lock()
    with pytest.raises(LockError):
        lock.release_write_lock()
    lock.release_read_lock()
    lock.acquire()
    with pytest.raises(LockError):
        lock.acquire_read_lock()
    with pytest.raises(LockError):
        lock.release_read_lock()
    with pytest.raises(LockError):
        in_thread(lock.release_write_lock)
    lock.release()


def test_a_refused_lock_can_be_had_later(make_lock: Make) -> None:
    lock = make_lock()
    lock.acquire_write_lock()
    refused = threading.Event()
    freed = threading.Event()

    def other() -> bool:
        assert not lock.acquire_write_lock(wait=False)
        refused.set()
        assert freed.wait(10)
        assert lock.acquire_write_lock(wait=False)
        lock.release_write_lock()
        return True

    result: list[object] = []
    thread = threading.Thread(target=lambda: result.append(other()))
    thread.start()
    assert refused.wait(10)
    lock.release_write_lock()
    freed.set()
    thread.join(10)
    assert result == [True]


def test_writers_never_meet_anybody(make_lock: Make) -> None:
    lock = make_lock()
    inside: list[str] = []
    trouble: list[list[str]] = []

    def writer() -> None:
        for _ in range(30):
            lock.acquire_write_lock()
            inside.append("w")
            time.sleep(0.0002)
            if inside != ["w"]:
                trouble.append(list(inside))
            inside.remove("w")
            lock.release_write_lock()

    def reader() -> None:
        for _ in range(30):
            lock.acquire_read_lock()
            inside.append("r")
            time.sleep(0.0002)
            if "w" in inside:
                trouble.append(list(inside))
            inside.remove("r")
            lock.release_read_lock()

    in_threads(writer, reader, reader, writer, reader)
    assert trouble == []


def test_a_writer_waits_on_when_it_is_woken_for_nothing() -> None:
    lock = ConditionSynchronizer("x")
    lock.acquire_read_lock()
    got = threading.Event()

    def write() -> None:
        lock.acquire_write_lock()
        got.set()
        lock.release_write_lock()

    thread = threading.Thread(target=write)
    thread.start()
    while lock.current_sync_operation is None:
        time.sleep(0.001)
    for _ in range(5):
        with lock.condition:
            lock.condition.notify_all()
        assert not got.wait(0.01)
    lock.release_read_lock()
    assert got.wait(10)
    thread.join(10)


def test_a_writer_that_is_interrupted_leaves_the_lock_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = ConditionSynchronizer("x")
    assert in_thread(lock.acquire_read_lock)

    def interrupted(timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(lock.condition, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lock.acquire_write_lock()
    monkeypatch.undo()
    assert lock.acquire_read_lock(wait=False)
    lock.release_read_lock()


def test_one_name_is_one_lock_and_each_folder_has_its_own(tmp_path: Path) -> None:
    first = file_synchronizer("x", lock_dir=str(tmp_path / "a"))
    assert file_synchronizer("x", lock_dir=str(tmp_path / "a")) is first
    assert file_synchronizer("x", lock_dir=str(tmp_path / "b")) is not first
    assert file_synchronizer("x") is mutex_synchronizer("x")
    assert isinstance(first, FileSynchronizer)


def test_a_lock_that_nobody_has_is_forgotten() -> None:
    lock = mutex_synchronizer("forgettable")
    key = ("forgettable", ConditionSynchronizer)
    assert key in _synchronizers
    del lock
    gc.collect()
    assert key not in _synchronizers


def test_a_named_mutex_is_shared_by_name() -> None:
    first, second, other, alone = NameLock("n"), NameLock("n"), NameLock("m"), NameLock()
    assert first.acquire()
    assert in_thread(lambda: second.acquire(wait=False)) is False
    assert other.acquire(wait=False)
    assert alone.acquire(wait=False)
    for lock in (second, other, alone):
        lock.release()
    again = NameLock("r", reentrant=True)
    assert again.acquire()
    assert again.acquire(wait=False)
    again.release()
    again.release()
    with pytest.raises(RuntimeError):
        again.release()


def test_the_lock_for_those_who_need_none_is_always_free() -> None:
    lock = null_synchronizer()
    assert lock.acquire_write_lock()
    assert lock.acquire(wait=False)
    assert lock.acquire_read_lock()
    lock.release()
    lock.release_read_lock()
    lock.release_write_lock()
