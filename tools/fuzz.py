"""Fuzzes one target for some seconds, or each in turn: `./dev fuzz cookie_header 600`, `./dev fuzz-all 600`.

It ends with 1 if anything was found. cargo-fuzz is compiled into `.tools` when it is first needed. Any
toolchain will do: RUSTC_BOOTSTRAP lets a stable compiler take the flags that cargo-fuzz gives to a nightly
one. Further arguments go on to `cargo fuzz run`.

The address sanitizer is left out unless it is asked for: our own code has no `unsafe` that it could watch.
`./dev fuzz json_inflate 600 --sanitizer address` watches the crates that have some.
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
# More bytes than any cookie has, so that reading in more than linear time becomes slow enough to be seen.
LONGEST_INPUT = 65536
SECONDS_FOR_ONE_INPUT = 5
# Many times what the laws take themselves, little for a length that an input makes up.
MEGABYTES = 1024


def command(cargo_fuzz: Path, target: str, seconds: int, options: list[str]) -> list[str | Path]:
    """What runs the target: new inputs are kept in `fuzz/corpus`, the seeds are only read."""
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
    """The inputs that broke a law, took too long or too much memory."""
    return set((FUZZ / "artifacts" / target).glob("*"))


def main() -> int:
    """Runs the target and says what came of it; 1 if it found something or did not run."""
    targets = sorted(path.name for path in (FUZZ / "seeds").iterdir())
    target, seconds, *options = [*sys.argv[1:], "60"] if len(sys.argv) == 2 else sys.argv[1:] or ["", "0"]
    if target not in {*targets, "all"} or not seconds.isdecimal():
        sys.exit(f"fuzz TARGET SECONDS [OPTIONS], where TARGET is all or one of {', '.join(targets)}")
    if shutil.which("c++") is None:
        sys.exit(
            "libFuzzer is written in C++ and there is no c++: install what your system calls Debian's g++"
        )
    cargo_fuzz = installed("cargo-fuzz", CARGO_FUZZ)
    return max(
        fuzz(cargo_fuzz, one, int(seconds), options) for one in (targets if target == "all" else [target])
    )


def fuzz(cargo_fuzz: Path, target: str, seconds: int, options: list[str]) -> int:
    """Runs one target, and prints a line; 1 if it found something or did not run."""
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
                # Compiling is no fuzzing.
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
