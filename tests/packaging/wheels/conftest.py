"""The built wheels, and fresh environments to install them into."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.environment import ORACLE, missing, need_file
from tools.wheels import DIST, OWN, found_interpreters, tree_is_forbidden

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing in it. Things come into it from files only, never from an index."""

    python: Path

    @classmethod
    def fresh(cls, interpreter: Path, folder: Path) -> Environment:
        """A new one for an interpreter."""
        subprocess.run([interpreter, "-m", "venv", "--without-pip", folder], check=True, capture_output=True)
        return cls(folder / "bin" / "python")

    def install(self, wheel: Path) -> None:
        """Installs a wheel."""
        self.pip("install", "--no-index", str(wheel))

    def uninstall(self, distribution: str) -> None:
        """Takes a distribution out."""
        self.pip("uninstall", "--yes", distribution)

    def pip(self, *arguments: str) -> str:
        """Runs the tests' own pip on the environment and gives what it says."""
        pip = ("-m", "pip", "--isolated", "--disable-pip-version-check", "--python", str(self.python))
        return said(sys.executable, *pip, *arguments)

    def run(self, *arguments: str) -> str:
        """Runs the environment's interpreter, away from the source tree, and gives what it says."""
        return said(str(self.python), "-I", *arguments)


def said(*command: str) -> str:
    """The output of a command that succeeds."""
    ran = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def interpreters() -> Mapping[str, Path]:
    """The CPythons of this machine by version."""
    return found_interpreters()


@pytest.fixture(scope="session")
def wheel_for(interpreters: Mapping[str, Path]) -> Callable[[str], Path]:
    """Finds the built wheel for a version of CPython."""

    def find(version: str) -> Path:
        if version not in interpreters:
            if tree_is_forbidden():
                pytest.skip(f"there is no CPython {version} here, nor may a tree with it be entered")
            missing(f"there is no CPython {version} on this machine")
        tag = f"cp{version.replace('.', '')}"
        found = list(DIST.glob(f"beaker_rs-*-{tag}-{tag}-*.whl"))
        if len(found) != 1:
            missing(f"dist/ has no wheel for CPython {version} (./dev wheels)")
        return found[0]

    return find


@pytest.fixture
def ours(wheel_for: Callable[[str], Path]) -> Path:
    """Our wheel for this interpreter."""
    return wheel_for(OWN)


@pytest.fixture
def named() -> Path:
    """Our wheel of the name Beaker."""
    found = list(DIST.glob("beaker-*.whl"))
    if len(found) != 1:
        missing("dist/ has no wheel of Beaker (./dev wheels)")
    return found[0]


@pytest.fixture
def original() -> Path:
    """The wheel of the original."""
    (wheel,) = need_file(ORACLE / "wheels", "oracle").glob("beaker-*.whl")
    return wheel


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A fresh environment of this interpreter."""
    return Environment.fresh(Path(sys.executable), tmp_path / "environment")
