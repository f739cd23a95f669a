"""Each package reads the sessions of the other: every serializer, cipher and content, in every place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compat.golden import golden_sessions
from tests.compat.interop.matrix import results
from tests.compat.interop.pairs import CASES, IN_STORES, back, back_and_forth, forth
from tests.compat.interop.places import PLACES
from tests.support.environment import skipped_where_impossible

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


@pytest.mark.parametrize("name", [name for name in PLACES if name != "file"])
def test_each_reads_what_the_other_has_in_every_other_place(name: str, gcm: Original, ctr: Original) -> None:
    with skipped_where_impossible(), PLACES[name]() as place:
        found = list(results(IN_STORES, place, gcm, ctr))
    assert len({kind for kind, _ in found}) == len(golden_sessions.SERIALIZERS) * 2 * len(
        golden_sessions.CIPHERS
    )
    assert [kind for kind, read in found if not all(read)] == []
