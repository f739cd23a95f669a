"""Locks: many readers or one writer, between threads and between processes."""

import fcntl
import gc
import hashlib
import os
import stat
import subprocess
import sys
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

Make = Callable[[], SynchronizerImpl]


@pytest.fixture(params=["file", "condition"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes the same lock whenever it is called."""
    if request.param == "file":
        return lambda: file_synchronizer("a lock", lock_dir=str(tmp_path))
    return lambda: mutex_synchronizer("a lock")


def in_thread(function: Callable[[], object]) -> object:
    """What ``function`` returns, or the exception that it raises, in a thread of its own."""
    result: list[object] = []

    def run() -> None:
        try:
            result.append(function())
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return result[0]


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


def test_readers_share_a_lock_and_writers_do_not(make: Make) -> None:
    lock = make()
    assert lock.acquire_read_lock()
    assert in_thread(lambda: reads(lock))
    assert in_thread(lambda: lock.acquire_write_lock(wait=False)) is False
    lock.release_read_lock()
    assert lock.acquire_write_lock()
    assert in_thread(lambda: lock.acquire_read_lock(wait=False)) is False
    assert in_thread(lambda: lock.acquire_write_lock(wait=False)) is False
    lock.release_write_lock()
    assert in_thread(lambda: writes(lock))


def test_who_holds_a_lock_may_take_it_again(make: Make) -> None:
    lock = make()
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


def test_a_lock_used_out_of_order_is_an_error(make: Make) -> None:
    lock = make()
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
    assert isinstance(in_thread(lock.release_write_lock), LockError)
    lock.release()


def test_a_refused_lock_can_be_had_later(make: Make) -> None:
    lock = make()
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


def test_writers_never_meet_anybody(make: Make) -> None:
    lock = make()
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

    threads = [threading.Thread(target=target) for target in (writer, reader, reader, writer, reader)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
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


def test_a_lock_file_is_private_and_where_beaker_has_it(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    lock = file_synchronizer("some id", lock_dir=str(folder))
    assert not folder.exists()
    name = hashlib.sha1(b"some id").hexdigest()
    path = folder / name[0] / name[:2] / f"{name}.lock"
    lock.acquire_read_lock()
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for made in (folder, path.parent, path.parent.parent):
            assert stat.S_IMODE(made.stat().st_mode) == 0o700
        with path.open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        lock.release_read_lock()
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_link_in_the_place_of_a_lock_file_is_not_followed(tmp_path: Path) -> None:
    lock = FileSynchronizer("x", str(tmp_path / "locks"))
    Path(lock.filename).parent.mkdir(parents=True)
    target = tmp_path / "target"
    Path(lock.filename).symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        lock.acquire_write_lock()
    assert not target.exists()
    Path(lock.filename).unlink()
    assert lock.acquire_write_lock()
    lock.release_write_lock()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc")
def test_no_file_stays_open(tmp_path: Path) -> None:
    lock = FileSynchronizer("x", str(tmp_path))
    before = open_files()
    lock.acquire_write_lock()
    assert in_thread(lambda: lock.acquire_write_lock(wait=False)) is False
    lock.release_write_lock()
    Path(lock.filename).unlink()
    Path(lock.filename).mkdir()
    with pytest.raises(OSError, match="directory"):
        lock.acquire_write_lock()
    assert open_files() == before


def test_a_thread_that_ends_without_giving_a_file_lock_back_loses_it(tmp_path: Path) -> None:
    lock = FileSynchronizer("x", str(tmp_path))
    assert in_thread(lock.acquire_write_lock) is True
    gc.collect()
    assert lock.acquire_write_lock(wait=False)
    lock.release_write_lock()


def test_only_who_writes_may_remove_the_file_of_a_lock(tmp_path: Path) -> None:
    lock = FileSynchronizer("x", str(tmp_path))
    with pytest.raises(LockError):
        lock.remove_file()
    lock.acquire_read_lock()
    with pytest.raises(LockError):
        lock.remove_file()
    lock.release_read_lock()
    lock.acquire_write_lock()
    lock.remove_file()
    lock.remove_file()
    lock.release_write_lock()
    assert not Path(lock.filename).exists()


def test_nobody_is_let_in_by_a_file_that_was_removed(tmp_path: Path) -> None:
    inside: list[int] = []
    trouble: list[list[int]] = []

    def work(number: int) -> None:
        # A lock object of its own for each thread, as each process has one.
        lock = FileSynchronizer("x", str(tmp_path))
        for _ in range(60):
            lock.acquire_write_lock()
            inside.append(number)
            time.sleep(0.0002)
            if inside != [number]:
                trouble.append(list(inside))
            inside.remove(number)
            lock.remove_file()
            lock.release_write_lock()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert trouble == []


HOLDER = """
import sys
from beaker.synchronization import file_synchronizer
lock = file_synchronizer("shared", lock_dir=sys.argv[1])
assert lock.acquire_write_lock() is not False
print("held", flush=True)
sys.stdin.readline()
lock.release_write_lock()
print("free", flush=True)
"""


def test_processes_exclude_each_other(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        lock = file_synchronizer("shared", lock_dir=str(tmp_path))
        assert not lock.acquire_read_lock(wait=False)
        assert not lock.acquire_write_lock(wait=False)
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "free\n"
        assert lock.acquire_write_lock(wait=False)
        lock.release_write_lock()


def test_beaker_respects_our_lock_and_we_respect_its(tmp_path: Path, oracle: Callable[..., str]) -> None:
    probe = (
        "import sys; from beaker.synchronization import file_synchronizer as f;"
        "l = f('shared', lock_dir=sys.argv[1]); print(l.acquire_read_lock(wait=False), end=' ');"
        "l.state.reading and l.release_read_lock(); print(l.acquire_write_lock(wait=False))"
    )
    lock = file_synchronizer("shared", lock_dir=str(tmp_path))
    lock.acquire_read_lock()
    assert oracle(probe, str(tmp_path)) == "True False"
    lock.release_read_lock()
    lock.acquire_write_lock()
    assert oracle(probe, str(tmp_path)) == "False False"
    lock.release_write_lock()
    assert oracle(probe, str(tmp_path)) == "True True"


def in_child(function: Callable[[], bool]) -> bool:
    """Whether ``function`` returns true in a forked process."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if function() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_does_not_free_the_lock_of_its_parent(tmp_path: Path) -> None:
    lock = file_synchronizer("forked", lock_dir=str(tmp_path))
    lock.acquire_write_lock()

    def release() -> bool:
        lock.release_write_lock()
        return True

    assert in_child(release)
    assert in_thread(lambda: lock.acquire_read_lock(wait=False)) is False
    lock.release_write_lock()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_is_free_of_what_other_threads_held() -> None:
    lock = mutex_synchronizer("forked")
    held = threading.Event()
    done = threading.Event()

    def hold() -> None:
        lock.acquire_write_lock()
        held.set()
        done.wait(20)
        lock.release_write_lock()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        assert in_child(lambda: lock.acquire_write_lock(wait=False))
    finally:
        done.set()
        thread.join(10)


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
