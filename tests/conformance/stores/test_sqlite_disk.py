"""A database on a disk that is full or read-only, mounted for one process alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environment import ROOT, ForbiddenError, skipped_where_impossible

if TYPE_CHECKING:
    from pathlib import Path

# Prints what happened.
FULL = """
import json, os, sys
from beaker.exceptions import StoreUnavailableError
from beaker.session import Session

def opened(name):
    return Session({}, id=name, use_cookies=False, type="sqlite", url=f"sqlite:///{sys.argv[1]}/below/sessions.db")

def failure(work):
    try:
        work()
    except StoreUnavailableError as error:
        return [error.errno, str(error)]

session = opened("Ada")
session["name"] = "Ada"
session.save()
filling = os.open(f"{sys.argv[1]}/filling", os.O_WRONLY | os.O_CREAT)
try:
    while True:
        os.write(filling, bytes(4096))
except OSError:
    os.close(filling)
session["large"] = "x" * 300_000
told = {"full": failure(session.save)}
told["read"] = opened("Ada")["name"]
os.unlink(f"{sys.argv[1]}/filling")
session.save()
told["later"] = len(opened("Ada")["large"])
print(json.dumps(told))
"""
READ_ONLY = """
import json, sys
from beaker.exceptions import StoreUnavailableError
from beaker.session import Session
try:
    Session({}, id="Ada", use_cookies=False, type="sqlite", url=f"sqlite:///{sys.argv[1]}/below/sessions.db")
except StoreUnavailableError as error:
    print(json.dumps(str(error)))
"""


def on_a_disk(folder: Path, *programs: str) -> list[Any]:
    """What the programs print on a small disk, which is read-only after the first."""
    enter = ["unshare", "--mount", *["--map-root-user"] * (os.geteuid() != 0)]
    if shutil.which("unshare") is None or subprocess.run([*enter, "true"], check=False).returncode != 0:
        raise ForbiddenError("this system forbids mounts")
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && "$0" -c "$2" "$1" || exit 1\n'
    if len(programs) > 1:
        script += 'mount -o remount,ro "$1" && "$0" -c "$3" "$1"\n'
    command = [*enter, "sh", "-c", script, sys.executable, str(folder), *programs]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    with skipped_where_impossible():
        return on_a_disk(tmp_path_factory.mktemp("disk"), FULL, READ_ONLY)


def test_a_full_disk_is_an_error_for_saves_and_none_for_reads(told: list[Any]) -> None:
    full, _ = told
    number, words = full["full"]
    assert number == 28
    assert "there is no room for" in words
    assert "Ada" not in words
    assert full["read"] == "Ada"
    assert full["later"] == 300_000


def test_a_disk_that_is_read_only_is_an_error(told: list[Any]) -> None:
    _, refused = told
    assert "whether the disk is read-only" in refused
