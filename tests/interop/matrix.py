"""Prints who reads what: `python -m tests.interop.matrix`, after `./dev oracle`."""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict

from tests.golden import sessions
from tests.interop.original import original
from tests.support.environment import ORACLE


def main() -> None:
    """Writes every case with each and has the other read it."""
    rows: dict[str, list[list[bool]]] = defaultdict(list)
    with original(ORACLE / "bin" / "python") as gcm, original(ORACLE / "ctr" / "bin" / "python") as ctr:
        for case in sessions.cases():
            theirs = ctr if case["cipher"] == "ctr" else gcm
            extra = {"crypto_type": "pycryptodome"} if case["cipher"] == "ctr" else {}
            content = repr(sessions.CONTENTS[case["content"]])
            with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
                written = sessions.write(case, one, extra)
                forth = theirs.call(sessions.read, case, written, one) == sessions.expected(
                    case, written, content
                )
                written = theirs.call(sessions.write, case, other)
                back = sessions.read(case, written, other) == sessions.expected(case, written, content)
            rows[case["name"].rpartition("-")[0]].append([forth, back])
    sys.stdout.write(f"{'':24} {'ours, read by theirs':>22} {'theirs, read by ours':>22}\n")
    for name, found in rows.items():
        counts = [f"{sum(column)} of {len(column)}" for column in zip(*found, strict=True)]
        sys.stdout.write(f"{name:24} {counts[0]:>22} {counts[1]:>22}\n")


if __name__ == "__main__":
    main()
