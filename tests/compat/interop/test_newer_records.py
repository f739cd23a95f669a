"""The original does not read records of format 2, and harms none: going back to it needs format 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.compat.golden.golden_sessions import KEYS
from tests.compat.interop.visits import visit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compat.interop.original import Original

NOW = 1700000000.5
KINDS: dict[str, dict[str, Any]] = {"plain": {}, "json": {"data_serializer": "json"}, "encrypted": dict(KEYS)}


@pytest.fixture(params=KINDS)
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options of both sides."""
    return dict(KINDS[request.param])


def files(folder: Path) -> dict[str, bytes]:
    return {file.stem: file.read_bytes() for file in folder.glob("container_file/*/*/*.cache")}


def test_the_original_leaves_a_record_of_format_2_alone(
    gcm: Original, options: dict[str, Any], tmp_path: Path
) -> None:
    folder = str(tmp_path)
    ours = {**options, "record_format": 2}
    begun = visit(ours, folder, NOW, "count")
    (before,) = files(tmp_path).items()
    seen = gcm.call(visit, options, folder, NOW + 1, "count", begun["cookie"])
    assert seen["answer"] == 1
    assert seen["id"] != begun["id"]
    assert files(tmp_path).items() >= {before}
    assert visit(ours, folder, NOW + 2, "count", begun["cookie"])["answer"] == 2


def test_an_upgraded_record_is_no_longer_the_originals(
    gcm: Original, options: dict[str, Any], tmp_path: Path
) -> None:
    folder = str(tmp_path)
    begun = gcm.call(visit, options, folder, NOW, "count")
    # A process of ours that writes format 1 leaves it to both.
    assert visit(options, folder, NOW + 1, "count", begun["cookie"])["answer"] == 2
    assert gcm.call(visit, options, folder, NOW + 2, "count", begun["cookie"])["answer"] == 3
    assert visit({**options, "record_format": 2}, folder, NOW + 3, "count", begun["cookie"])["answer"] == 4
    assert visit(options, folder, NOW + 4, "count", begun["cookie"])["answer"] == 5
    assert gcm.call(visit, options, folder, NOW + 5, "count", begun["cookie"])["answer"] == 1
