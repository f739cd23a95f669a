"""Prints who reads what: `./dev matrix`. It ends with 1 unless everything is read."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.compat.interop.original import original
from tests.compat.interop.pairs import CASES, ON_A_SERVER, back, back_and_forth, forth
from tests.support.environment import ORACLE
from tests.support.redis_server import new_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compat.golden.golden_sessions import Case
    from tests.compat.interop.original import Original
    from tests.compat.interop.pairs import SeenAndExpected

COLUMNS: dict[str, Callable[..., SeenAndExpected]] = {
    "ours, read by theirs": forth,
    "theirs, read by ours": back,
    "theirs, renewed by ours": back_and_forth,
}


def is_read(how: Callable[..., SeenAndExpected], case: Case, theirs: Original, in_redis: bool) -> bool:
    """Whether all that was written was seen."""
    where = {"type": "ext:redis", "url": new_url()} if in_redis else None
    with tempfile.TemporaryDirectory() as folder:
        try:
            seen, expected = how(case, theirs, folder, where)
        except Exception:  # the table says how much is read, whatever is wrong with the rest
            sys.stderr.write(f"{case['name']}: {traceback.format_exc()}")
            return False
    return seen == expected


def main() -> int:
    """Writes every case with each and has the other read it; the number of cases that were not read."""
    rows: dict[str, list[list[bool]]] = defaultdict(list)
    with original(ORACLE / "bin" / "python") as gcm, original(ORACLE / "ctr" / "bin" / "python") as ctr:
        every_place = [*((case, False) for case in CASES), *((case, True) for case in ON_A_SERVER)]
        for case, in_redis in every_place:
            theirs = ctr if case["cipher"] == "ctr" else gcm
            found = [is_read(how, case, theirs, in_redis) for how in COLUMNS.values()]
            name = case["name"].rpartition("-")[0]
            rows[name.replace("file", "redis") if in_redis else name].append(found)
    sys.stdout.write("".join([" " * 24, *(f"{title:>25}" for title in COLUMNS)]) + "\n")
    for name, results in rows.items():
        counts = [f"{sum(column)} of {len(column)}" for column in zip(*results, strict=True)]
        sys.stdout.write(f"{name:24}" + "".join(f"{count:>25}" for count in counts) + "\n")
    every = [ok for row in rows.values() for found in row for ok in found]
    sys.stdout.write(f"{sum(every)} of {len(every)} read\n")
    return len(every) - sum(every)


if __name__ == "__main__":
    sys.exit(min(1, main()))
