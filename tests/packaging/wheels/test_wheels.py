"""The built wheels, each in a fresh environment of its own CPython."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from tests.packaging.wheels.conftest import Environment
from tests.support.environment import ROOT
from tools.wheels import SUPPORTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROUND_TRIP = str(Path(__file__).parent / "round_trip.py")
VERSIONS = (
    "import beaker, importlib.metadata as metadata;"
    "print(beaker.__version__, metadata.version('beaker-rs'), beaker.__file__)"
)


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_wheel_works_in_a_fresh_environment(
    version: str, wheel_for: Callable[[str], Path], interpreters: Mapping[str, Path], tmp_path: Path
) -> None:
    wheel = wheel_for(version)
    environment = Environment.fresh(interpreters[version], tmp_path / "environment")
    environment.install(wheel)
    imported, installed, where = environment.run("-c", VERSIONS).split()
    assert imported == installed
    assert not Path(where).is_relative_to(ROOT)
    assert "No broken requirements found." in environment.pip("check")
    count, cookie = environment.run(ROUND_TRIP, str(tmp_path / "sessions")).split()
    assert count == "2"
    assert environment.run(ROUND_TRIP, str(tmp_path / "sessions"), cookie).split() == ["4", cookie]


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_wheel_is_typed_and_holds_the_licence(version: str, wheel_for: Callable[[str], Path]) -> None:
    with ZipFile(wheel_for(version)) as wheel:
        names = wheel.namelist()
    assert "beaker/py.typed" in names
    assert "beaker/_core.pyi" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
