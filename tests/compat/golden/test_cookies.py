"""Cookies that Beaker 1.13 and 1.14 sent are read: sessions of every serializer and cipher; signed ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from beaker.exceptions import BeakerException
from tests.compat.golden import golden_sessions
from tests.compat.golden.contents import CONTENTS

CORPUS: dict[str, Any] = json.loads(Path(__file__).with_name("cookies.json").read_text(encoding="utf-8"))
IN_COOKIES = [entry for entry in CORPUS["sessions"] if entry["options"].get("type") == "cookie"]
SIGNED_IDS = [entry for entry in CORPUS["sessions"] if "secret" in entry["options"]]


def expected(entry: dict[str, Any], last_accessed: float) -> dict[str, Any]:
    return golden_sessions.expected(entry, entry, CORPUS["contents"][entry["content"]], last_accessed)


every_session = pytest.mark.parametrize("entry", IN_COOKIES, ids=[entry["name"] for entry in IN_COOKIES])
every_id = pytest.mark.parametrize("entry", SIGNED_IDS, ids=[entry["name"] for entry in SIGNED_IDS])


@every_session
def test_a_cookie_of_the_original_is_read(entry: dict[str, Any]) -> None:
    assert golden_sessions.read(entry, entry, "") == expected(entry, entry["last_accessed"])


@every_session
def test_reading_renews_the_cookie_and_leaves_its_content(entry: dict[str, Any]) -> None:
    renewed = golden_sessions.renew(entry, entry, "")
    assert golden_sessions.read(entry, renewed, "") == expected(entry, golden_sessions.LATER)


@every_session
def test_saving_renews_the_cookie_and_leaves_its_content(entry: dict[str, Any]) -> None:
    renewed = golden_sessions.renew(entry, entry, "", saves=True)
    assert golden_sessions.read(entry, renewed, "") == expected(entry, golden_sessions.LATER)


@every_session
def test_a_cookie_of_the_original_that_was_changed_is_refused(entry: dict[str, Any]) -> None:
    name, _, value = entry["cookie"].partition("=")
    for place in (0, 39, 40, 63, 100, len(value) - 1):
        other = "0" if value[place] != "0" else "1"
        changed = f"{name}={value[:place]}{other}{value[place + 1 :]}"
        with pytest.raises(BeakerException, match="Invalid signature"):
            golden_sessions.read(entry, {**entry, "cookie": changed}, "")


@every_id
def test_a_signed_id_of_the_original_opens_its_session(entry: dict[str, Any], tmp_path: Path) -> None:
    golden_sessions.write(entry, str(tmp_path))
    assert golden_sessions.read({**entry, "id": None}, entry, str(tmp_path)) == expected(
        entry, golden_sessions.CREATED
    )


@every_id
def test_a_signed_id_of_the_original_that_was_changed_opens_nothing(
    entry: dict[str, Any], tmp_path: Path
) -> None:
    golden_sessions.write(entry, str(tmp_path))
    changed = entry["cookie"][:-1] + ("0" if entry["cookie"][-1] != "0" else "1")
    seen = golden_sessions.read({**entry, "id": None}, {**entry, "cookie": changed}, str(tmp_path))
    assert (seen["is_new"], seen["content"]) == (True, "{}")
    assert seen["id"] != entry["id"]


def test_the_corpus_holds_every_case_of_both_releases() -> None:
    cases = [*golden_sessions.cookie_cases(), *golden_sessions.dated_cases(), *golden_sessions.signed_ids()]
    names = [f"{release}-{case['name']}" for case in cases for release in ("1.13.0", "1.14.1")]
    assert [entry["name"] for entry in CORPUS["sessions"]] == names
    assert CORPUS["contents"] == {name: repr(CONTENTS[name]) for name in CORPUS["contents"]}
    assert {entry["content"] for entry in CORPUS["sessions"]} == set(CORPUS["contents"])


def test_no_cookie_of_the_corpus_is_one_that_a_browser_drops() -> None:
    sizes = [len(entry["cookie"]) - 1 for entry in CORPUS["sessions"]]
    assert 4080 < max(sizes) <= 4096
