"""The documents agree with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from beaker import _core
from tests.support.environment import ROOT
from tests.support.markdown import DOCUMENTS, Block, anchors, blocks, links, named_in_first_column, section
from tools.options import documents

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"
DEPENDENCIES = ROOT / "docs" / "dependencies.md"
OPTIONS = ROOT / "docs" / "options.md"
SECURITY = ROOT / "docs" / "security.md"
RUN_BLOCK = ROOT / "tests" / "support" / "run_block.py"
PYTHON_BLOCKS = [block for document in DOCUMENTS for block in blocks(document, "python")]


@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=str)
def test_every_python_block_runs(block: Block, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", RUN_BLOCK, str(block.document), str(block.line)],
        input=block.text,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr


def test_ci_runs_the_readmes_test_command() -> None:
    example, test = (block.text.strip() for block in blocks(README, "sh")[:2])
    assert (example, test) == ("./dev example", "./dev test")
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("./")]
    assert commands[-1] == test


def test_every_command_of_the_documents_is_a_task() -> None:
    tasks = set(
        re.findall(r"^([a-z][a-z-]*)(?: [^:\n]+)?:(?!=)", (ROOT / "justfile").read_text(), re.MULTILINE)
    )
    written = [
        *DOCUMENTS,
        ROOT / ".ci" / "run",
        ROOT / ".pre-commit-config.yaml",
        ROOT / "pyproject.toml",
        ROOT / "deny.toml",
        *(ROOT / "tools").glob("*"),
    ]
    named = {
        task
        for path in written
        if path.is_file()
        for task in re.findall(r"\./dev ([a-z][a-z-]*)", path.read_text())
    }
    assert named <= tasks


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_internal_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    broken = []
    for link in links(document):
        name, _, fragment = link.partition("#")
        target = document.parent / name if name else document
        if "://" not in link and not (target.exists() and (not fragment or fragment in anchors(target))):
            broken.append(link)
    assert broken == []


def test_the_readme_fits_on_two_screens() -> None:
    assert len(README.read_text().splitlines()) <= 120


def test_the_documents_and_the_stubs_have_the_options_of_the_table() -> None:
    assert {path.name: path.read_text() == text for path, text in documents().items()} == {
        "options.md": True,
        "hardened.md": True,
        "_core.pyi": True,
    }, "write them by `./dev options`"
    assert all(f"| `{option['name']}` |" in OPTIONS.read_text() for option in _core.option_table())


def test_every_option_of_the_readme_exists() -> None:
    listed = named_in_first_column(section(README, "Use").partition("| method |")[0])
    assert listed
    assert set(listed) <= {option["name"] for option in _core.option_table()}


def test_every_promise_of_safety_names_tests_that_there_are() -> None:
    published = (ROOT / "python" / "beaker" / "testing").rglob("*.py")
    sources = [*(ROOT / "tests").rglob("test_*.py"), *published, *(ROOT / "src").rglob("*.rs")]
    tests = {
        name
        for source in sources
        for name in re.findall(r"\b(?:def test_|fn )([a-z0-9_]+)\(", source.read_text())
    }
    shown = [row.rsplit("|", 2)[1] for row in SECURITY.read_text().splitlines() if row.startswith("| ")]
    named = {name for cell in shown for name in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", cell)}
    assert len(named) > 40
    assert sorted(named - tests) == []


def test_every_dependency_has_its_reason() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    fuzz = tomllib.loads((ROOT / "fuzz" / "Cargo.toml").read_text())
    tables = [cargo, *cargo.get("target", {}).values(), fuzz]
    crates = {
        name
        for table in tables
        for kind in ("dependencies", "dev-dependencies")
        for name in table.get(kind, {})
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    packages = {Requirement(wanted).name for group in groups for wanted in group}
    reasons = named_in_first_column(DEPENDENCIES.read_text())
    assert sorted(reasons) == sorted((crates | packages) - {cargo["package"]["name"]})
