"""Each package reads the other's sessions: every serializer, cipher and content, in files and in cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compat.interop.pairs import CASES, back, back_and_forth, forth

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compat.golden.golden_sessions import Case
    from tests.compat.interop.original import Original

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


@pytest.fixture
def theirs(case: Case, gcm: Original, ctr: Original) -> Original:
    """The original that writes the cipher of the case."""
    return ctr if case["cipher"] == "ctr" else gcm


@every_case
def test_the_original_reads_what_we_write_with_our_cookie(
    case: Case, theirs: Original, tmp_path: Path
) -> None:
    seen, expected = forth(case, theirs, str(tmp_path))
    assert seen == expected


@every_case
def test_we_read_what_the_original_writes_with_its_cookie(
    case: Case, theirs: Original, tmp_path: Path
) -> None:
    seen, expected = back(case, theirs, str(tmp_path))
    assert seen == expected


@every_case
def test_the_original_reads_what_it_wrote_and_we_renewed(
    case: Case, theirs: Original, tmp_path: Path
) -> None:
    seen, expected = back_and_forth(case, theirs, str(tmp_path))
    assert seen == expected
