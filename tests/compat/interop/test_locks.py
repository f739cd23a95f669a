"""The original and ours exclude each other: a writer of a record waits for its lock holder."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from tests.compat.interop import visits
from tests.support import folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compat.interop.original import Original

SESSION = "3f2b0c9d8e7a46519b0c1d2e3f4a5b6c"
# Long enough for a write that does not wait to be over; then the test fails. Being slow makes none fail.
MOMENT = 0.25
PATIENCE = 30


@pytest.fixture
def folder(tmp_path: Path) -> str:
    visits.write(str(tmp_path), SESSION, "before")
    return str(tmp_path)


@pytest.mark.parametrize("hold", [visits.hold, visits.hold_shared], ids=["writing", "reading"])
def test_we_wait_to_write_what_the_original_has_locked(
    folder: str, gcm: Original, hold: Callable[..., Any]
) -> None:
    gcm.call(hold, folder, SESSION)
    writing = threading.Thread(target=visits.write, args=(folder, SESSION, "ours"), daemon=True)
    writing.start()
    writing.join(MOMENT)
    assert writing.is_alive()
    if hold is visits.hold:
        gcm.call(visits.write_and_let_go, "theirs")
    else:
        gcm.call(visits.let_go)
    writing.join(PATIENCE)
    assert not writing.is_alive()
    assert "ours" in visits.names(folder, SESSION)


def test_the_original_waits_to_write_what_we_have_locked(folder: str, gcm: Original) -> None:
    visits.hold(folder, SESSION)
    gcm.start(visits.write, folder, SESSION, "theirs")
    wait_for_a_waiter()
    visits.write_and_let_go("ours")
    gcm.finish()
    # It had not read the record before we let it go.
    assert gcm.call(visits.names, folder, SESSION) == ["before", "ours", "theirs"]


def wait_for_a_waiter() -> None:
    """Returns once somebody waits for a lock that this process has (Linux lists waiters with an arrow)."""
    known = ""
    deadline = time.monotonic() + PATIENCE
    me = str(os.getpid())
    while time.monotonic() < deadline:
        known = Path("/proc/locks").read_text(encoding="ascii")
        lines = [line.split() for line in known.splitlines()]
        held = {line[0] for line in lines if "->" not in line and me in line}
        if any(line[1] == "->" and line[0] in held for line in lines):
            return
        time.sleep(0.01)
    pytest.fail(f"the original does not wait: {known}")


def test_many_writers_of_both_lose_no_record(folder: str, gcm: Original) -> None:
    """Neither ever reads half of what the other writes."""
    for round_ in range(20):
        gcm.start(visits.write, folder, SESSION, f"theirs{round_}")
        visits.write(folder, SESSION, f"ours{round_}")
        gcm.finish()
        assert "before" in visits.names(folder, SESSION)
        assert "before" in gcm.call(visits.names, folder, SESSION)


def sweep(folder: str) -> dict[str, int]:
    counts = _core.sweep_files(
        f"{folder}/container_file", f"{folder}/container_file_lock", 3600.0, every=True
    )
    assert counts is not None
    return counts


def age(folder: str, name: str) -> None:
    """Makes every file of that name look unused for a day."""
    for path in Path(folder).rglob(name):
        folders.age(path, 86_400)


@pytest.mark.parametrize("hold", [visits.hold, visits.hold_shared], ids=["writing", "reading"])
def test_a_sweep_leaves_what_the_original_has_locked(
    folder: str, gcm: Original, hold: Callable[..., Any]
) -> None:
    gcm.call(hold, folder, SESSION)
    age(folder, "*.*")
    counts = sweep(folder)
    assert (counts["expired"], counts["locks"], counts["skipped"]) == (0, 0, 1)
    if hold is visits.hold:
        gcm.call(visits.write_and_let_go, "theirs")
        assert "theirs" in visits.names(folder, SESSION)
        age(folder, "*.*")
    else:
        gcm.call(visits.let_go)
    assert sweep(folder)["expired"] == 1


def test_a_write_of_the_original_during_a_sweep_is_kept(folder: str, gcm: Original) -> None:
    for round_ in range(20):
        # The record is over, and may go until the original has it; then it may not.
        age(folder, "*.*")
        gcm.start(visits.write, folder, SESSION, f"theirs{round_}")
        for _ in range(5):
            sweep(folder)
        gcm.finish()
        for _ in range(3):
            sweep(folder)
        assert f"theirs{round_}" in gcm.call(visits.names, folder, SESSION)
        assert f"theirs{round_}" in visits.names(folder, SESSION)


def test_a_sweep_leaves_the_files_of_the_originals_caches(folder: str, gcm: Original) -> None:
    gcm.call(visits.cache, folder, "some key", "some value")
    age(folder, "*.*")
    assert sweep(folder)["expired"] == 1
    assert gcm.call(visits.cached, folder, "some key") == "some value"
