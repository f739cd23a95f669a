"""Changing from the original to ours and back, as the README says, with a session that lives on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.packaging.wheels.conftest import Environment

ROUND_TRIP = str(Path(__file__).parent / "round_trip.py")


def test_a_session_survives_the_change_to_ours_and_back(
    environment: Environment, original: Path, ours: Path, tmp_path: Path
) -> None:
    folder = str(tmp_path / "sessions")
    environment.install(original)
    count, cookie = environment.run(ROUND_TRIP, folder).split()
    assert count == "2"

    environment.uninstall("Beaker")
    environment.install(ours)
    assert environment.run(ROUND_TRIP, folder, cookie).split() == ["4", cookie]

    environment.uninstall("beaker-rs")
    environment.install(original)
    assert environment.run(ROUND_TRIP, folder, cookie).split() == ["6", cookie]


def test_reinstalling_ours_repairs_the_removal_of_the_original(
    environment: Environment, original: Path, ours: Path, tmp_path: Path
) -> None:
    environment.install(original)
    environment.install(ours)
    environment.uninstall("Beaker")
    environment.pip("install", "--no-index", "--force-reinstall", str(ours))
    assert environment.run(ROUND_TRIP, str(tmp_path / "sessions")).startswith("2 ")
