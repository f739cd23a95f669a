"""What a program calls in Beaker it can call in ours, with the same arguments."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.programs.signatures import described, members, parameters
from tests.support.environment import ROOT, environ_of_another_python
from tests.support.markdown import named_in_first_column, section

PROGRAM = Path(__file__).parent / "programs" / "signatures.py"
EXTENSIONS = ("database", "google", "memcached", "mongodb", "redisclusternm", "redisnm", "sqla")
MODULES = [
    *("beaker._compat", "beaker.cache", "beaker.container", "beaker.converters", "beaker.cookie"),
    *("beaker.crypto", "beaker.crypto.noencryption", "beaker.crypto.pbkdf2", "beaker.crypto.util"),
    *("beaker.crypto.pyca_cryptography", "beaker.crypto.pycrypto", "beaker.exceptions"),
    *("beaker.middleware", "beaker.session", "beaker.synchronization", "beaker.util"),
    *(f"beaker.ext.{name}" for name in EXTENSIONS),
]
ANYTHING = [["args", "VAR_POSITIONAL", None], ["kwargs", "VAR_KEYWORD", None]]
"""The parameters of our native classes, whose arguments have tests of their own."""

Parameters = list[list[Any]]


@pytest.fixture(scope="module")
def theirs(oracle: Path) -> dict[str, Any]:
    """The names of Beaker, by module."""
    run = subprocess.run(
        [oracle, PROGRAM, *MODULES],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environ_of_another_python(),
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def absent() -> set[str]:
    """The names that the documents say are absent."""
    return set(named_in_first_column(section(ROOT / "docs" / "differences.md", "Absent names")))


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_exists_or_is_documented_as_absent(theirs: dict[str, Any], module: str) -> None:
    missing = set()
    for name, wanted in theirs[module].items():
        found = look(module, name)
        if found is None:
            missing.add(f"{module}.{name}")
            continue
        for member in wanted.get("members", ()):
            if not hasattr(found[0], member):
                missing.add(f"{module}.{name}.{member}")
    known = absent()
    assert {name for name in missing if name not in known and module not in known} == set()


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_takes_the_arguments_that_beakers_takes(
    theirs: dict[str, Any], module: str
) -> None:
    refused = []
    for name, wanted in theirs[module].items():
        found = look(module, name)
        if found is None or wanted["parameters"] is None:
            continue
        (value,) = found
        pairs = [(name, wanted["parameters"], constructor(value))]
        if isinstance(value, type):
            ours = members(value)
            pairs += [
                (f"{name}.{member}", of_member, ours[member])
                for member, of_member in wanted["members"].items()
                if member in ours
            ]
        refused += [where for where, asked, offered in pairs if not accepts(offered, asked)]
    assert refused == []


def test_the_names_that_are_documented_as_absent_are_absent() -> None:
    listed = [name for name in absent() if not name.startswith("beaker.ext.")]
    assert listed
    for name in listed:
        _, module, *parts = name.split(".")
        assert not has(importlib.import_module(f"beaker.{module}"), parts), name


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        ("def f(self, a, b=1, *args, **kw): ...", True),
        ("def f(self, a, b=1, c=None, *args, **kw): ...", True),
        ("def f(self, a, b=1, *args, c=None, **kw): ...", True),
        ("def f(self, *args, **kwargs): ...", True),
        ("def f(self, a, b=2, *args, **kw): ...", False),
        ("def f(self, b, a=1, *args, **kw): ...", False),
        ("def f(self, a, b=1, **kw): ...", False),
        ("def f(self, a, b=1, *args): ...", False),
        ("def f(self, a, b=1, *args, c, **kw): ...", False),
    ],
)
def test_a_signature_that_takes_less_is_noticed(offered: str, accepted: bool) -> None:
    names: dict[str, Any] = {}
    exec("def wanted(self, a, b=1, *args, **kw): ...", names)
    exec(offered, names)
    assert accepts(parameters(names["f"]), parameters(names["wanted"]) or []) is accepted


def look(module: str, name: str) -> tuple[Any] | None:
    """What our module has under a name."""
    try:
        value = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
    return None if value is None else (value,)


def has(value: Any, parts: list[str]) -> bool:
    """Whether an object has an attribute, whose parts may be modules."""
    for part in parts:
        value = getattr(value, part, None)
    return value is not None


def constructor(value: Any) -> Parameters | None:
    """The parameters of a function, or of the constructor of a class."""
    found: Parameters | None = described(value)["parameters"]
    return found


def accepts(offered: Parameters | None, wanted: Parameters) -> bool:
    """Whether each call that fits the parameters `wanted` fits `offered`."""
    if offered is None:
        return False
    ours, theirs = ([one for one in which if one[0] not in ("self", "cls")] for which in (offered, wanted))
    if ours == ANYTHING:
        return True
    positional = [one for one in ours if one[1].startswith("POSITIONAL")]
    for at, (name, kind, default) in enumerate(theirs):
        if kind.startswith("VAR"):
            if kind not in [one[1] for one in ours]:
                return False
            continue
        if at >= len(positional) or positional[at][0] != name:
            return False
        # An argument that Beaker needs may be left out in ours.
        if default is not None and positional[at][2] != default:
            return False
    known = {one[0] for one in theirs}
    return all(one[0] in known or one[2] is not None or one[1].startswith("VAR") for one in ours)
