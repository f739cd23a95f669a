"""Projects of uv that need a package whose metadata asks for Beaker, as the document on migrating says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from tests.packaging.wheels.conftest import Environment
from tools import beaker_name

if TYPE_CHECKING:
    from collections.abc import Callable

    Uv = Callable[..., str]

ROUND_TRIP = str(Path(__file__).parent / "round_trip.py")
DEPENDENT = "shop"
VERSION = "import importlib.metadata; print(importlib.metadata.version('Beaker'))"


@pytest.fixture
def dependent(tmp_path: Path) -> Path:
    """The wheel of a package that requires Beaker."""
    wheel, folder = tmp_path / f"{DEPENDENT}-1.0-py3-none-any.whl", f"{DEPENDENT}-1.0.dist-info"
    with ZipFile(wheel, "w") as archive:
        archive.writestr(f"{DEPENDENT}.py", "from beaker.middleware import SessionMiddleware\n")
        lines = ("Metadata-Version: 2.1", f"Name: {DEPENDENT}", "Version: 1.0", "Requires-Dist: Beaker>=1.8")
        archive.writestr(f"{folder}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{folder}/RECORD", "")
    return wheel


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project."""
    folder = tmp_path / "project"
    folder.mkdir()
    describe(folder)
    return folder


def describe(folder: Path, *dependencies: str, more: str = "") -> None:
    """Writes the description of a project."""
    needs = ", ".join(f'"{each}"' for each in dependencies)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "site"\nversion = "1"\nrequires-python = ">={sys.version_info[0]}.'
        f'{sys.version_info[1]}"\ndependencies = [{needs}]\n{more}'
    )


@pytest.fixture
def uv(project: Path) -> Uv:
    """Runs uv in the project, without an index."""

    def run(*arguments: str | Path) -> str:
        environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        command = ("uv", "--offline", *arguments)
        ran = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout + ran.stderr

    return run


def installed(project: Path) -> Environment:
    """The project's environment."""
    return Environment(project / ".venv" / "bin" / "python")


def test_uv_add_makes_both_wheels_the_sources_of_their_names(
    uv: Uv, project: Path, dependent: Path, named: Path, ours: Path
) -> None:
    uv("add", "--no-index", "--python", sys.executable, ours, named, dependent)
    environment = installed(project)
    assert environment.run("-c", VERSION).strip() == beaker_name.version()
    assert environment.run(ROUND_TRIP, str(project / "sessions")).startswith("2 ")
    assert environment.run("-c", f"import {DEPENDENT}") == ""
    uv("pip", "check", "--python", environment.python)
    lock = (project / "uv.lock").read_text()
    assert lock.count("sha256:") == 3


def test_uv_can_be_told_to_ignore_the_requirement(
    uv: Uv, project: Path, dependent: Path, original: Path, ours: Path
) -> None:
    sources = f"{DEPENDENT} = {{ path = '{dependent}' }}\nbeaker-rs = {{ path = '{ours}' }}\n"
    ignored = "[tool.uv]\noverride-dependencies = [\"beaker; sys_platform == 'never'\"]\n"
    describe(project, DEPENDENT, "beaker-rs", more=f"{ignored}[tool.uv.sources]\n{sources}")
    # The index still has to know the original: uv writes it into the lock, and does not install it.
    uv("sync", "--no-index", "--find-links", original.parent, "--python", sys.executable)
    environment = installed(project)
    assert environment.run(ROUND_TRIP, str(project / "sessions")).startswith("2 ")
    assert environment.run("-c", f"import {DEPENDENT}") == ""
    with pytest.raises(AssertionError, match="beaker"):
        uv("pip", "check", "--python", environment.python)
