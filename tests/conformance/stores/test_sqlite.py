"""Sessions in an SQLite database: where it is, who shares it, and what happens to it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pickle
import stat
import subprocess
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core, cache
from beaker._sqlite_namespace import SqliteNamespaceManager
from beaker.exceptions import (
    BeakerWarning,
    ConfigurationError,
    LockError,
    StoreUnavailableError,
)
from tests.support.fixtures import make_backend
from tests.support.sessions import ID, Browser, opened, session_of, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.sessions import Clock

PATIENCE = 60
# Holds the lock of the writers until its input ends. Another SQLite in this process would drop our locks.
WRITER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("writing", flush=True)
sys.stdin.read()
database.execute("ROLLBACK")
"""
ASK = """
import json, sqlite3, sys
print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))
"""


def ask(path: Path, sql: str) -> Any:
    """The rows that another process gets."""
    command = [sys.executable, "-c", ASK, str(path), sql]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "sessions.db"


@pytest.fixture
def options(path: Path) -> dict[str, Any]:
    return {"type": "sqlite", "url": f"sqlite:///{path}"}


@pytest.fixture
def writer(path: Path, options: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """Another process writes, until what is given is called."""
    session = session_of(options, ID)
    session["name"] = "Ada"
    session.save()
    command = [sys.executable, "-c", WRITER, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"

    def end() -> None:
        process.communicate(timeout=PATIENCE)

    yield end
    if process.poll() is None:
        end()


def test_a_url_names_the_file_and_nothing_is_made_before_the_first_save(
    path: Path, options: dict[str, Any]
) -> None:
    browser = Browser(options)
    assert browser.read() == {}
    assert not path.parent.exists()
    browser.put(name="Ada")
    assert Browser(options).visit(dict, cookie=browser.cookie).result["name"] == "Ada"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {file.name for file in path.parent.iterdir()} == {
        f"sessions.db{end}" for end in ("", "-wal", "-shm")
    }


def test_a_relative_path_follows_three_slashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session_of({"type": "sqlite", "url": "sqlite:///here.db"}).save()
    assert (tmp_path / "here.db").is_file()


def test_without_a_url_the_file_is_in_the_folder_of_the_data(tmp_path: Path) -> None:
    session_of({"type": "sqlite", "data_dir": str(tmp_path / "data")}).save()
    assert (tmp_path / "data" / "sessions.sqlite").is_file()


def test_without_a_place_the_folder_is_named_in_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.warns(BeakerWarning, match="neither url nor data_dir is given"):
        session_of({"type": "sqlite"}).save()
    (file,) = tmp_path.glob("beaker-sessions-*/sessions.sqlite")
    assert file.is_file()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///a",
        "/a/b.db",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/a",
        "sqlite:////a/",
        "sqlite:///:memory:",
        "sqlite:////a.db?cache=shared",
        "sqlite:////a.db#b",
        "sqlite:////a\0b",
    ],
)
def test_any_other_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="url must be sqlite:////path/to/file") as caught:
        session_of({"type": "sqlite", "url": url})
    assert "postgresql" not in str(caught.value)


def test_a_folder_that_everybody_may_write_is_warned_of(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.warns(BeakerWarning, match="who can replace the database there"):
        session_of({"type": "sqlite", "url": f"sqlite:///{tmp_path}/sessions.db"})


def test_the_backend_is_known_by_its_name() -> None:
    assert cache.clsmap["sqlite"] is SqliteNamespaceManager


def test_a_session_is_one_row_whatever_happens_to_it(path: Path, options: dict[str, Any]) -> None:
    session = session_of(options, timeout=600, concurrency="lock")
    for number in range(5):
        session["number"] = number
        session.save()
    old = session.id
    session.regenerate_id()
    session.save()
    assert ask(path, "SELECT namespace, name, typeof(value) FROM records") == [
        [session.id, "session", "text"]
    ]
    assert session.id != old
    session.delete()
    assert ask(path, "SELECT count(*) FROM records") == [[0]]


def test_a_session_can_be_read_while_another_process_writes_and_saved_when_it_has_written(
    options: dict[str, Any], writer: Callable[[], None]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session = session_of(options, ID, lock_timeout=0)
    assert session["name"] == "Ada"
    session["name"] = "Grace"
    with pytest.raises(LockError):
        session.save()
    # A page that only reads works.
    assert Browser(options, lock_timeout=0).visit(lambda found: found.id, cookie="").result
    ending = threading.Timer(0.2, writer)
    ending.start()
    waiting = session_of(options, ID, lock_timeout=30)
    waiting["name"] = "Grace"
    waiting.save()
    ending.join()
    assert session_of(options, ID)["name"] == "Grace"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"x" * 5000), "no SQLite database"),
        (lambda path: path.mkdir(), "cannot be opened"),
    ],
    ids=["no database", "a folder"],
)
def test_a_file_that_cannot_be_used_is_an_error_and_no_logout(
    path: Path, options: dict[str, Any], spoil: Callable[[Path], None], words: str
) -> None:
    browser = Browser(options)
    browser.put(name="Ada")
    aside = path.with_name("aside.db")
    for file in path.parent.iterdir():
        file.rename(str(file).replace("sessions.db", "aside.db"))
    spoil(path)
    for work in (browser.read, lambda: browser.put(name="Grace")):
        with pytest.raises(StoreUnavailableError, match=words) as caught:
            work()
        assert isinstance(caught.value, OSError)
        assert browser.id not in str(caught.value)
        assert caught.value.filename == str(path.parent)
    if path.is_dir():
        path.rmdir()
    for file in path.parent.glob("sessions.db*"):
        file.unlink()
    for file in path.parent.iterdir():
        file.rename(str(file).replace(aside.name, path.name))
    assert browser.read() == {"name": "Ada"}


def in_children(count: int, work: Callable[[int], None], fork: Callable[[], int] = os.fork) -> None:
    """Runs `work` in forked processes; raises what they raised."""
    children: dict[int, int] = {}
    for number in range(count):
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = fork()
        if child == 0:
            trouble = b""
            try:
                work(number)
            except BaseException:
                trouble = traceback.format_exc().encode()
            os.write(writing, trouble[-8000:])
            os._exit(0)
        os.close(writing)
        children[child] = reading
    for child, reading in children.items():
        with os.fdopen(reading, "rb") as stream:
            complaints = stream.read().decode()
        assert os.waitpid(child, 0)[1] == 0
        assert not complaints, complaints


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_that_are_forked_while_threads_use_the_database_lose_nothing(
    path: Path, options: dict[str, Any]
) -> None:
    threads, children, times = 3, 6, 15
    begin = session_of(options, "shared")
    begin.save()
    stopped = threading.Event()
    saved = [0] * threads

    def keep_on(number: int) -> None:
        while not stopped.is_set():
            session = session_of(options, "shared")
            session[f"thread {number}"] = saved[number] + 1
            session.save()
            saved[number] += 1

    def visit(number: int) -> None:
        for time_ in range(times):
            session = session_of(options, "shared")
            session[f"child {number}"] = time_ + 1
            session.save()
        # A grandchild inherits nothing that is open, too.
        in_children(1, lambda _: session_of(options, "shared")["child 0"])

    running = [threading.Thread(target=keep_on, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    in_children(children, visit)
    stopped.set()
    for thread in running:
        thread.join()
    found = session_of(options, "shared")
    expected = {f"thread {number}": count for number, count in enumerate(saved)}
    expected |= {f"child {number}": times for number in range(children)}
    assert {key: found[key] for key in found if not key.startswith("_")} == expected
    assert ask(path, "PRAGMA integrity_check") == [["ok"]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_is_forked_without_python_is_told_so_and_damages_nothing(
    path: Path, options: dict[str, Any]
) -> None:
    session = session_of(options, "shared")
    session["name"] = "Ada"
    session.save()

    def visit(_number: int) -> None:
        with pytest.raises(StoreUnavailableError, match=r"forked by other means than os\.fork"):
            session_of(options, "shared")

    in_children(1, visit, fork=ctypes.PyDLL(None).fork)
    assert session_of(options, "shared")["name"] == "Ada"
    assert ask(path, "PRAGMA integrity_check") == [["ok"]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_waits_for_the_thread_that_is_the_last_to_use_a_database(tmp_path: Path) -> None:
    pause = 0.01
    for number in range(60):
        database = _core.SqliteDatabase(data_dir=str(tmp_path / str(number)))
        database.set("namespace", "name", b"x")
        # So many pages that a thread writes the log into the file.
        database.set("namespace", "large", b"x" * 7_000_000)
        time.sleep(0.001)
        del database
        time.sleep(pause)
        # The next fork comes nearer to the moment at which the thread closes the database.
        pause *= 1.1 if has_log_thread() else 0.9

        def visit(_number: int, folder: Path = tmp_path / str(number)) -> None:
            assert _core.SqliteDatabase(data_dir=str(folder)).get("namespace", "name") == b"x"

        in_children(1, visit)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux")
def test_a_forked_process_inherits_no_file_of_a_database(tmp_path: Path) -> None:
    database = _core.SqliteDatabase(data_dir=str(tmp_path))
    # A thread writes so many pages into the file, and has the disk keep them.
    database.set("namespace", "large", b"x" * 7_000_000)
    while (tmp_path / "sessions.sqlite").stat().st_size < 7_000_000 or has_log_thread():
        time.sleep(0.01)

    def look(_number: int) -> None:
        targets = [entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
        assert not [target for target in targets if target.is_relative_to(tmp_path)]

    in_children(1, look)
    assert database.get("namespace", "large") is not None


def has_log_thread() -> bool:
    """Whether a thread is writing a log into its file, where the system tells."""
    for name in Path("/proc/self/task").glob("*/comm"):
        # The thread may end meanwhile.
        with contextlib.suppress(OSError):
            if name.read_text(encoding="utf-8") == "beaker-log\n":
                return True
    return False


def open_files() -> int:
    """How many files are open, where the system tells."""
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


def test_options_of_their_own_share_the_connections_of_the_others(options: dict[str, Any]) -> None:
    before = open_files()
    for number in range(30):
        session_of(options, f"session {number}", timeout=600 + number).save()
    assert open_files() - before < 10


def test_a_store_that_is_not_used_any_more_closes_its_database(path: Path, options: dict[str, Any]) -> None:
    program = (
        "import gc, os, sys\nfrom beaker._core import SqliteDatabase\n"
        "database = SqliteDatabase(sys.argv[1])\ndatabase.set('a', 'b', 'c')\n"
        "assert os.path.exists(database.path + '-wal')\npath = database.path\ndel database\ngc.collect()\n"
        "assert not os.path.exists(path + '-wal')\n"
    )
    subprocess.run([sys.executable, "-c", program, options["url"]], check=True)
    assert path.is_file()


def test_an_error_tells_its_number_and_can_be_pickled(path: Path, options: dict[str, Any]) -> None:
    path.parent.parent.mkdir(exist_ok=True)
    path.parent.write_text("a file in the place of the folder")
    with pytest.raises(StoreUnavailableError) as caught:
        session_of(options).save()
    assert caught.value.errno is not None
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.errno) == (str(caught.value), caught.value.errno)


def test_expired_sessions_of_a_database_are_swept_by_the_store(tmp_path: Path, clock: Clock) -> None:
    backend = make_backend("sqlite", tmp_path)
    stored(backend, name="Ada")
    opened(backend.with_options(timeout=60), "short").save()
    database = _core.SqliteDatabase(None, str(backend.folder))
    assert database.sweep() == {"examined": 1, "expired": 1, "temporaries": 0, "locks": 0, "skipped": 0}
    assert list(backend.texts()) == [ID]
