"""Resolves the dependency groups of pyproject.toml into exact, hashed lists that pip installs as they are.

Named groups alone if some are named: `./dev lock oracle`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("development", "oracle", "oracle-ctr", "oracle-1-13")
RESOLVER = "uv==0.13.9"


def main() -> None:
    """Writes requirements/GROUP.txt for every group, or for those that are named."""
    chosen = sys.argv[1:] or GROUPS
    if unknown := set(chosen) - set(GROUPS):
        sys.exit(f"no such group: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as scratch:
        # The resolver is needed here only, so it is no part of the environment that everybody installs.
        pip = (sys.executable, "-m", "pip", "install", "--quiet")
        subprocess.run([*pip, "--target", scratch, RESOLVER], check=True)
        for group in chosen:
            subprocess.run(
                [
                    Path(scratch) / "bin" / "uv",
                    *("pip", "compile", "--quiet", "--universal", "--upgrade", "--generate-hashes"),
                    *("--python-version", "3.10", "--group", group, "--no-emit-index-url"),
                    *("--custom-compile-command", "./dev lock", "-o", f"requirements/{group}.txt"),
                ],
                cwd=ROOT,
                check=True,
            )


if __name__ == "__main__":
    main()
