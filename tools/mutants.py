"""Mutation tests: finds the small changes of the code that no test notices.

`./dev mutants` tries all parts, `./dev mutants cookie python-locks` some, `./dev mutants --list` counts the
changes. The tests of the same subject must notice a change. One that they miss is an error unless
`tools/mutants.toml` explains it.

All parts take hours. CI does not run this.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tools import mutants_python, mutants_rust

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXPLAINED = Path(__file__).resolve().parent / "mutants.toml"
PARTS = {
    **dict.fromkeys(mutants_rust.PARTS, mutants_rust),
    **dict.fromkeys(mutants_python.PARTS, mutants_python),
}


def explained() -> dict[str, str]:
    """The reason why each explained change is harmless."""
    return {entry["change"]: entry["why"] for entry in tomllib.loads(EXPLAINED.read_text())["survivor"]}


def line(part: str, outcomes: list[tuple[str, str]]) -> str:
    """The summary of a part."""
    counts = Counter(outcome for outcome, _ in outcomes)
    kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("caught", "timeout", "unviable", "missed"))
    return f"{part}: {len(outcomes):,} changes: {kinds}"


def main() -> int:
    """Tries the named parts, or all. 1 if a missed change is not explained."""
    parser = argparse.ArgumentParser(prog="./dev mutants", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--jobs", type=int, default=1, help="the number of Rust changes to try at once (default: 1)"
    )
    parser.add_argument("--list", action="store_true", help="count the changes, and try none")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - PARTS.keys():
        parser.error(f"unknown part {', '.join(sorted(unknown))}; use one of {', '.join(PARTS)}")
    failed = False
    reasons = explained()
    for part in arguments.parts or PARTS:
        if arguments.list:
            print(f"{part}: {PARTS[part].count(part):,} changes")
            continue
        outcomes = PARTS[part].tried(part, arguments.jobs)
        print(line(part, outcomes), flush=True)
        for change in sorted(change for outcome, change in outcomes if outcome == "missed"):
            if change not in reasons:
                print(f"  missed and not explained: {change}")
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
