"""Resolves the dependency groups of pyproject.toml into lists with exact versions and hashes, for pip.

`./dev lock oracle` resolves only the named groups.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("development", "oracle", "oracle-ctr", "oracle-1-13", "dependents", "mutants")
# Packages that a list omits because ours replaces them.
LEFT_OUT = {"dependents": ("--no-emit-package", "beaker")}


def main() -> None:
    """Writes requirements/GROUP.txt for every group, or for the named ones."""
    chosen = sys.argv[1:] or GROUPS
    if unknown := set(chosen) - set(GROUPS):
        sys.exit(f"unknown group: {', '.join(sorted(unknown))}")
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
