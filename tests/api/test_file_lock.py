"""Locks in files, between processes, and what a fork does to locks."""

import fcntl
import gc
import hashlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from beaker import _core
from beaker._registry import ProcessLock, SyncDict
from beaker.exceptions import LockError
from beaker.synchronization import (
    FileSynchronizer,
    file_synchronizer,
    mutex_synchronizer,
)
from tests.support.folders import open_files
from tests.support.threads import held_elsewhere, in_thread, together


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


def test_a_lock_file_is_marked_as_in_use_only_under_its_lock(tmp_path: Path) -> None:
    lock = FileSynchronizer("x", str(tmp_path))
    path = Path(lock.filename)
    lock._mark_file()
    assert not path.exists()
    lock.acquire_write_lock()
    assert not _core.lock_is_in_use(lock.filename)
    lock._mark_file()
    assert _core.lock_is_in_use(lock.filename)
    lock.release_write_lock()


def test_a_removed_lock_file_lets_nobody_in(tmp_path: Path) -> None:
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

    together(work, 4)
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


def test_beaker_respects_our_lock_and_we_respect_its(tmp_path: Path, in_beaker: Callable[..., str]) -> None:
    probe = (
        "import sys; from beaker.synchronization import file_synchronizer as f;"
        "l = f('shared', lock_dir=sys.argv[1]); print(l.acquire_read_lock(wait=False), end=' ');"
        "l.state.reading and l.release_read_lock(); print(l.acquire_write_lock(wait=False))"
    )
    lock = file_synchronizer("shared", lock_dir=str(tmp_path))
    lock.acquire_read_lock()
    assert in_beaker(probe, str(tmp_path)) == "True False"
    lock.release_read_lock()
    lock.acquire_write_lock()
    assert in_beaker(probe, str(tmp_path)) == "False False"
    lock.release_write_lock()
    assert in_beaker(probe, str(tmp_path)) == "True True"


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
def test_a_child_takes_the_lock_of_a_session_itself(tmp_path: Path) -> None:
    lock = file_synchronizer("forked", lock_dir=str(tmp_path))
    lock.state.covered = True
    assert in_child(lambda: lock.acquire_write_lock(wait=False) and lock.state.writing)
    assert lock.state.covered


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_is_free_of_what_other_threads_held() -> None:
    lock = mutex_synchronizer("forked")
    with held_elsewhere(lock):
        assert in_child(lambda: lock.acquire_write_lock(wait=False))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("is_of_the_forking_thread", [True, False])
def test_a_child_keeps_only_the_lock_of_the_thread_that_forked(
    tmp_path: Path, is_of_the_forking_thread: bool
) -> None:
    ready, ended = os.pipe(), os.pipe()

    def lock_fork_and_die() -> None:
        lock = file_synchronizer("forked", lock_dir=str(tmp_path))
        if is_of_the_forking_thread:
            lock.acquire_write_lock()
        else:
            held = threading.Event()

            def hold() -> None:
                lock.acquire_write_lock()
                # In the child this frame still refers to the state, and nothing runs or clears it.
                _kept = lock.state
                held.set()
                time.sleep(60)

            threading.Thread(target=hold, daemon=True).start()
            held.wait(60)
        if os.fork() == 0:
            os.close(ended[1])
            os.write(ready[1], b"x")
            os.read(ended[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
        # The parent unlocks nothing.
        os.kill(os.getpid(), signal.SIGKILL)

    parent = os.fork()
    if parent == 0:
        lock_fork_and_die()
    os.waitpid(parent, 0)
    lock = FileSynchronizer("forked", str(tmp_path))
    assert lock.acquire_write_lock(wait=False) is not is_of_the_forking_thread
    # The child ends.
    for end in (*ready, *ended):
        os.close(end)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_lock_for_short_work_is_free_in_a_forked_child() -> None:
    lock = ProcessLock()
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            entered.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(60)
    try:
        assert in_child(lambda: lock.acquire(blocking=False))
        assert not lock.acquire(blocking=False)
    finally:
        done.set()
        thread.join(60)
    with lock:
        pass


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_makes_a_value_that_a_thread_of_its_parent_was_making() -> None:
    registry: SyncDict[str, int] = SyncDict()
    entered, done = threading.Event(), threading.Event()

    def make() -> int:
        entered.set()
        done.wait(60)
        return 1

    thread = threading.Thread(target=registry.get, args=("k", make))
    thread.start()
    assert entered.wait(60)
    try:
        assert in_child(lambda: registry.mutex.acquire(timeout=30) and registry.get("k", lambda: 2) == 2)
    finally:
        done.set()
        thread.join(60)
    assert registry["k"] == 1


def test_a_function_that_makes_a_value_may_fork() -> None:
    registry: SyncDict[str, bool] = SyncDict()

    def make() -> bool:
        return in_child(lambda: registry.get("other", lambda: True))

    assert registry.get("k", make)
    lock = ProcessLock()

    def release() -> bool:
        lock.release()
        return True

    with lock:
        assert in_child(release)
