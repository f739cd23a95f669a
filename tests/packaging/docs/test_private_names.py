"""The page of private names is complete against Beaker, and true of us."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from tests.support import private_names
from tests.support.environment import ROOT, environ_of_another_python
from tests.support.markdown import named_in_first_column, section

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "private-names.md"
ROWS = dict(re.findall(r"^\| `([^`]+)` \| [^|]+ \| (kept[^|]*) \|$", PAGE.read_text(), re.MULTILINE))


@cache
def listed(python: str) -> dict[str, set[str]]:
    """The private names, and the methods that are called, in the package of an interpreter."""
    program = ROOT / "tests" / "support" / "private_names.py"
    environment = environ_of_another_python()
    run = subprocess.run(
        [python, program], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    return {kind: set(names) for kind, names in json.loads(run.stdout).items()}


def inherited_too(names: set[str]) -> set[str]:
    """The names without the class that overrides them."""
    return {name.replace("CookieSession.", "Session.") for name in names}


def test_the_page_names_every_private_name_of_beaker(oracle: Path) -> None:
    assert set(ROWS) == listed(str(oracle))["names"]


def test_every_private_name_is_where_the_page_says(oracle: Path) -> None:
    objects = {type(made).__name__: made for made in private_names.objects()}
    for name in ROWS:
        holder, _, attribute = name.rpartition(".")
        found = import_module(holder) if holder.startswith("beaker.") else objects[holder]
        assert hasattr(found, attribute), name


def test_every_method_that_beaker_calls_is_called_and_on_the_page(oracle: Path) -> None:
    beakers = listed(str(oracle))["called"]
    assert listed(sys.executable)["called"] == beakers
    assert {name for name, here in ROWS.items() if "called" in here} == inherited_too(beakers) & set(ROWS) | {
        "CookieSession._create_cookie"
    }


def test_the_page_names_what_may_be_replaced() -> None:
    replaced = set(named_in_first_column(section(PAGE, "Names that are replaced"))) - {"Name"}
    for name in replaced:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name
    looked_up = {
        name
        for source in (ROOT / "src" / "py").rglob("*.rs")
        for name in re.findall(
            r'\b(?:MIDDLEWARE|SESSION)\s*\.(?:get|replacement)[^;]*?intern!\(\w+, "(\w+)"\)',
            source.read_text(),
        )
    }
    assert looked_up | {"time"} == {name.rpartition(".")[2] for name in replaced}
