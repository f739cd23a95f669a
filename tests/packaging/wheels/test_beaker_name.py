"""The distribution `Beaker` of ours, which brings the name, beside `beaker-rs`, which brings the module."""

from __future__ import annotations

import re
import subprocess
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.support.environment import ROOT
from tools import beaker_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.packaging.wheels.conftest import Environment

ROUND_TRIP = str(Path(__file__).parent / "round_trip.py")
NAMED = f"Beaker=={beaker_name.version()}"
ASK_VERSION = "import importlib.metadata; print(importlib.metadata.version('beaker'))"


@pytest.fixture
def offer(tmp_path: Path, named: Path, ours: Path) -> Path:
    """A folder with the two wheels for this interpreter, which an installer may choose from."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for wheel in (named, ours):
        (folder / wheel.name).symlink_to(wheel)
    return folder


def install_by_pip(environment: Environment, offer: Path) -> None:
    environment.pip("install", "--no-index", "--find-links", str(offer), NAMED)


def install_by_uv(environment: Environment, offer: Path) -> None:
    into = ("uv", "pip", "install", "--offline", "--python", environment.python)
    subprocess.run([*into, "--no-index", "--find-links", offer, NAMED], check=True, capture_output=True)


def module_files(environment: Environment) -> list[Path]:
    """The files of the module `beaker`."""
    return list(environment.python.parent.parent.rglob("site-packages/beaker/**/*.py*"))


def test_the_version_names_the_original_that_is_run_beside_ours() -> None:
    assert f"beaker=={beaker_name.ORIGINAL} " in (ROOT / "requirements" / "oracle.txt").read_text()


def test_the_document_on_changing_over_names_the_version() -> None:
    named = re.findall(r"1\.14\.1\+rs\.[\d.]*\d", (ROOT / "docs" / "migrating.md").read_text())
    assert set(named) == {beaker_name.version()}


def test_the_distribution_has_no_module_and_needs_beaker_rs(named: Path) -> None:
    with ZipFile(named) as wheel:
        assert {name.split("/")[0] for name in wheel.namelist()} == {
            f"beaker-{beaker_name.version()}.dist-info"
        }
        (described,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        metadata = Parser().parsestr(wheel.read(described).decode())
    assert metadata["Name"] == "Beaker"
    assert metadata["Version"] == beaker_name.version()
    assert metadata.get_all("Requires-Dist") == [f"beaker-rs=={beaker_name.our_version()}"]


@pytest.mark.parametrize("wanted", ["beaker", "Beaker>=1.8", "beaker==1.14.1", "Beaker<1.15"])
def test_the_version_is_what_programs_ask_for(wanted: str) -> None:
    assert beaker_name.version() in Requirement(wanted).specifier


@pytest.mark.parametrize("install", [install_by_pip, install_by_uv])
def test_asking_for_the_name_brings_the_module(
    install: Callable[[Environment, Path], None], environment: Environment, offer: Path, tmp_path: Path
) -> None:
    install(environment, offer)
    assert environment.run("-c", ASK_VERSION).strip() == beaker_name.version()
    assert environment.run(ROUND_TRIP, str(tmp_path / "sessions")).startswith("2 ")
    assert "No broken requirements found." in environment.pip("check")


def test_paste_finds_the_middleware_under_both_names(environment: Environment, offer: Path) -> None:
    install_by_pip(environment, offer)
    program = """
from importlib.metadata import distribution
for name in ("Beaker", "beaker-rs"):
    found = distribution(name).entry_points.select(group="paste.filter_app_factory", name="beaker_session")
    print(*(entry_point.load().__module__ for entry_point in found))
"""
    assert environment.run("-c", program).split() == ["beaker.middleware", "beaker.middleware"]


def test_taking_the_name_out_leaves_the_module(environment: Environment, offer: Path, tmp_path: Path) -> None:
    install_by_pip(environment, offer)
    environment.uninstall("Beaker")
    assert environment.run(ROUND_TRIP, str(tmp_path / "sessions")).startswith("2 ")


def test_taking_both_out_leaves_no_file(environment: Environment, offer: Path) -> None:
    install_by_pip(environment, offer)
    assert module_files(environment)
    environment.pip("uninstall", "--yes", "Beaker", "beaker-rs")
    assert module_files(environment) == []


def test_a_session_survives_the_change_and_the_way_back(
    environment: Environment, original: Path, offer: Path, tmp_path: Path
) -> None:
    folder = str(tmp_path / "sessions")
    environment.install(original)
    _, cookie = environment.run(ROUND_TRIP, folder).split()

    environment.uninstall("Beaker")
    install_by_pip(environment, offer)
    assert environment.run(ROUND_TRIP, folder, cookie).split() == ["4", cookie]

    environment.pip("uninstall", "--yes", "Beaker", "beaker-rs")
    environment.install(original)
    assert environment.run(ROUND_TRIP, folder, cookie).split() == ["6", cookie]
    assert environment.run("-c", ASK_VERSION).strip() == beaker_name.ORIGINAL


def test_uv_swaps_the_packages_in_one_step(
    environment: Environment, original: Path, offer: Path, tmp_path: Path
) -> None:
    environment.install(original)
    install_by_uv(environment, offer)
    assert environment.run(ROUND_TRIP, str(tmp_path / "sessions")).startswith("2 ")


def test_files_that_pip_removes_in_a_swap_can_be_restored(
    environment: Environment, original: Path, offer: Path, tmp_path: Path
) -> None:
    environment.install(original)
    # pip takes the original out after ours came in, with the files that both have.
    install_by_pip(environment, offer)
    again = ("--force-reinstall", "--no-deps", "beaker-rs")
    environment.pip("install", "--no-index", "--find-links", str(offer), *again)
    assert environment.run(ROUND_TRIP, str(tmp_path / "sessions")).startswith("2 ")
    assert environment.run("-c", ASK_VERSION).strip() == beaker_name.version()
