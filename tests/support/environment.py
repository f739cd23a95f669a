"""Checks for what a machine may lack: a developer's machine skips the test and says why, CI fails it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
ORACLE = ROOT / ".oracle"


class LackingError(Exception):
    """The machine lacks what a test needs. CI has to have it."""


class ForbiddenError(Exception):
    """The machine does not allow what a test needs. CI's machine may not either."""


@contextmanager
def skipped_where_impossible() -> Iterator[None]:
    """Ends the test where this machine cannot run it: what CI lacks is a failure, what it forbids a skip."""
    try:
        yield
    except LackingError as error:
        missing(str(error))
    except ForbiddenError as error:
        pytest.skip(str(error))


def missing(what: str) -> NoReturn:
    """Ends the test because something is missing: a failure where `CI` is `true`, elsewhere a skip."""
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


def environ_of_another_python() -> dict[str, str]:
    """The environment without the PYTHON* variables, which are meant for this interpreter."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
