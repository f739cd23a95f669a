"""The original and ours as writer and reader of one session, in every combination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.compat.golden import sessions
from tests.compat.golden.contents import CONTENTS

if TYPE_CHECKING:
    from tests.compat.interop.original import Original

CRYPTO_TYPE: dict[str, dict[str, Any]] = {"plain": {}, "gcm": {}, "ctr": {"crypto_type": "pycryptodome"}}
"""What makes us write the cipher that an original with other packages writes by default."""

CASES = [*sessions.cases(sessions.SERIALIZERS), *sessions.cookie_cases(sessions.SERIALIZERS)]

SeenAndExpected = tuple[dict[str, Any], dict[str, Any]]


def forth(case: sessions.Case, theirs: Original, folder: str) -> SeenAndExpected:
    """We write, the original reads."""
    written = sessions.write(case, folder, CRYPTO_TYPE[case["cipher"]])
    seen = theirs.call(sessions.read, case, written, folder)
    return seen, sessions.expected(case, written, repr(CONTENTS[case["content"]]))


def back(case: sessions.Case, theirs: Original, folder: str) -> SeenAndExpected:
    """The original writes, we read."""
    written = theirs.call(sessions.write, case, folder)
    seen = sessions.read(case, written, folder, CRYPTO_TYPE[case["cipher"]])
    return seen, sessions.expected(case, written, repr(CONTENTS[case["content"]]))


def back_and_forth(case: sessions.Case, theirs: Original, folder: str) -> SeenAndExpected:
    """The original writes, we read and so renew, the original reads."""
    written = theirs.call(sessions.write, case, folder)
    renewed = sessions.renew(case, written, folder, CRYPTO_TYPE[case["cipher"]])
    seen = theirs.call(sessions.read, case, renewed, folder)
    # A program that opens a session by an id and does not save it has not used it.
    last_accessed = sessions.CREATED if written["cookie"] is None else sessions.LATER
    return seen, sessions.expected(case, written, repr(CONTENTS[case["content"]]), last_accessed)
