"""The original and ours as writer and reader of one session, in every combination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.compat.golden import golden_sessions
from tests.compat.golden.contents import CONTENTS

if TYPE_CHECKING:
    from tests.compat.interop.original import Original

CRYPTO_TYPE: dict[str, dict[str, Any]] = {"plain": {}, "gcm": {}, "ctr": {"crypto_type": "pycryptodome"}}
"""The options that make us write the default cipher of an original with other packages."""

IN_STORES = list(golden_sessions.cases(golden_sessions.SERIALIZERS))
IN_COOKIES = list(golden_sessions.cookie_cases(golden_sessions.SERIALIZERS))
CASES = [*IN_STORES, *IN_COOKIES]

SeenAndExpected = tuple[dict[str, Any], dict[str, Any]]


def forth(
    case: golden_sessions.Case, theirs: Original, folder: str, where: dict[str, Any] | None = None
) -> SeenAndExpected:
    """We write, the original reads. `where` are the options of a place other than files in the folder."""
    written = golden_sessions.write(case, folder, {**CRYPTO_TYPE[case["cipher"]], **(where or {})})
    seen = theirs.call(golden_sessions.read, case, written, folder, where)
    return seen, golden_sessions.expected(case, written, repr(CONTENTS[case["content"]]))


def back(
    case: golden_sessions.Case, theirs: Original, folder: str, where: dict[str, Any] | None = None
) -> SeenAndExpected:
    """The original writes, we read."""
    written = theirs.call(golden_sessions.write, case, folder, where)
    seen = golden_sessions.read(case, written, folder, {**CRYPTO_TYPE[case["cipher"]], **(where or {})})
    return seen, golden_sessions.expected(case, written, repr(CONTENTS[case["content"]]))


def back_and_forth(
    case: golden_sessions.Case, theirs: Original, folder: str, where: dict[str, Any] | None = None
) -> SeenAndExpected:
    """The original writes, we read and so renew, the original reads."""
    written = theirs.call(golden_sessions.write, case, folder, where)
    ours = {**CRYPTO_TYPE[case["cipher"]], **(where or {})}
    renewed = golden_sessions.renew(case, written, folder, ours)
    seen = theirs.call(golden_sessions.read, case, renewed, folder, where)
    # A program that opens a session by an id and does not save it has not used it.
    last_accessed = golden_sessions.CREATED if written["cookie"] is None else golden_sessions.LATER
    return seen, golden_sessions.expected(case, written, repr(CONTENTS[case["content"]]), last_accessed)
