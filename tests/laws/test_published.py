"""The suite as its users have it: the example of its documentation, and backends that break a law each."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from beaker.testing import LACKING, Backend, StoreLaws
from beaker.testing._suite import laws, needed
from tests.support.environment import ROOT
from tests.support.markdown import blocks, named_in_first_column, section

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "testing-backends.md"
BROKEN = ROOT / "tests" / "laws" / "broken_backends.py"


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest that knows nothing of ours."""
    command = [sys.executable, "-m", "pytest", "-p", "beaker.testing.plugin", "-p", "no:cacheprovider", "-q"]
    return subprocess.run(
        [*command, "--tb=short", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_the_example_of_the_documentation_keeps_every_law(tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "python")
    (tmp_path / "test_shelf.py").write_text(example.text)
    run = ran(tmp_path, "-W", "error")
    assert run.returncode == 0, run.stdout[-3000:]
    (shown,) = (block.text for block in blocks(PAGE, "text"))
    assert shown in run.stdout


def test_there_are_enough_laws() -> None:
    assert len(laws()) >= 60
    assert all(re.fullmatch(r"test(_[a-z0-9]+){4,}", name) for name in laws())


def test_the_page_names_what_a_backend_may_lack() -> None:
    table = section(PAGE, "The parts")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", table, re.MULTILINE))
    assert rows == LACKING
    assert named_in_first_column(table) == [*LACKING, "names()", "down()", "lifetime(session_id)", "sweep()"]


@pytest.mark.parametrize("word", LACKING)
def test_a_word_excludes_laws(word: str) -> None:
    lacking = type("Lacking", (StoreLaws,), {"lacks": {word}})
    left = {name for name in laws() if getattr(lacking, name) is not None}
    assert set(laws()) - left == {name for name, law in laws().items() if word in needed(law)}
    assert len(left) < len(laws())


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Misspelt\.lacks has \['proceses'\]; known are \["):
        type("Misspelt", (StoreLaws,), {"lacks": {"proceses"}})


@pytest.mark.parametrize("call", ["names", "down", "sweep"])
def test_a_method_that_is_not_written_says_what_to_do(call: str) -> None:
    with pytest.raises(
        NotImplementedError, match=rf'Backend needs the method {call}, or .*lacks = {{"{call}"}}'
    ):
        getattr(Backend({}), call)()
    with pytest.raises(NotImplementedError, match="lifetime"):
        Backend({}).lifetime("an id")


CLASSES = re.findall(r"^class (Test\w+)\(", BROKEN.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", CLASSES)
def test_a_backend_that_breaks_a_law_fails(name: str) -> None:
    pattern = rf'^class {name}\(.*?"""(test_\w+)"""'
    (law,) = re.findall(pattern, BROKEN.read_text(), re.MULTILINE | re.DOTALL)
    run = ran(ROOT, "-c", "/dev/null", "--rootdir", str(ROOT), "-p", "no:xdist", f"{BROKEN}::{name}::{law}")
    assert run.returncode == 1, run.stdout[-3000:]
    assert f"{name}::{law}" in run.stdout
    assert re.search(rf"^{name} +1 ", run.stdout, re.MULTILINE)
