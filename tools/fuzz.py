"""Fuzzes one target for some seconds, or each in turn: `./dev fuzz cookie_header 600`, `./dev fuzz-all 600`.

The exit status is 1 if something was found. cargo-fuzz is compiled into `.tools` at the first use. Any
toolchain works: RUSTC_BOOTSTRAP lets a stable compiler take the nightly flags of cargo-fuzz. Further
arguments are passed to `cargo fuzz run`.

The address sanitizer is off by default, because our code has no `unsafe`. To check crates that have some:
`./dev fuzz json_inflate 600 --sanitizer address`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools.cargo_tools import installed

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
CARGO_FUZZ = "0.13.2"
# Longer than any cookie, so that a reader that is slower than linear shows.
LONGEST_INPUT = 65536
SECONDS_FOR_ONE_INPUT = 5
# Far more than the laws need, and too little for a buffer of a length that an input claims.
MEGABYTES = 1024


def command(cargo_fuzz: Path, target: str, seconds: int, options: list[str]) -> list[str | Path]:
    """The command that runs a target. It adds new inputs to `fuzz/corpus`, and only reads the seeds."""
    corpus = FUZZ / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    sanitizer = () if "--sanitizer" in options else ("--sanitizer", "none")
    return [
        *(cargo_fuzz, "run", "--fuzz-dir", FUZZ, "--features", "libfuzzer", *sanitizer),
        *(*options, target, corpus, FUZZ / "seeds" / target, "--"),
        *(f"-dict={FUZZ / 'tokens.dict'}", f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}"),
        *(f"-timeout={SECONDS_FOR_ONE_INPUT}", f"-rss_limit_mb={MEGABYTES}", "-print_final_stats=1"),
    ]


def findings(target: str) -> set[Path]:
    """The inputs that broke a law, or took too much time or memory."""
    return set((FUZZ / "artifacts" / target).glob("*"))


def main() -> int:
    """Runs the targets and prints a line for each. 1 if one found something or did not run."""
    targets = sorted(path.name for path in (FUZZ / "seeds").iterdir())
    target, seconds, *options = [*sys.argv[1:], "60"] if len(sys.argv) == 2 else sys.argv[1:] or ["", "0"]
    if target not in {*targets, "all"} or not seconds.isdecimal():
        sys.exit(f"fuzz TARGET SECONDS [OPTIONS], where TARGET is all or one of {', '.join(targets)}")
    if shutil.which("c++") is None:
        sys.exit("libFuzzer needs a C++ compiler, and c++ was not found: install one (g++ on Debian)")
    cargo_fuzz = installed("cargo-fuzz", CARGO_FUZZ)
    return max(
        fuzz(cargo_fuzz, one, int(seconds), options) for one in (targets if target == "all" else [target])
    )


def fuzz(cargo_fuzz: Path, target: str, seconds: int, options: list[str]) -> int:
    """Runs one target and prints a line. 1 if it found something or did not run."""
    known = findings(target)
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    begun = time.monotonic()
    executions = None
    with subprocess.Popen(
        command(cargo_fuzz, target, seconds, options),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            sys.stderr.write(line)
            if line.startswith("INFO: Seed:"):
                # The time for compiling does not count.
                begun = time.monotonic()
            if number := re.match(r"stat::number_of_executed_units:\s*(\d+)", line):
                executions = int(number[1])
    found = findings(target) - known
    spent = time.monotonic() - begun
    count = "no" if executions is None else f"{executions}"
    print(f"{target}: {count} executions in {spent:.0f} s, {len(found)} findings", flush=True)
    return 1 if found or process.returncode or executions is None else 0


if __name__ == "__main__":
    sys.exit(main())
