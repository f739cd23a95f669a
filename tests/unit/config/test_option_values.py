"""Every option with values of every type, beside the original: the published table is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beaker import _core
from tests.compat.interop.original import original
from tests.unit.config.option_reasons import REASONS
from tests.unit.config.option_table import DOCUMENT, Row, is_bad, rows, table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def found(oracle: Path) -> list[Row]:
    """The effects of all values in both packages."""
    with original(oracle) as theirs:
        return list(rows(theirs))


def test_every_option_is_tried(found: list[Row]) -> None:
    assert sorted({option for option, *_ in found}) == sorted(
        option["name"] for option in _core.option_table()
    )


def test_every_difference_from_the_original_has_a_reason(found: list[Row]) -> None:
    assert [row for row in found if None in row[-1]] == []


def test_refused_values_are_unsafe_or_invalid() -> None:
    refused = [reason for (_, ours), reason in REASONS.items() if ours == "refused"]
    assert [reason for reason in refused if not reason.startswith(("unsafe: ", "invalid: "))] == []


def test_every_option_takes_none(found: list[Row]) -> None:
    refused = [option for option, values, _, ours, _ in found if "None" in values and is_bad(ours)]
    assert refused == ["validate_key"], "a session in a cookie needs one"


def test_the_published_table_is_fresh(found: list[Row]) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document.endswith(table(found)), "write it by `python -m tests.unit.config.option_table`"
