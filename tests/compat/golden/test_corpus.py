"""Sessions that the original wrote are read: every serializer, cipher and content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.compat.golden import golden_sessions
from tests.compat.golden.contents import CONTENTS

CORPUS: dict[str, Any] = json.loads(Path(__file__).with_name("corpus.json").read_text(encoding="utf-8"))
every_session = pytest.mark.parametrize(
    "entry", CORPUS["sessions"], ids=[entry["name"] for entry in CORPUS["sessions"]]
)


def lay_out(entry: dict[str, Any], folder: Path) -> Path:
    """Puts the original's file where the original had it."""
    record = folder / str(entry["file"])
    record.parent.mkdir(parents=True)
    record.write_bytes(entry["bytes"].encode("latin-1"))
    return record


@every_session
def test_a_session_of_the_original_is_read_with_its_cookie(entry: dict[str, Any], tmp_path: Path) -> None:
    lay_out(entry, tmp_path)
    seen = golden_sessions.read(entry, entry, str(tmp_path))
    assert seen == golden_sessions.expected(entry, entry, CORPUS["contents"][entry["content"]])


@every_session
def test_reading_renews_the_session_and_leaves_its_content(entry: dict[str, Any], tmp_path: Path) -> None:
    record = lay_out(entry, tmp_path)
    golden_sessions.read(entry, entry, str(tmp_path))
    again = golden_sessions.read(entry, entry, str(tmp_path))
    # A program that opens a session by an id and does not save it has not used it.
    renewed = golden_sessions.CREATED if entry["cookie"] is None else golden_sessions.LATER
    assert again["last_accessed"] == renewed
    assert again["content"] == CORPUS["contents"][entry["content"]]
    assert list(tmp_path.glob("container_file/*/*/*")) == [record]


def test_the_corpus_holds_every_case() -> None:
    assert [entry["name"] for entry in CORPUS["sessions"]] == [
        case["name"] for case in golden_sessions.cases()
    ]
    assert CORPUS["contents"] == {name: repr(CONTENTS[name]) for name in CORPUS["contents"]}
    assert {entry["content"] for entry in CORPUS["sessions"]} == set(CORPUS["contents"])
