"""Resolves the dependency groups of pyproject.toml into exact, hashed lists that pip installs as they are.

Named groups alone if some are named: `./dev lock oracle`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("development", "oracle", "oracle-ctr", "oracle-1-13", "dependents")
# What a list leaves out, since ours takes the place of it.
LEFT_OUT = {"dependents": ("--no-emit-package", "beaker")}


def main() -> None:
    """Writes requirements/GROUP.txt for every group, or for those that are named."""
    chosen = sys.argv[1:] or GROUPS
    if unknown := set(chosen) - set(GROUPS):
        sys.exit(f"no such group: {', '.join(sorted(unknown))}")
    for group in chosen:
        subprocess.run(
            [
                *("uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--generate-hashes"),
                *("--python-version", "3.10", "--group", group, "--no-emit-index-url"),
                *LEFT_OUT.get(group, ()),
                *("--custom-compile-command", "./dev lock", "-o", f"requirements/{group}.txt"),
            ],
            cwd=ROOT,
            check=True,
        )


if __name__ == "__main__":
    main()
