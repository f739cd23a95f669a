"""Sessions that we write are read by the original: every serializer, cipher and content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.golden import sessions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.original import Original

# What makes us write the cipher that an original with other packages writes by default.
CRYPTO_TYPE = {"plain": {}, "gcm": {}, "ctr": {"crypto_type": "pycryptodome"}}

every_case = pytest.mark.parametrize("case", list(sessions.cases()), ids=lambda case: case["name"])


@every_case
def test_the_original_reads_what_we_write_with_our_cookie(
    case: sessions.Case, tmp_path: Path, gcm: Original, ctr: Original
) -> None:
    written = sessions.write(case, str(tmp_path), CRYPTO_TYPE[case["cipher"]])
    reader = ctr if case["cipher"] == "ctr" else gcm
    seen = reader.call(sessions.read, case, written, str(tmp_path))
    assert seen == sessions.expected(case, written, repr(sessions.CONTENTS[case["content"]]))


@every_case
def test_the_original_reads_what_it_wrote_and_we_renewed(
    case: sessions.Case, tmp_path: Path, gcm: Original, ctr: Original
) -> None:
    theirs = ctr if case["cipher"] == "ctr" else gcm
    written = theirs.call(sessions.write, case, str(tmp_path))
    crypto = CRYPTO_TYPE[case["cipher"]]
    sessions.read({**case, "options": {**case["options"], **crypto}}, written, str(tmp_path))
    seen = theirs.call(sessions.read, case, written, str(tmp_path))
    expected = sessions.expected(case, written, repr(sessions.CONTENTS[case["content"]]))
    renewed = sessions.CREATED if written["cookie"] is None else sessions.LATER
    assert seen == {**expected, "last_accessed": renewed}
