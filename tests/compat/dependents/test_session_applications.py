"""Libraries that are built on sessions: with ours they do what they do with Beaker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.packaging.wheels.conftest import Environment
from tests.support.environment import need_file
from tools.dependents import BASELINE, ENVIRONMENTS, WUTTAWEB

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., Any]

PROGRAMS = str(Path(__file__).parent / "session_programs.py")
WUTTAWEBS_TESTS = """
import io, sys, unittest
sys.path.insert(0, sys.argv[1])
names = [f"tests.{name}" for name in ("test_app", "test_cleanup", "test_progress")]
loaded = unittest.defaultTestLoader.loadTestsFromNames(names)
result = unittest.TextTestRunner(stream=io.StringIO()).run(loaded)
print(result.testsRun, len(result.failures), len(result.errors), len(result.skipped))
"""


@pytest.fixture
def original() -> Environment:
    """The environment with the original."""
    return Environment(need_file(BASELINE / "bin" / "python", "dependents"))


@pytest.fixture
def ours() -> Environment:
    """An environment with ours."""
    return Environment(need_file(ENVIRONMENTS["pip"] / "bin" / "python", "dependents"))


def ran(environment: Environment, name: str, folder: Path, *cookie: str) -> Any:
    """What the visitor of a program saw, and its cookie at the end."""
    folder.mkdir(exist_ok=True)
    return json.loads(environment.run("-W", "ignore", PROGRAMS, name, str(folder), *cookie))


@pytest.mark.parametrize("name", ["jwt", "formats", "webtest"])
def test_a_library_does_the_same_with_its_sessions(
    original: Environment, ours: Environment, tmp_path: Path, name: str
) -> None:
    expected = ran(original, name, tmp_path / "theirs")["seen"]
    assert ran(ours, name, tmp_path / "ours")["seen"] == expected


def test_cookies_of_beaker_session_jwt_move_between_the_packages(
    original: Environment, ours: Environment, tmp_path: Path
) -> None:
    cookie = ""
    for number, environment in enumerate((original, ours, original), 1):
        answer = ran(environment, "counting", tmp_path, *([cookie] if cookie else []))
        cookie = answer["cookie"]
        assert answer["seen"][-1][0]["items"]["count"] == str(number)


def test_the_tests_of_wuttaweb_pass(original: Environment, ours: Environment) -> None:
    sources = str(need_file(WUTTAWEB / "tests", "dependents").parent)
    arguments = ("-W", "ignore", "-c", WUTTAWEBS_TESTS, sources)
    assert ours.run(*arguments) == original.run(*arguments) == "22 0 0 0\n"
