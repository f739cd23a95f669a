"""Folders are swept beside the requests, by one process at a time, and memory keeps no more than it may."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.exceptions import ConfigurationError
from beaker.middleware import SessionMiddleware
from beaker.session import Session
from tests.support.folders import age, files_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.sessions import Backend

DAY = 86_400
PATIENCE = 30.0
SECOND = {"timeout": 600, "sweep_interval": 1}

# Saves a session every few milliseconds until its standard input is closed, and prints when it has begun.
WRITER = """
import os, sys, threading
from beaker.session import Session
options = dict(use_cookies=False, type="file", data_dir=sys.argv[1], timeout=600, sweep_interval=1)
{before}
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
session = Session({{}}, **options)
session.save()
print("ready", flush=True)
while not ended.wait(0.01):
    session.save()
"""
FORKED = """
parent = Session({}, **options)
parent.save()
if os.fork():
    os.wait()
    os._exit(0)
"""


def options(folder: Path, **more: Any) -> dict[str, Any]:
    return {"use_cookies": False, "type": "file", "data_dir": str(folder), **more}


def leave_an_old_session(folder: Path, timeout: int | None = 600) -> Path:
    session = Session({}, **options(folder, timeout=timeout))
    session.save()
    path = Path(session.namespace.file)
    age(path, DAY)
    return path


def wait_until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def threads() -> list[str]:
    def name(task: Path) -> str:
        try:
            return (task / "comm").read_text().strip()
        except OSError:
            return "ended just now"

    return [name(task) for task in Path("/proc/self/task").iterdir()]


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts processes that save a session again and again."""
    started = []

    def start(before: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER.format(before=before), tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        was_killed = process.poll() is not None
        process.communicate(timeout=PATIENCE)
        assert was_killed or process.returncode == 0


def test_expired_sessions_go_while_others_are_saved(tmp_path: Path) -> None:
    old = leave_an_old_session(tmp_path)
    session = Session({}, **options(tmp_path, **SECOND))

    def is_swept() -> bool:
        session.save()
        return not old.exists()

    assert wait_until(is_swept)
    assert Session({}, id=session.id, **options(tmp_path, **SECOND)).is_new is False


def test_neither_a_middleware_nor_a_first_request_starts_a_thread(tmp_path: Path) -> None:
    old = leave_an_old_session(tmp_path)
    SessionMiddleware(lambda environ, start: [], **options(tmp_path, timeout=600))
    session = Session({}, **options(tmp_path, timeout=600))
    session.save()
    session.save()
    assert "beaker-sweep" not in threads()
    assert old.exists()
    assert not (tmp_path / "container_file" / ".beaker-sweep").exists()


def test_the_thread_ends_with_the_sweep(tmp_path: Path) -> None:
    test_expired_sessions_go_while_others_are_saved(tmp_path)
    assert wait_until(lambda: "beaker-sweep" not in threads())


@pytest.mark.parametrize("more", [{"timeout": 600, "sweep_interval": 0}, {}])
def test_nothing_is_swept_without_a_timeout_or_an_interval(tmp_path: Path, more: dict[str, Any]) -> None:
    old = leave_an_old_session(tmp_path)
    session = Session({}, **options(tmp_path, **more))
    for _ in range(15):
        session.save()
        time.sleep(0.1)
    assert old.exists()
    assert not (tmp_path / "container_file" / ".beaker-sweep").exists()


def test_a_sweep_after_kills_keeps_sessions_without_a_timeout(tmp_path: Path) -> None:
    old = leave_an_old_session(tmp_path, None)
    leftover = old.parent / ".beaker-0123456789abcdef.tmp"
    leftover.write_bytes(b"half")
    os.utime(leftover, (0, 0))
    session = Session({}, **options(tmp_path, sweep_interval=1))

    def is_swept() -> bool:
        session.save()
        return not leftover.exists()

    assert wait_until(is_swept)
    assert old.exists()


@pytest.mark.parametrize("timeout", [None, 2 * DAY])
def test_a_longer_lived_session_of_another_application_is_left(tmp_path: Path, timeout: int | None) -> None:
    theirs = leave_an_old_session(tmp_path, timeout)
    leftover = theirs.parent / ".beaker-0123456789abcdef.tmp"
    leftover.write_bytes(b"half")
    os.utime(leftover, (0, 0))
    session = Session({}, **options(tmp_path, **SECOND))

    def is_swept() -> bool:
        session.save()
        return not leftover.exists()

    assert wait_until(is_swept)
    assert theirs.exists()


@pytest.mark.slow
def test_one_process_sweeps_at_a_time_among_many(
    tmp_path: Path, writers: Callable[..., subprocess.Popen[str]]
) -> None:
    old = leave_an_old_session(tmp_path)
    marker = tmp_path / "container_file" / ".beaker-sweep"
    with marker.open("w") as sweeper:
        # We are the one.
        fcntl.lockf(sweeper, fcntl.LOCK_EX)
        for _ in range(4):
            writers()
        time.sleep(3)
        assert old.exists()
        assert marker.stat().st_size == 0
    assert wait_until(lambda: not old.exists())
    noted = set()
    begun = time.monotonic()
    while time.monotonic() - begun < 4:
        noted.add(marker.read_text())
        time.sleep(0.005)
    # All four together sweep once a second, and not each of them. A note may be seen half written.
    whole = {note for note in noted if note.count("\n") >= 2}
    assert 1 <= len(whole) <= time.monotonic() - begun + 2


def test_a_forked_process_sweeps_by_itself(
    tmp_path: Path, writers: Callable[..., subprocess.Popen[str]]
) -> None:
    old = leave_an_old_session(tmp_path)
    writers(FORKED)
    assert wait_until(lambda: not old.exists())


def test_a_killed_sweeper_does_not_stop_other_sweeps(
    tmp_path: Path, writers: Callable[..., subprocess.Popen[str]]
) -> None:
    first = leave_an_old_session(tmp_path)
    process = writers()
    assert wait_until(lambda: not first.exists())
    process.kill()
    process.wait()
    second = leave_an_old_session(tmp_path)
    writers()
    assert wait_until(lambda: not second.exists())


@pytest.mark.slow
def test_the_end_of_the_interpreter_does_not_wait_for_a_sweep(tmp_path: Path) -> None:
    template = leave_an_old_session(tmp_path).read_bytes()
    folder = tmp_path / "container_file/a/ab"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(5000):
        path = folder / f"ab{number:030x}.cache"
        path.write_bytes(template)
        os.utime(path, (0, 0))
    program = (
        "import sys, time; from beaker.session import Session\n"
        "options = dict(type='file', data_dir=sys.argv[1], timeout=60, sweep_interval=1)\n"
        "s = Session({}, use_cookies=False, **options)\n"
        "import os; folder = sys.argv[1] + '/container_file/a/ab'\n"
        "while len(os.listdir(folder)) == 5000: s.save(); time.sleep(0.01)\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True, timeout=60)
    # It takes a tenth of a processor at the most, so it was not near its end.
    assert any(folder.iterdir())


@pytest.mark.parametrize("option", ["sweep_interval", "max_sessions"])
def test_numbers_may_be_words_of_an_ini_file_and_are_not_negative(memory: Backend, option: str) -> None:
    assert SessionMiddleware(lambda e, s: [], {f"session.{option}": "5"}).options[option] == 5
    for wrong in (-1, "soon", *["1.5"] * (option == "max_sessions")):
        with pytest.raises(ConfigurationError, match=option):
            SessionMiddleware(lambda e, s: [], {f"session.{option}": wrong})


def memory_session(**more: Any) -> Session:
    return Session({}, use_cookies=False, type="memory", **more)


def test_memory_keeps_max_sessions_and_drops_the_longest_idle_first(memory: Backend) -> None:
    sessions = [memory_session(max_sessions=5) for _ in range(8)]
    for session in sessions[:5]:
        session.save()
    memory_session(id=sessions[0].id, max_sessions=5).load()
    for session in sessions[5:]:
        session.save()
    assert set(_core.memory_ids()) == {sessions[number].id for number in (0, 4, 5, 6, 7)}


@pytest.mark.parametrize("most", [None, 0, "0"])
def test_memory_without_a_bound_keeps_every_session(memory: Backend, most: object) -> None:
    for _ in range(100):
        memory_session(**({} if most is None else {"max_sessions": most})).save()
    assert len(_core.memory_ids()) == 100


@pytest.mark.parametrize("durability", ["beaker", "process", "full"])
def test_a_save_of_any_durability_is_read_by_the_next_request(tmp_path: Path, durability: str) -> None:
    kept = options(tmp_path, durability=durability)
    session = Session({}, **kept)
    for value in range(5):
        session["value"] = value
        session.save()
        assert Session({}, id=session.id, **kept)["value"] == value
    session.lock()
    session["value"] = "under the lock"
    session.save()
    session.unlock()
    assert Session({}, id=session.id, **kept)["value"] == "under the lock"
    session.delete()
    assert files_in(tmp_path) == []


def test_an_unknown_durability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="durability"):
        SessionMiddleware(lambda e, s: [], **options(tmp_path, durability="forever"))
