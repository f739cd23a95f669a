"""Mutation tests of the Rust code: finds the small changes of the code that no test notices.

`./dev mutants` tries all parts, `./dev mutants cookie codec` some, `./dev mutants --list` counts the changes.
cargo-mutants makes the changes; it is compiled into `.tools` at the first use. Only the Rust tests of the
same part run, so a change that only a Python test notices counts as missed. A missed change is an error
unless `tools/mutants.toml` explains it.

All parts take hours. CI does not run this.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tools.cargo_tools import installed

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "target" / "mutants"
EXPLAINED = ROOT / "tools" / "mutants.toml"
CARGO_MUTANTS = "27.1.0"
SECONDS_FOR_THE_TESTS = 60
"""A change that makes the tests take longer counts as noticed: it hangs."""

PARTS = {
    "session": ("src/session/**", "session"),
    "cookie": ("src/cookie/**", "cookie"),
    "codec": ("src/codec/**", "codec"),
    "locks": ("src/locks/**", "locks"),
    "memory": ("src/store/memory/**", "store::memory"),
    "keys": ("src/store/session_store/**", "store::session_store"),
    "file": ("src/store/file/**", "store::file"),
    "store": ("src/store/*.rs", "store"),
}
"""The files of each part, and the filter for the tests that must notice a change of them."""

OUTCOMES = ("caught", "timeout", "unviable", "missed")


@dataclass
class Outcome:
    """The outcomes of the changes of one part."""

    counts: Counter[str] = field(default_factory=Counter)
    survivors: list[str] = field(default_factory=list)
    """The missed changes, by file and without the line, which other edits move."""


def command(part: str, *options: str) -> list[str | Path]:
    """The command that tries the changes of a part."""
    files, tests = PARTS[part]
    left_out = ("**/schedules/**", "**/schedules.rs", "**/laws/**")
    return [
        *(installed("cargo-mutants", CARGO_MUTANTS), "mutants", "--no-config", "--file", files),
        *(f"--exclude={pattern}" for pattern in left_out),
        *("--no-default-features", "--cap-lints=true", *options),
        *("--timeout", str(SECONDS_FOR_THE_TESTS), "--output", SCRATCH / part),
        # The build uses `--lib` too. Otherwise it builds every benchmark for each change.
        *("--cargo-arg=--locked", "--cargo-arg=--lib", "--", tests),
    ]


def tried(part: str, jobs: int) -> Outcome:
    """Tries all changes of a part."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    # Linking takes half the time without debugging information, which no test here needs.
    quick = {"CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_TEST_DEBUG": "0"}
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"} | quick
    ran = subprocess.run(command(part, f"--jobs={jobs}"), cwd=ROOT, env=environment, check=False)
    # 0: all noticed; 2: some missed; 3: some timed out. Any other status is a failure of the tool.
    if ran.returncode not in (0, 2, 3):
        sys.exit(f"cargo-mutants failed on {part} with status {ran.returncode}")
    outcome = Outcome()
    for kind in OUTCOMES:
        lines = (SCRATCH / part / "mutants.out" / f"{kind}.txt").read_text().splitlines()
        outcome.counts[kind] = len(lines)
        if kind == "missed":
            outcome.survivors = sorted(map(without_line, lines))
    return outcome


def without_line(change: str) -> str:
    """`src/id.rs:12:3: replace …` as `src/id.rs: replace …`."""
    return re.sub(r"^([^:]+):\d+:\d+:", r"\1:", change)


def explained() -> dict[str, str]:
    """The reason why each explained change is harmless."""
    return {entry["change"]: entry["why"] for entry in tomllib.loads(EXPLAINED.read_text())["survivor"]}


def line(part: str, outcome: Outcome) -> str:
    """The summary of a part."""
    counts = ", ".join(f"{outcome.counts[kind]:,} {kind}" for kind in OUTCOMES)
    return f"{part}: {outcome.counts.total():,} changes: {counts}"


def main() -> int:
    """Tries the named parts, or all. 1 if a missed change is not explained."""
    parser = argparse.ArgumentParser(prog="./dev mutants", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--jobs", type=int, default=1, help="the number of changes to try at once (default: 1)"
    )
    parser.add_argument("--list", action="store_true", help="count the changes, and try none")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - PARTS.keys():
        parser.error(f"unknown part {', '.join(sorted(unknown))}; use one of {', '.join(PARTS)}")
    failed = False
    reasons = explained()
    for part in arguments.parts or PARTS:
        if arguments.list:
            listed = subprocess.run(command(part, "--list"), cwd=ROOT, capture_output=True, check=True)
            print(f"{part}: {len(listed.stdout.splitlines()):,} changes")
            continue
        outcome = tried(part, arguments.jobs)
        print(line(part, outcome), flush=True)
        for survivor in outcome.survivors:
            if survivor not in reasons:
                print(f"  missed and not explained: {survivor}")
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
