"""Installs programs by cargo into `.tools`, each in an exact version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent / ".tools"


def installed(name: str, version: str) -> Path:
    """The program of the crate `name`. It is compiled if this version is not installed."""
    program = TOOLS / "bin" / name
    listing = ("cargo", "install", "--list", "--root", TOOLS)
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines()
    if f"{name} v{version}:" not in listed or not program.exists():
        print(f"compiling {name} {version}, which takes a few minutes", file=sys.stderr)
        exactly = ("--quiet", "--locked", "--force", "--version", version)
        subprocess.run(["cargo", "install", name, *exactly, "--root", TOOLS], check=True)
    return program
