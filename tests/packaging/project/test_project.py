"""The files of the project agree with each other."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import requires, version
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

import beaker
from tests.support.environment import ROOT
from tools.lock import GROUPS
from tools.wheels import SUPPORTED

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_is_that_of_the_crate() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert beaker.__version__ == version("beaker-rs") == cargo["package"]["version"]


def test_the_package_needs_no_other() -> None:
    needed = [one for one in requires("beaker-rs") or () if "; extra ==" not in one]
    assert needed == []


def test_the_supported_pythons_are_those_that_are_claimed() -> None:
    classifiers = "\n".join(PROJECT["project"]["classifiers"])
    assert tuple(re.findall(r"Python :: (3\.\d+)$", classifiers, re.MULTILINE)) == SUPPORTED
    assert PROJECT["project"]["requires-python"] == f">={SUPPORTED[0]}"


@pytest.mark.parametrize("group", GROUPS)
def test_the_pinned_packages_are_those_that_are_asked_for(group: str) -> None:
    lock = (ROOT / "requirements" / f"{group}.txt").read_text()
    pinned: dict[str, list[str]] = {}
    for name, number in re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE):
        pinned.setdefault(name, []).append(number)
    for wanted in map(Requirement, PROJECT["dependency-groups"][group]):
        assert wanted.name in pinned
        assert all(number in wanted.specifier for number in pinned[wanted.name])


def locked(lock: Path) -> dict[str, set[str]]:
    """The versions of each crate of a lock file."""
    versions: dict[str, set[str]] = {}
    for package in tomllib.loads(lock.read_text())["package"]:
        versions.setdefault(package["name"], set()).add(package["version"])
    return versions


def test_the_fuzz_targets_are_built_with_the_crates_of_the_package() -> None:
    package, fuzz = locked(ROOT / "Cargo.lock"), locked(ROOT / "fuzz" / "Cargo.lock")
    common = package.keys() & fuzz.keys()
    assert {name: fuzz[name] - package[name] for name in common if fuzz[name] - package[name]} == {}


@pytest.mark.servers
def test_the_example_counts_visits_through_gunicorn() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "examples.visit"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.findall(r"visit (\d+), served", ran.stdout) == ["1", "2", "3", "4", "5"]
    assert ran.stdout.count("Set-Cookie: ") == 2
    assert re.search(r"[0-9a-f]{32}", ran.stdout) is None
