"""A record of ours carries its expiry. The original reads it, and leaves the expiry out when it saves it."""

from __future__ import annotations

import pickle
import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from tests.compat.interop import visits
from tests.support.folders import EXPIRY, age, lifetime

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compat.interop.original import Original

TIMED: dict[str, Any] = {"timeout": 600}
LIFETIME = 720


def record_in(folder: Path) -> Path:
    (record,) = folder.glob("container_file/*/*/*.cache")
    return record


def swept(folder: Path) -> int:
    counts = _core.sweep_files(f"{folder}/container_file", f"{folder}/container_file_lock", float(LIFETIME))
    assert counts is not None
    return counts["expired"]


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_the_original_reads_and_saves_a_record_that_carries_an_expiry(
    tmp_path: Path, gcm: Original, serializer: str
) -> None:
    options = {**TIMED, "data_serializer": serializer}
    now = time.time()
    cookie = visits.visit(options, str(tmp_path), now, "count")["cookie"]
    record = record_in(tmp_path)
    assert lifetime(record) == pytest.approx(LIFETIME, abs=30)
    theirs = gcm.call(visits.visit, options, str(tmp_path), now, "count", cookie)
    assert theirs["answer"] == 2
    assert list(pickle.loads(record.read_bytes())) == ["session"]
    assert visits.visit(options, str(tmp_path), now, "count", cookie)["answer"] == 3
    assert lifetime(record) == pytest.approx(LIFETIME, abs=30)


def test_a_record_that_the_original_saved_goes_by_the_age_of_its_file(tmp_path: Path, gcm: Original) -> None:
    now = time.time()
    cookie = visits.visit(TIMED, str(tmp_path), now, "count")["cookie"]
    gcm.call(visits.visit, TIMED, str(tmp_path), now, "count", cookie)
    record = record_in(tmp_path)
    age(record, LIFETIME - 60)
    assert swept(tmp_path) == 0
    # A request of ours that only reads renews the file, and adds no expiry.
    visits.visit(TIMED, str(tmp_path), now, "look", cookie)
    assert list(pickle.loads(record.read_bytes())) == ["session"]
    assert time.time() - record.stat().st_mtime < 60
    age(record, LIFETIME + 1)
    assert swept(tmp_path) == 1
    assert not record.exists()


def test_an_expiry_outlives_keys_that_a_beaker_program_adds(tmp_path: Path, gcm: Original) -> None:
    now = time.time()
    first = visits.visit(TIMED, str(tmp_path), now, "count")
    record = record_in(tmp_path)
    gcm.call(visits.note, str(tmp_path), first["id"], "colour", "blue")
    assert list(pickle.loads(record.read_bytes())) == [EXPIRY, "session", "colour"]
    # It is no longer of our shape: the touch finds the expiry, and renews it where it is.
    visits.visit(TIMED, str(tmp_path), now + 300, "look", first["cookie"])
    assert lifetime(record) == pytest.approx(LIFETIME + 300, abs=30)
    assert pickle.loads(record.read_bytes())["colour"] == "blue"
