"""Each package reads the sessions of the other: every serializer, cipher and content, in every place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compat.interop.pairs import CASES, ON_A_SERVER, back, back_and_forth, forth
from tests.support.redis_server import new_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.compat.golden.golden_sessions import Case
    from tests.compat.interop.original import Original
    from tests.compat.interop.pairs import SeenAndExpected

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


@pytest.mark.parametrize("case", ON_A_SERVER, ids=lambda case: case["name"])
@pytest.mark.parametrize("how", [forth, back, back_and_forth])
def test_each_reads_what_the_other_has_in_redis(
    case: Case, how: Callable[..., SeenAndExpected], theirs: Original, tmp_path: Path
) -> None:
    seen, expected = how(case, theirs, str(tmp_path), {"type": "ext:redis", "url": new_url()})
    assert seen == expected
