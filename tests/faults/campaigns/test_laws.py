"""The campaigns find what is broken: where nothing could be found, finding nothing would prove nothing."""

from __future__ import annotations

import random
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.campaigns import laws, power_cuts
from tests.faults.campaigns.disk_model import Cut, after_cut
from tests.faults.campaigns.disk_trace import ByteChange, NameChange, Trace
from tests.faults.campaigns.expected import BEFORE, BYSTANDER, LOGIN, NEW_VALUE
from tests.faults.campaigns.report import Report
from tests.faults.campaigns.runner import OURS, started
from tests.faults.campaigns.tracing import strace
from tests.support.environment import skipped_where_impossible

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = {**BEFORE, "value": NEW_VALUE}
DONE: dict[str, Any] = {"began": True, "error": None, "said": [], "seen": BEFORE, "cookie": "k=new"}
FAILED: dict[str, Any] = {**DONE, "began": False, "error": "no", "kinds": ["StoreUnavailableError"]}


def broken(operation: str, told: dict[str, Any] | None, killed_by: int = 0, **found: Any) -> list[str]:
    verdict = {
        "found": {"cookie": BEFORE, "bystander": BYSTANDER, **found},
        "left": found.pop("left", []),
        "served": None,
        "accessed": 2.0,
    }
    verdict["found"].pop("left", None)
    case = {"operation": operation, "accessed": 1.0}
    return list(laws.broken(case, {"signal": killed_by, "told": told}, verdict, ours=True))


@pytest.mark.parametrize(
    ("operation", "told", "found"),
    [
        ("read", DONE, {}),
        ("touch", DONE, {}),
        ("write", DONE, {"cookie": WRITTEN}),
        ("write", FAILED, {}),
        ("write", FAILED, {"cookie": WRITTEN}),
        ("login", {**DONE, "seen": None}, {"new": LOGIN}),
        ("logout", DONE, {"cookie": None}),
        ("rotate", DONE, {"cookie": None, "new": WRITTEN}),
        ("rotate", FAILED, {}),
    ],
)
def test_a_good_run_breaks_no_law(operation: str, told: dict[str, Any], found: dict[str, Any]) -> None:
    assert broken(operation, told, **found) == []


@pytest.mark.parametrize(
    ("operation", "told", "found", "law"),
    [
        ("read", {**DONE, "seen": None}, {}, "silent logout"),
        ("read", DONE, {"cookie": None}, "changed the session or lost it"),
        ("write", DONE, {}, "acknowledged is lost"),
        ("write", FAILED, {"cookie": None}, "saved before is lost"),
        ("write", {**FAILED, "began": True}, {}, "a response began"),
        ("write", {**FAILED, "kinds": ["OSError"]}, {}, "no StoreUnavailableError"),
        ("write", DONE, {"cookie": "CorruptSessionError"}, "cannot be read"),
        ("write", DONE, {"cookie": WRITTEN, "bystander": None}, "not visited"),
        ("write", DONE, {"cookie": WRITTEN, "left": ["a.tmp"]}, "left after a sweep"),
        ("login", {**DONE, "seen": None}, {"new": None}, "login that was acknowledged is lost"),
        ("login", {**DONE, "seen": None}, {"new": LOGIN, "unknown x": BEFORE}, "never saved"),
        ("logout", DONE, {}, "logout that was acknowledged did not happen"),
        ("rotate", DONE, {"cookie": BEFORE, "new": WRITTEN}, "under its old id"),
        ("rotate", FAILED, {"cookie": None, "unknown x": WRITTEN}, "from its old id"),
        ("rotate", FAILED, {"unknown x": WRITTEN}, "under a second id"),
        ("merge", {**DONE, "others": DONE}, {"cookie": WRITTEN}, "of the one that came between"),
    ],
)
def test_every_broken_law_is_found(
    operation: str, told: dict[str, Any], found: dict[str, Any], law: str
) -> None:
    assert any(law in one for one in broken(operation, told, **found))


def test_a_touch_that_is_not_kept_has_to_be_told_of() -> None:
    verdict: dict[str, Any] = {"found": {"cookie": BEFORE}, "left": [], "served": None, "accessed": 1.0}
    case = {"operation": "touch", "accessed": 1.0}
    silent = list(laws.broken(case, {"signal": 0, "told": DONE}, verdict, ours=True))
    told = list(laws.broken(case, {"signal": 0, "told": {**DONE, "said": ["no"]}}, verdict, ours=True))
    assert (len(silent), told) == (1, [])


def test_a_rotation_that_was_killed_may_leave_either_id_but_not_none() -> None:
    assert broken("rotate", None, signal.SIGKILL, cookie=None) != []
    assert broken("rotate", None, signal.SIGKILL, cookie=None, **{"unknown x": WRITTEN}) == []
    assert broken("rotate", None, signal.SIGALRM) == ["a visit hangs"]


@pytest.mark.slow
def test_a_save_that_waits_for_no_disk_is_found_lost(tmp_path: Path) -> None:
    with skipped_where_impossible():
        strace()
        with started(OURS) as runner:
            seen = power_cuts.recorded(runner, "full")
    assert seen.trace.syncs > 20
    whole = Report("with its syncs")
    none = Report("without")
    never = Trace(
        [replace(name, synced=None) for name in seen.trace.names],
        [replace(change, synced=None) for change in seen.trace.bytes],
        seen.trace.acknowledged,
        seen.trace.length,
    )
    for trace, report in ((seen.trace, whole), (never, none)):
        judge = power_cuts.Judge("full", replace(seen, trace=trace), report, promises_all=True)
        for moment, tree in power_cuts.states(trace, 200, ext4=False):
            power_cuts.put(tmp_path / "state", tree, seen.folder)
            judge.look(moment, tmp_path / "state")
    assert whole.broken == []
    assert any("an acknowledged save is lost" in law for law in none.broken)


def trees(trace: Trace, *, ext4: bool = False) -> set[tuple[tuple[str, bytes], ...]]:
    chance = random.Random(0)
    made = range(500)
    cuts = (Cut(chance.random(), chance.random(), ext4) for _ in made)
    return {tuple(sorted(after_cut(trace, trace.length, cut, chance).items())) for cut in cuts}


FOLDERS = [NameChange("folder", (path,), at=0, synced=1) for path in ("/r", "/r/a", "/r/a/b")]
FILE = "/r/a/b/f"


def test_a_file_that_is_synced_has_its_bytes_but_perhaps_no_name() -> None:
    written = ByteChange(1, 0, b"bytes", at=3, synced=4)
    trace = Trace([*FOLDERS, NameChange("make", (FILE,), 1, at=2)], [written], length=4)
    assert trees(trace) == {(), ((FILE, b"bytes"),)}


def test_a_synced_name_may_have_any_part_of_unsynced_bytes() -> None:
    made = NameChange("make", (FILE,), 1, at=2, synced=3)
    found = trees(Trace([*FOLDERS, made], [ByteChange(1, 0, b"x" * 1024, at=4)], length=4))
    contents = {content for ((_, content),) in found}
    assert {b"", b"x" * 1024, b"\0" * 1024, b"x" * 512 + b"\0" * 512, b"\0" * 512 + b"x" * 512} <= contents
    assert all(set(content) <= {0, ord("x")} for content in contents)


@pytest.mark.parametrize("ext4", [True, False])
def test_a_rename_over_a_file_brings_its_bytes_on_ext4_alone(ext4: bool) -> None:
    old, new = "/r/a/b/f", "/r/a/b/t"
    names = [
        NameChange("make", (old,), 1, at=2, synced=4),
        NameChange("make", (new,), 2, at=5),
        NameChange("rename", (new, old), 2, replaces=True, at=7),
    ]
    changes = [ByteChange(1, 0, b"old", at=3, synced=4), ByteChange(2, 0, b"new", at=6)]
    found = trees(Trace([*FOLDERS, *names], changes, length=7), ext4=ext4)
    contents = {dict(tree)[old] for tree in found}
    assert contents == {b"old", b"new"} if ext4 else {b"old", b"new", b""} < contents
