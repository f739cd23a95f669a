"""One interpreter of a process can use the library. Every other one gets an error with the reason."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap

import pytest

USE = """
from beaker.exceptions import BeakerException
from beaker.session import Session

session = Session({}, id="chosen", use_cookies=False)
session["name"] = "Ada"
session.save()
assert Session({}, id="chosen", use_cookies=False)["name"] == "Ada"
try:
    Session({}, timeout=1, save_accessed_time=False)
except BeakerException:
    print(f"{where} uses it")
"""
REFUSED = """
for _ in range(2):
    try:
        import beaker.session
    except ImportError as error:
        assert "WSGIApplicationGroup %{GLOBAL}" in str(error), error
        print(f"{where} is refused")
"""

# How a program starts interpreters: by `Py_NewInterpreter`, as mod_wsgi does, or by a module of Python's.
WAYS = {
    "capi": """
        import _testcapi

        def run(program):
            assert _testcapi.run_in_subinterp(program) == 0
    """,
    "modules": """
        import _xxsubinterpreters as interpreters

        def run(program, kept=[]):
            kept.append(interpreters.create(isolated=False))
            interpreters.run_string(kept[-1], program)
    """,
}
if sys.version_info >= (3, 13):
    WAYS["modules"] = """
        import _interpreters as interpreters

        def run(program, kept=[]):
            kept.append(interpreters.create("legacy"))
            assert interpreters.run_string(kept[-1], program) is None
    """


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    if request.param == "capi" and importlib.util.find_spec("_testcapi") is None:
        pytest.skip("this Python comes without _testcapi")
    return textwrap.dedent(WAYS[request.param])


def run(way: str, *steps: tuple[str, str]) -> list[str]:
    """Runs programs in the main interpreter or each in one of its own, and gives what they print."""
    program = [way, f"import sys\npath = {sys.path!r}"]
    for number, (where, step) in enumerate(steps):
        name = where if where == "main" else f"{where} {number}"
        text = f"where = {name!r}\nimport sys\nsys.path[:] = {sys.path!r}\n{step}\nsys.stdout.flush()"
        program.append(text if where == "main" else f"run({text!r})")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(program)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_second_interpreter_is_refused_and_the_first_goes_on(way: str) -> None:
    assert run(way, ("main", USE), ("sub", REFUSED), ("main", USE)) == [
        "main uses it",
        "sub 1 is refused",
        "sub 1 is refused",
        "main uses it",
    ]


def test_the_first_may_be_any(way: str) -> None:
    assert run(way, ("sub", USE), ("main", REFUSED)) == ["sub 0 uses it", *["main is refused"] * 2]


def test_when_the_first_has_ended_the_others_are_still_refused(way: str) -> None:
    told = run(way, ("sub", USE), ("sub", REFUSED), ("sub", REFUSED), ("main", REFUSED))
    assert told == [
        "sub 0 uses it",
        *["sub 1 is refused"] * 2,
        *["sub 2 is refused"] * 2,
        *["main is refused"] * 2,
    ]


def test_an_interpreter_may_import_it_again(way: str) -> None:
    again = "del sys.modules['beaker._core'], sys.modules['beaker.session']"
    assert run(way, ("main", USE), ("main", again), ("main", USE)) == ["main uses it"] * 2
