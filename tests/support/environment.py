"""What a machine may lack: left out loudly on a developer's, a failure in CI."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ORACLE = ROOT / ".oracle"


def missing(what: str) -> NoReturn:
    """Ends the test for want of something: a failure where `CI` is `true`, elsewhere a skip that says why."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI leaves nothing out", pytrace=False)
    pytest.skip(what)


def need_distribution(name: str) -> None:
    """Ends the test unless the distribution is installed."""
    try:
        version(name)
    except PackageNotFoundError:
        missing(f"{name} is not installed (./dev setup)")


def need_file(path: Path, task: str) -> Path:
    """The path, if something is there; otherwise the test ends, and says which task makes it."""
    if not path.exists():
        missing(f"{path.relative_to(ROOT)} is not there (./dev {task})")
    return path
