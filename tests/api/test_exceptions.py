"""Code that catches Beaker's exceptions catches ours, and a damaged session is one class."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from beaker import exceptions
from beaker.exceptions import BeakerException, ConfigurationError, CorruptSessionError

if TYPE_CHECKING:
    from collections.abc import Callable

    Classes = dict[str, list[str]]

PROGRAM = Path(__file__).parent / "programs" / "exceptions.py"

DAMAGE = {"EOFError", "TypeError", "AttributeError", "ModuleNotFoundError", "error", "InvalidTag", "Error"}
"""The other exceptions that Beaker's decoders raise for a damaged session. Here it is one class."""


@pytest.fixture(scope="module")
def ours() -> Classes:
    """The classes of each exception here."""
    done = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, text=True, check=True)
    classes: Classes = json.loads(done.stdout)
    return classes


@pytest.fixture
def theirs(in_beaker: Callable[..., str]) -> Classes:
    """The classes of each exception in Beaker."""
    classes: Classes = json.loads(in_beaker(PROGRAM.read_text()))
    return classes


def test_code_that_catches_beakers_exceptions_catches_ours(theirs: Classes, ours: Classes) -> None:
    missed = {}
    for case, classes in theirs.items():
        wanted = next((name for name in classes if name not in DAMAGE), None)
        if case.startswith("damaged") and classes and classes[0] in DAMAGE:
            wanted = "UnpicklingError"
        # The errno selects the class of an error of the operating system.
        if case.startswith("store"):
            wanted = "OSError"
        # What says in which encoding text is damaged is no class to catch.
        if wanted and wanted.startswith(("Unicode", "JSON")):
            wanted = "ValueError"
        if wanted is not None and wanted not in ours[case]:
            missed[case] = (classes, ours[case])
    assert missed == {}


def test_every_damage_to_a_session_raises_the_same_class(ours: Classes) -> None:
    damaged = {case: classes for case, classes in ours.items() if case.startswith("damaged")}
    assert len(damaged) == 40
    for case, classes in damaged.items():
        assert classes[0] == "CorruptSessionError", case


def test_every_refusal_raises_a_class_of_beakers(
    ours: Classes,
) -> None:
    for case, classes in ours.items():
        assert classes, case
        if case.startswith(("damaged", "store", "option", "cookie")):
            assert "BeakerException" in classes, case


def test_the_classes_can_be_imported_and_caught_by_what_they_are() -> None:
    assert issubclass(CorruptSessionError, (BeakerException, pickle.UnpicklingError, ValueError))
    assert issubclass(CorruptSessionError, BeakerException)
    assert issubclass(CorruptSessionError, pickle.UnpicklingError)
    assert issubclass(CorruptSessionError, ValueError)
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(exceptions.InvalidCryptoBackendError, ConfigurationError)
    for name in exceptions.__all__:
        kind = getattr(exceptions, name)
        assert issubclass(kind, Exception)
        assert str(kind("what is wrong")) == "what is wrong"
        again = pickle.loads(pickle.dumps(kind("what is wrong")))
        assert type(again) is kind
        assert str(again) == "what is wrong"
