"""The original and ours as writer and reader of one session, in every combination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.compat.golden import golden_sessions
from tests.compat.golden.contents import CONTENTS

if TYPE_CHECKING:
    from tests.compat.interop.original import Original

CRYPTO_TYPE: dict[str, dict[str, Any]] = {"plain": {}, "gcm": {}, "ctr": {"crypto_type": "pycryptodome"}}
"""The options that make us write the default cipher of an original with other packages."""

CASES = [
    *golden_sessions.cases(golden_sessions.SERIALIZERS),
    *golden_sessions.cookie_cases(golden_sessions.SERIALIZERS),
]

SeenAndExpected = tuple[dict[str, Any], dict[str, Any]]


def forth(case: golden_sessions.Case, theirs: Original, folder: str) -> SeenAndExpected:
    """We write, the original reads."""
    written = golden_sessions.write(case, folder, CRYPTO_TYPE[case["cipher"]])
    seen = theirs.call(golden_sessions.read, case, written, folder)
    return seen, golden_sessions.expected(case, written, repr(CONTENTS[case["content"]]))


def back(case: golden_sessions.Case, theirs: Original, folder: str) -> SeenAndExpected:
    """The original writes, we read."""
    written = theirs.call(golden_sessions.write, case, folder)
    seen = golden_sessions.read(case, written, folder, CRYPTO_TYPE[case["cipher"]])
    return seen, golden_sessions.expected(case, written, repr(CONTENTS[case["content"]]))


def back_and_forth(case: golden_sessions.Case, theirs: Original, folder: str) -> SeenAndExpected:
    """The original writes, we read and so renew, the original reads."""
    written = theirs.call(golden_sessions.write, case, folder)
    renewed = golden_sessions.renew(case, written, folder, CRYPTO_TYPE[case["cipher"]])
    seen = theirs.call(golden_sessions.read, case, renewed, folder)
    # A program that opens a session by an id and does not save it has not used it.
    last_accessed = golden_sessions.CREATED if written["cookie"] is None else golden_sessions.LATER
    return seen, golden_sessions.expected(case, written, repr(CONTENTS[case["content"]]), last_accessed)
