"""Prints who reads what: `./dev matrix`. It ends with 1 unless everything is read."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.compat.interop.original import original
from tests.compat.interop.pairs import CRYPTO_TYPE, IN_COOKIES, IN_STORES, back, back_and_forth, forth
from tests.compat.interop.places import PLACES, Place
from tests.support.environment import ORACLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.compat.golden.golden_sessions import Case
    from tests.compat.interop.original import Original
    from tests.compat.interop.pairs import SeenAndExpected

COLUMNS: dict[str, Callable[..., SeenAndExpected]] = {
    "ours, read by theirs": forth,
    "theirs, read by ours": back,
    "theirs, renewed by ours": back_and_forth,
}


def is_read(how: Callable[..., SeenAndExpected], case: Case, theirs: Original, where: dict[str, Any]) -> bool:
    """Whether all that was written was seen."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            seen, expected = how(case, theirs, folder, where)
        except Exception:  # the table says how much is read, whatever is wrong with the rest
            sys.stderr.write(f"{case['name']}: {traceback.format_exc()}")
            return False
    if seen != expected:
        sys.stderr.write(f"{case['name']}: {seen} is not {expected}\n")
    return seen == expected


def server(
    case: Case, where: dict[str, Any], gcm: Original, ctr: Original
) -> tuple[Original, dict[str, Any]]:
    """The original that writes the cipher of the case, and the options with which it does.

    Without `cryptography` it has no clients of databases either.
    """
    if case["cipher"] != "ctr":
        return gcm, where
    return (gcm, {**where, **CRYPTO_TYPE["ctr"]}) if where else (ctr, where)


def results(
    cases: Iterable[Case], place: Place, gcm: Original, ctr: Original
) -> Iterator[tuple[str, list[bool]]]:
    """Whether each case is read in each direction, by its serializer, signature and cipher."""
    for case in cases:
        if case["content"] not in place.lacks:
            kind = case["name"].rpartition("-")[0]
            yield (
                kind,
                [is_read(how, case, *server(case, place.options(), gcm, ctr)) for how in COLUMNS.values()],
            )


def main(chosen: list[str]) -> int:
    """Writes every case with each and has the other read it; the number of cases that were not read.

    `chosen` are the names of places, or none for all and for cookies.
    """
    rows: dict[str, list[list[bool]]] = defaultdict(list)
    with original(ORACLE / "bin" / "python") as gcm, original(ORACLE / "ctr" / "bin" / "python") as ctr:
        if not chosen:
            for kind, read in results(IN_COOKIES, Place(dict), gcm, ctr):
                rows[kind].append(read)
        for name in chosen or PLACES:
            with PLACES[name]() as place:
                for kind, read in results(IN_STORES, place, gcm, ctr):
                    rows[f"{name}, {kind}"].append(read)
    width = max(map(len, rows)) + 1
    sys.stdout.write("".join([" " * width, *(f"{title:>25}" for title in COLUMNS)]) + "\n")
    for name, found in rows.items():
        counts = [f"{sum(column)} of {len(column)}" for column in zip(*found, strict=True)]
        sys.stdout.write(f"{name:{width}}" + "".join(f"{count:>25}" for count in counts) + "\n")
    every = [ok for row in rows.values() for found in row for ok in found]
    sys.stdout.write(f"{sum(every)} of {len(every)} read\n")
    return len(every) - sum(every)


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
