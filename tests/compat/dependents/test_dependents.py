"""Programs that name Beaker among their requirements, installed with ours in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.packaging.wheels.conftest import Environment, said
from tests.support.environment import need_file
from tools import beaker_name
from tools.dependents import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = str(Path(__file__).parent / "programs.py")


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> Environment:
    """The environment that each installer made."""
    return Environment(need_file(ENVIRONMENTS[request.param] / "bin" / "python", "dependents"))


@pytest.fixture(params=["pyramid", "turbogears"])
def visits(request: pytest.FixtureRequest, environment: Environment) -> Callable[..., list[list[int]]]:
    """Visits the program of each framework, with settings as in an ini file."""

    def visit(**settings: str) -> list[list[int]]:
        options = {f"session.{name}": value for name, value in settings.items()}
        found: list[list[int]] = json.loads(environment.run(PROGRAMS, request.param, json.dumps(options)))
        return found

    return visit


def test_installed_packages_that_need_beaker_have_it(environment: Environment) -> None:
    assert "No broken requirements found." in environment.pip("check")
    said("uv", "pip", "check", "--python", str(environment.python))


@pytest.mark.parametrize("name", ["beaker", "Beaker"])
def test_the_version_of_beaker_is_that_of_the_original_and_ours(environment: Environment, name: str) -> None:
    asked = f"import importlib.metadata; print(importlib.metadata.version({name!r}))"
    assert environment.run("-c", asked).strip() == beaker_name.version()


@pytest.mark.parametrize("name", ["beaker", "Beaker>=1.8", "Beaker==1.14.1"])
def test_setuptools_takes_ours_for_beaker(environment: Environment, name: str) -> None:
    asked = f"import pkg_resources; print(pkg_resources.require({name!r})[0].version)"
    assert environment.run("-W", "ignore", "-c", asked).strip() == beaker_name.version()


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_framework_runs_without_cookies(visits: Callable[..., Any], kind: str, tmp_path: Path) -> None:
    counted = visits(type=kind, data_dir=str(tmp_path / "sessions"), use_cookies="false")
    assert counted == [[1, 0], [1, 0], [1, 0]]


@pytest.mark.parametrize("kind", ["memory", "file", "cookie"])
def test_a_framework_keeps_a_visitors_session(visits: Callable[..., Any], kind: str, tmp_path: Path) -> None:
    counted = visits(
        type=kind,
        data_dir=str(tmp_path / "sessions"),
        secret="a secret of the tests, of some length",
        validate_key="a validation key of the tests, of some length",
    )
    assert [number for number, _ in counted] == [1, 2, 3]
    assert counted[0][1] == 1
