"""The small changes of the Rust code, which cargo-mutants makes.

cargo-mutants is compiled into `.tools` at the first use. Only the Rust tests of the same part run, so a
change that only a Python test notices counts as missed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tools.cargo_tools import installed

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "target" / "mutants"
CARGO_MUTANTS = "27.1.0"
SECONDS = 60
"""The time limit of the tests. A change that makes them hang counts as noticed."""

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


def command(part: str, *options: str) -> list[str | Path]:
    """The command that tries the changes of a part."""
    files, tests = PARTS[part]
    left_out = ("**/schedules/**", "**/schedules.rs", "**/laws/**")
    return [
        *(installed("cargo-mutants", CARGO_MUTANTS), "mutants", "--no-config", "--file", files),
        *(f"--exclude={pattern}" for pattern in left_out),
        *("--no-default-features", "--cap-lints=true", *options),
        *("--timeout", str(SECONDS), "--output", SCRATCH / part),
        # The build uses `--lib` too. Otherwise it builds every benchmark for each change.
        *("--cargo-arg=--locked", "--cargo-arg=--lib", "--", tests),
    ]


def count(part: str) -> int:
    """The number of changes of a part."""
    listed = subprocess.run(command(part, "--list"), cwd=ROOT, capture_output=True, check=True)
    return len(listed.stdout.splitlines())


def tried(part: str, jobs: int) -> list[tuple[str, str]]:
    """Tries all changes of a part. The outcome of each, and the change without its line number."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    # Linking takes half the time without debugging information, which no test here needs.
    quick = {"CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_TEST_DEBUG": "0"}
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"} | quick
    ran = subprocess.run(command(part, f"--jobs={jobs}"), cwd=ROOT, env=environment, check=False)
    # 0: all noticed; 2: some missed; 3: some timed out. Any other status is a failure of the tool.
    if ran.returncode not in (0, 2, 3):
        sys.exit(f"cargo-mutants failed on {part} with status {ran.returncode}")
    results = SCRATCH / part / "mutants.out"
    return [
        (outcome, without_line(change))
        for outcome in ("caught", "timeout", "unviable", "missed")
        for change in (results / f"{outcome}.txt").read_text().splitlines()
    ]


def without_line(change: str) -> str:
    """`src/id.rs:12:3: replace …` as `src/id.rs: replace …`."""
    return re.sub(r"^([^:]+):\d+:\d+:", r"\1:", change)
