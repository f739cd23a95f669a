"""The original and ours serve one place in turn: each goes on where the other left off, with its cookies."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.compat.golden.golden_sessions import KEYS, SECRET
from tests.compat.interop.visits import visit
from tests.support.redis_server import new_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.compat.interop.original import Original

    Visit = Callable[..., dict[str, Any]]

NOW = 1700000000.5
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "json": {"data_serializer": "json"},
    "signed": {"secret": SECRET},
    "timeout": {"timeout": 600, "secret": SECRET},
    "no access times": {"save_accessed_time": False},
    "auto": {"auto": True},
    "gcm": dict(KEYS),
    "gcm, short nonce, json": {**KEYS, "encrypt_nonce_bits": 48, "data_serializer": "json"},
    "ctr": {**KEYS, "crypto_type": "pycryptodome"},
    "separate locks": {"lock_dir": "locks"},
}


class Pair:
    """Two servers of one place: `first` gets the first request."""

    def __init__(self, ours: Visit, theirs: Visit, ours_begins: bool) -> None:
        self.first, self.second = (ours, theirs) if ours_begins else (theirs, ours)


@pytest.fixture(params=list(OPTIONS.values()), ids=list(OPTIONS))
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    chosen: dict[str, Any] = dict(request.param)
    if "lock_dir" in chosen:
        chosen["lock_dir"] = str(tmp_path / chosen["lock_dir"])
    return chosen


@pytest.fixture(params=["file", "redis"])
def place(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Where both keep their sessions: in files, unless the options say something else."""
    return {} if request.param == "file" else {"type": "ext:redis", "url": new_url()}


@pytest.fixture(params=[True, False], ids=["ours begins", "the original begins"])
def pair(
    request: pytest.FixtureRequest,
    options: dict[str, Any],
    place: dict[str, Any],
    tmp_path: Path,
    gcm: Original,
) -> Pair:
    folder = str(tmp_path / "sessions")
    clock = itertools.count(NOW)
    everything = {**options, **place}

    def ours(action: str, cookie: str | None = None) -> dict[str, Any]:
        return visit(everything, folder, next(clock), action, cookie)

    def theirs(action: str, cookie: str | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = gcm.call(visit, everything, folder, next(clock), action, cookie)
        return answer

    return Pair(ours, theirs, request.param)


def test_a_counter_goes_on_rising(pair: Pair) -> None:
    begun = pair.first("count")
    for visits, server in zip(range(2, 8), itertools.cycle([pair.second, pair.first])):
        seen = server("count", begun["cookie"])
        assert (seen["answer"], seen["id"], seen["cookie"]) == (visits, begun["id"], begun["cookie"])


def test_a_look_shows_when_the_other_was_visited(pair: Pair, options: dict[str, Any]) -> None:
    cookie = pair.first("count")["cookie"]
    renews = options.get("save_accessed_time", True)
    assert pair.second("look", cookie)["answer"] == [1, False, NOW]
    assert pair.first("look", cookie)["answer"] == [1, False, NOW + 1 if renews else NOW]
    assert pair.second("look", cookie)["answer"] == [1, False, NOW + 2 if renews else NOW]


def test_a_change_in_place_that_nobody_saved_is_seen_by_the_other(
    pair: Pair, options: dict[str, Any]
) -> None:
    cookie = pair.first("fill")["cookie"]
    kept = options.get("save_accessed_time", True)
    assert pair.second("append", cookie)["answer"] == [1]
    assert pair.first("append", cookie)["answer"] == ([1, 1] if kept else [1])


def test_a_logout_is_a_logout_for_both(pair: Pair) -> None:
    begun = pair.first("count")
    pair.second("log out", begun["cookie"])
    for server in (pair.first, pair.second):
        assert server("look", begun["cookie"])["answer"][0] is None
    assert pair.first("count", begun["cookie"])["answer"] == 1


def test_a_session_that_begins_again_goes_on_at_the_other(pair: Pair) -> None:
    begun = pair.first("count")
    again = pair.second("begin again", begun["cookie"])
    assert again["id"] != begun["id"]
    assert pair.first("count", again["cookie"])["answer"] == 2


def test_a_rotated_session_goes_on_at_the_other(pair: Pair) -> None:
    begun = pair.first("count")
    rotated = pair.second("rotate", begun["cookie"])
    assert rotated["id"] != begun["id"]
    seen = pair.first("count", rotated["cookie"])
    assert (seen["answer"], seen["id"]) == (3, rotated["id"])


def test_an_emptied_record_of_the_original_is_no_session(
    gcm: Original, tmp_path: Path, options: dict[str, Any]
) -> None:
    folder = str(tmp_path / "sessions")
    begun = gcm.call(visit, options, folder, NOW, "count")
    gcm.call(visit, options, folder, NOW, "log out", begun["cookie"])
    assert list((tmp_path / "sessions").glob("container_file/*/*/*.cache")), "the original keeps a file"
    seen = visit(options, folder, NOW, "look", begun["cookie"])
    assert seen["answer"][0] is None


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_the_original_keeps_a_timeout_that_it_does_not_know(
    serializer: str, tmp_path: Path, gcm: Original
) -> None:
    options = {"timeout": 600, "data_serializer": serializer}
    folder = str(tmp_path / "sessions")
    cookie = visit(options, folder, NOW, "remember")["cookie"]
    assert gcm.call(visit, options, folder, NOW + 600, "count", cookie)["answer"] == 2
    assert visit(options, folder, NOW + 10_600, "count", cookie)["answer"] == 3
    # It goes by the option alone.
    assert gcm.call(visit, options, folder, NOW + 11_201, "count", cookie)["answer"] == 1


@pytest.mark.parametrize("options", [{}, {"data_serializer": "json"}, KEYS, {"secret": SECRET}], ids=str)
def test_the_original_takes_what_leads_to_a_new_id_for_no_session(
    options: dict[str, Any], tmp_path: Path, gcm: Original
) -> None:
    folder = str(tmp_path / "sessions")
    ours = {**options, "destroy_old": "grace:30"}
    before = visit(ours, folder, NOW, "count")["cookie"]
    rotated = visit(ours, folder, NOW, "rotate", before)
    assert visit(ours, folder, NOW + 1, "look", before)["id"] == rotated["id"]
    theirs = gcm.call(visit, options, folder, NOW + 2, "count", before)
    assert theirs["answer"] == 1
    assert theirs["id"] != rotated["id"]
    assert gcm.call(visit, options, folder, NOW + 3, "count", rotated["cookie"])["answer"] == 3
    assert visit(ours, folder, NOW + 4, "count", rotated["cookie"])["answer"] == 4
