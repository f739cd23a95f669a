"""An acknowledged save survives what its durability promises."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from beaker import _core
from beaker.session import Session
from tests.faults.campaigns.tracing import strace
from tests.support.environment import skipped_where_impossible
from tests.support.folders import files_in

KILLS = 25
WORDS = ["beaker", "process", "full"]
SESSION = "3f2b0c9d8e7a46519b0c1d2e3f4a5b6c"

# A save of a session in folders that are not there, one of it again, its end, and a save after the folders
# were removed, each behind a mark.
TRACED = """
import os, shutil, sys
from beaker.session import Session
def mark(name): os.path.exists("mark." + name)
def new():
    return Session({}, type="file", data_dir=sys.argv[1], durability=sys.argv[2], use_cookies=False)
session = new()
mark("first"); session.save()
mark("second"); session.save()
mark("end"); session.delete()
shutil.rmtree(sys.argv[1])
again = new()
mark("anew"); again.save()
mark("done")
"""


def opened(folder: Path, durability: str) -> Session:
    options: dict[str, Any] = {"type": "file", "data_dir": str(folder), "durability": durability}
    return Session({}, id=SESSION, use_cookies=False, **options)


def save_until_killed(folder: Path, durability: str, acknowledge: int) -> None:
    value = opened(folder, durability).get("value", 0)
    while True:
        value += 1
        session = opened(folder, durability)
        session["value"] = value
        # Now and then much longer or shorter than before.
        session["padding"] = "x" * (value * 1237 % 20_000)
        session.save()
        os.write(acknowledge, b"%d\n" % value)


@pytest.mark.parametrize("durability", WORDS)
def test_a_kill_at_any_point_loses_no_acknowledged_save(tmp_path: Path, durability: str) -> None:
    chance = random.Random(durability)
    for _ in range(KILLS):
        out, acknowledge = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                save_until_killed(tmp_path, durability, acknowledge)
            finally:
                os._exit(1)
        os.close(acknowledge)
        with os.fdopen(out, "rb") as answers:
            said = answers.readline()
            time.sleep(chance.uniform(0, 0.01))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            said = (said + answers.read()).rpartition(b"\n")[0]
        session = opened(tmp_path, durability)
        assert not session.is_new
        # The one that was not acknowledged may have been stored.
        assert session["value"] - int(said.split()[-1]) in (0, 1)
        assert session["padding"] == "x" * (session["value"] * 1237 % 20_000)
    for path in tmp_path.rglob(".beaker-*.tmp"):
        os.utime(path, (0, 0))
    assert _core.sweep_files(f"{tmp_path}/container_file", f"{tmp_path}/container_file_lock")
    assert sorted(path.suffix for path in files_in(tmp_path)) == [".cache", ".lock"]


def calls(folder: Path, durability: str) -> dict[str, list[str]]:
    """The system calls of each part that say what reaches the disk and when."""
    with skipped_where_impossible():
        tracer = strace()
    log = folder / "strace"
    watched = "trace=fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,openat,stat,newfstatat,statx"
    command = [tracer, "-f", "-y", "-e", watched, "-o", str(log), sys.executable, "-c", TRACED]
    ran = subprocess.run(
        [*command, str(folder / "data"), durability], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in log.read_text().splitlines():
        marked = re.search(r'"mark\.(\w+)"', line)
        if marked:
            current = parts.setdefault(marked[1], [])
            continue
        call = re.search(r"(fsync|fdatasync|rename\w*|unlink\w*)\((.*)\) += 0", line)
        if call:
            current.append(_named(call[1], call[2]))
    return parts


def _named(call: str, arguments: str) -> str:
    if call.startswith("f"):
        path = re.search(r"<(.*)>", arguments)
        assert path
        kind = "temporary" if ".tmp" in path[1] else Path(path[1]).name
        return f"sync {kind if len(kind) > 2 or kind == 'temporary' else 'folder'}"
    if call.startswith("rename"):
        return "exchange" if "EXCHANGE" in arguments else "rename"
    return "remove temporary" if ".tmp" in arguments else "remove"


def test_a_full_save_returns_when_file_and_folders_are_on_the_disk(tmp_path: Path) -> None:
    parts = calls(tmp_path, "full")
    first, second = parts["first"], parts["second"]
    assert first[:3] == ["sync temporary", "rename", "sync folder"]
    # The folders were new: their names are in those above them, to the root.
    assert {"sync container_file", "sync data", f"sync {tmp_path.name}"} <= set(first)
    assert second == ["sync temporary", "rename", "sync folder"]
    end = parts["end"]
    assert end.index("sync folder") == end.index("remove") + 1


def test_a_full_save_syncs_recreated_folders(tmp_path: Path) -> None:
    anew = calls(tmp_path, "full")["anew"]
    assert anew[:3] == ["sync temporary", "rename", "sync folder"]
    assert {"sync container_file", "sync data", f"sync {tmp_path.name}"} <= set(anew)


def test_a_save_as_beakers_waits_for_no_disk(tmp_path: Path) -> None:
    parts = calls(tmp_path, "beaker")
    assert parts["first"] == ["rename"]
    assert parts["second"] == ["rename"]
    assert not any(call.startswith("sync") for call in parts["end"])


def test_a_save_with_durability_process_exchanges_names(tmp_path: Path) -> None:
    parts = calls(tmp_path, "process")
    assert parts["first"] == ["rename"]
    assert parts["second"] == ["exchange", "remove temporary"]
    assert not any(call.startswith("sync") for call in parts["end"])
