"""Frameworks and libraries that use caches: with ours they do what they do with Beaker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.wheels.conftest import Environment
from tests.support.environment import need_file
from tools.dependents import BASELINE, ENVIRONMENTS

PROGRAMS = str(Path(__file__).parent / "cache_programs.py")
NAMES = ["bottle", "cherrypy", "falcon", "flask", "mako", "pyramid", "turbogears"]


@pytest.fixture
def original() -> Environment:
    """The environment with the original."""
    return Environment(need_file(BASELINE / "bin" / "python", "dependents"))


@pytest.fixture
def ours() -> Environment:
    """An environment with ours."""
    return Environment(need_file(ENVIRONMENTS["uv"] / "bin" / "python", "dependents"))


def ran(environment: Environment, name: str, folder: Path) -> Any:
    """What a program saw and made, with its files in a folder."""
    folder.mkdir(exist_ok=True)
    return json.loads(environment.run("-W", "ignore", PROGRAMS, name, str(folder)))


@pytest.mark.parametrize("name", NAMES)
def test_an_application_does_the_same_with_its_caches(
    original: Environment, ours: Environment, tmp_path: Path, name: str
) -> None:
    expected = ran(original, name, tmp_path / "theirs")
    assert ran(ours, name, tmp_path / "ours") == expected
    assert expected["made"]


@pytest.mark.parametrize("name", ["bottle", "turbogears"])
def test_an_application_finds_the_files_that_beaker_cached(
    original: Environment, ours: Environment, tmp_path: Path, name: str
) -> None:
    first = ran(original, name, tmp_path / "shared")
    again = ran(ours, name, tmp_path / "shared")
    # A page in a file is there. What is kept in memory is made again.
    assert len(again["made"]) < len(first["made"])


def test_the_tests_of_pyramid_beaker_pass(original: Environment, ours: Environment) -> None:
    program = """
import io, sys, unittest
loaded = unittest.defaultTestLoader.loadTestsFromName("pyramid_beaker.tests")
result = unittest.TextTestRunner(stream=io.StringIO()).run(loaded)
print(result.testsRun, len(result.failures), len(result.errors), len(result.skipped))
"""
    assert (
        ours.run("-W", "ignore", "-c", program) == original.run("-W", "ignore", "-c", program) == "36 0 0 0\n"
    )
