"""`python -m beaker sweep`, run as a process."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session
from tests.faults.campaigns.tracing import strace
from tests.support.environment import skipped_where_impossible
from tests.support.folders import files_in
from tests.unit.commands.beaker_command import beaker, beaker_on_a_full_disk

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86_400
NOTHING = {"sessions": 0, "temporary": 0, "lock": 0, "left": 0}


def sweep(*arguments: object, **options: Any) -> dict[str, int]:
    """The counts that a sweep prints."""
    ran = beaker("sweep", *arguments, **options)
    assert (ran.status, ran.errors) == (0, "")
    counts = {name.split(",")[0]: int(count) for count, name in re.findall(r"(\d+) ([a-z,]+)", ran.output)}
    assert counts.pop("files") >= 0
    return counts


def refused(*arguments: object, status: int = 1) -> str:
    ran = beaker("sweep", *arguments)
    assert (ran.status, ran.output) == (status, "")
    return ran.errors


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def stored(data: Path) -> Callable[..., Path]:
    """Stores a session that was used some seconds ago. Its file."""

    def store(idle: float, **options: Any) -> Path:
        session = Session({}, use_cookies=False, type="file", data_dir=str(data), **options)
        session["name"] = "value"
        session.save()
        path = Path(session.namespace.file)
        age(path, idle)
        return path

    return store


def test_sessions_go_that_nobody_has_used_for_longer_than_the_timeout(
    data: Path, stored: Callable[..., Path]
) -> None:
    old, young = stored(3721), stored(3719 - 60)
    assert sweep("--data-dir", data, "--timeout", 3600) == {**NOTHING, "sessions": 1}
    assert not old.exists()
    assert young.exists()
    # Its lock went with it.
    assert len(files_in(data)) == 2


def test_older_than_has_no_grace(data: Path, stored: Callable[..., Path]) -> None:
    stored(61)
    young = stored(30)
    assert sweep("--data-dir", data, "--older-than", 60) == {**NOTHING, "sessions": 1}
    assert young.exists()


def test_without_a_timeout_no_session_goes(data: Path, stored: Callable[..., Path]) -> None:
    path = stored(10_000 * DAY)
    (path.parent / ".beaker-0123456789abcdef.tmp").write_bytes(b"half")
    age(path.parent / ".beaker-0123456789abcdef.tmp", DAY)
    assert sweep("--data-dir", data) == {**NOTHING, "temporary": 1}
    assert path.exists()


def test_a_dry_run_removes_nothing_and_counts_the_same(data: Path, stored: Callable[..., Path]) -> None:
    folder = stored(DAY).parent
    for name in (".beaker-0123456789abcdef.tmp", "abcdef.cache.temp"):
        (folder / name).write_bytes(b"half")
        age(folder / name, DAY)
    lock = data / "container_file_lock/a/ab" / f"ab{'0' * 38}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    age(lock, DAY)
    before = sorted(data.rglob("*"))
    counts = sweep("--data-dir", data, "--timeout", 0, "--dry-run")
    assert counts == {"sessions": 1, "temporary": 2, "lock": 1, "left": 0}
    assert sorted(data.rglob("*")) == before
    assert sweep("--data-dir", data, "--timeout", 0) == counts
    assert files_in(data) == []


def test_a_session_in_use_is_left_and_counted(data: Path, stored: Callable[..., Path]) -> None:
    path = stored(DAY)
    with path.open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        assert sweep("--data-dir", data, "--timeout", 60) == {**NOTHING, "left": 1}
    assert path.exists()


@pytest.mark.parametrize("prefix", ["session.", "beaker.session."])
def test_an_ini_file_says_where_and_how_long(
    data: Path, stored: Callable[..., Path], tmp_path: Path, prefix: str
) -> None:
    ini = tmp_path / "app.ini"
    ini.write_text(
        f"[app:main]\nuse = egg:app\n{prefix}data_dir = %(here)s/data\n{prefix}timeout = 600\n"
        f"{prefix}secret = 100%%\nother = %(missing)s\n[loggers]\nkeys = root\n"
    )
    stored(700)
    old = stored(721)
    assert sweep("--ini", ini, cwd="/") == {**NOTHING, "sessions": 1}
    assert not old.exists()
    assert sweep("--ini", ini, "--section", "app:main", "--timeout", 10) == {**NOTHING, "sessions": 1}
    assert files_in(data) == []


def test_folders_may_be_given_one_by_one(data: Path, stored: Callable[..., Path], tmp_path: Path) -> None:
    ini = tmp_path / "app.ini"
    ini.write_text(
        f"[a]\nsession.file_dir = {data}/container_file\nsession.lock_dir = {data}/container_file_lock\n"
        f"[b]\nsession.data_dir = {tmp_path}/nowhere\n"
    )
    stored(DAY)
    assert "--section" in refused("--ini", ini)
    assert sweep("--ini", ini, "--section", "a", "--timeout", 60) == {**NOTHING, "sessions": 1}
    assert "nowhere" in refused("--ini", ini, "--section", "b")
    assert "[c]" in refused("--ini", ini, "--section", "c")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no section"),
        ("no ini file", "not a valid ini file"),
        ("[a]\nsession.data_dir = %(missing)s\n", "missing option"),
        ("[a]\nsession.type = memory\n", "memory"),
        ("[a]\nsession.timeout = 60\n", "data_dir"),
        ("[a]\nsession.data_dir = .\nsession.file_dir = .\nsession.timeout = soon\n", "timeout"),
    ],
)
def test_an_ini_file_that_does_not_say_it_is_refused(tmp_path: Path, text: str, said: str) -> None:
    ini = tmp_path / "app.ini"
    ini.write_text(text)
    assert said in refused("--ini", ini)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--data-dir", "a", "--ini", "b"),
        ("--data-dir", "a", "--section", "b"),
        ("--data-dir", "a", "--timeout", "1", "--older-than", "1"),
        ("--data-dir", "a", "--timeout", "-1"),
        ("--data-dir", "a", "--older-than", "1h"),
        ("--data-dir", "a", "--older-than", "9" * 5000),
        ("--data-dir", "a", "stray"),
        ("--data", "a"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(arguments: tuple[str, ...]) -> None:
    assert refused(*arguments, status=2).startswith("usage: python -m beaker")


def test_a_missing_folder_is_refused_and_not_made(tmp_path: Path) -> None:
    assert "does not exist" in refused("--data-dir", tmp_path / "nowhere")
    assert "No such file" in refused("--ini", tmp_path / "nowhere.ini")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_is_sweeping_is_refused(
    data: Path, stored: Callable[..., Path]
) -> None:
    path = stored(DAY)
    with (data / "container_file" / ".beaker-sweep").open("w") as marker:
        fcntl.lockf(marker, fcntl.LOCK_EX)
        assert "another process" in refused("--data-dir", data, "--timeout", 60)
        # To count is no sweep.
        assert sweep("--data-dir", data, "--timeout", 60, "--dry-run") == {**NOTHING, "sessions": 1}
    assert path.exists()
    assert sweep("--data-dir", data, "--timeout", 60) == {**NOTHING, "sessions": 1}


def test_counts_that_cannot_be_printed_are_an_error(data: Path, stored: Callable[..., Path]) -> None:
    stored(DAY)
    errors = beaker_on_a_full_disk("sweep", "--data-dir", data, "--timeout", 60)
    assert errors == "python -m beaker: cannot print the counts: No space left on device\n"
    assert files_in(data) == []


def test_a_sweep_that_is_killed_is_ended_by_the_next(data: Path, stored: Callable[..., Path]) -> None:
    template = stored(DAY).read_bytes()
    folder = data / "container_file/a/ab"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(300):
        path = folder / f"ab{number:030x}.cache"
        path.write_bytes(template)
        age(path, DAY)
    before = len(files_in(data / "container_file"))
    with skipped_where_impossible():
        tracer = strace()
    killed = ("-f", "-o", os.devnull, "-e", "inject=unlink,unlinkat:signal=SIGKILL:when=100")
    sweeping = (sys.executable, "-m", "beaker", "sweep", "--data-dir", str(data), "--timeout", "60")
    ended = subprocess.run([tracer, *killed, *sweeping], capture_output=True, check=False, timeout=60)
    assert -ended.returncode == signal.SIGKILL
    left = len(files_in(data / "container_file"))
    assert 0 < left < before
    assert sweep("--data-dir", data, "--timeout", 60)["sessions"] == left
    for path in files_in(data / "container_file_lock"):
        age(path, DAY)
    sweep("--data-dir", data, "--timeout", 60)
    assert files_in(data) == []
