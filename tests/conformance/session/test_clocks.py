"""Clocks that jump: one that goes back logs nobody out and lets nobody in, and what one that was ahead for a
moment does to a session has an end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.session.jumping import YEAR
from tests.support.environment import ROOT, missing
from tests.support.sessions import START, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]

HOUR = 3600.0
STEPS = pytest.mark.parametrize("step", [HOUR, float(YEAR)], ids=["an hour", "a year"])
LIMITS = pytest.mark.parametrize("limits", [{"timeout": 600}, {"absolute_timeout": 600}], ids=str)


def times(session: Any) -> tuple[float, float]:
    return session["_creation_time"], session["_accessed_time"]


@STEPS
def test_a_clock_set_back_logs_nobody_out(visitors: Browsers, clock: Clock, step: float) -> None:
    visitor = visitors(timeout=600, absolute_timeout=1000)
    visitor.put(name="Ada")
    clock.advance(-step)
    for _ in range(3):
        assert visitor.read() == {"name": "Ada"}
        assert visitor.visit(lambda session: session.last_accessed).result == clock.now
        clock.advance(60)
    clock.advance(601)
    assert visitor.read() == {}


@STEPS
@LIMITS
@pytest.mark.parametrize("end", ["delete", "invalidate"])
def test_an_ended_session_is_not_there_again_when_the_clock_jumps(
    browser: Browsers, clock: Clock, step: float, limits: dict[str, int], end: str
) -> None:
    visitor = browser(**limits)
    visitor.put(name="Ada")
    jar = visitor.jar
    visitor.visit(lambda session: getattr(session, end)())
    for moved in (-step, step, step):
        clock.advance(moved)
        visitor.jar = jar
        assert visitor.read() == {}


@STEPS
@LIMITS
def test_a_session_found_over_stays_so_when_the_clock_goes_back(
    browser: Browsers, backend: Backend, clock: Clock, step: float, limits: dict[str, int]
) -> None:
    visitor = browser(**limits)
    visitor.put(name="Ada")
    jar = visitor.jar
    clock.advance(step)
    assert visitor.read() == {}
    clock.advance(-step)
    visitor.jar = jar
    assert visitor.read() == {}
    assert backend.texts() == {}


@STEPS
def test_a_session_used_by_a_fast_clock_returns_to_the_true_time(
    visitors: Browsers, clock: Clock, step: float
) -> None:
    visitor = visitors(timeout=600)
    clock.advance(step)
    visitor.put(name="Ada")
    clock.advance(-step)
    assert visitor.read() == {"name": "Ada"}
    clock.advance(601)
    assert visitor.read() == {}


@STEPS
@pytest.mark.parametrize("keeps_time", [True, False])
def test_a_session_begun_by_a_fast_clock_is_bounded_from_its_next_use(
    visitors: Browsers, clock: Clock, step: float, keeps_time: bool, encoding: dict[str, Any]
) -> None:
    visitor = visitors(absolute_timeout=600, save_accessed_time=keeps_time, **encoding)
    clock.advance(step)
    visitor.put(name="Ada")
    clock.advance(-step)
    assert visitor.visit(times).result[0] == START
    clock.advance(300)
    assert visitor.visit(times).result[0] == START
    clock.advance(300)
    assert visitor.read() == {"name": "Ada"}
    clock.advance(1)
    assert visitor.read() == {}


def test_without_an_absolute_timeout_the_creation_time_is_left_alone(
    visitors: Browsers, clock: Clock
) -> None:
    visitor = visitors(timeout=600)
    visitor.put(name="Ada")
    clock.advance(-HOUR)
    assert visitor.visit(times).result == (START, START - HOUR)
    assert visitor.visit(times).result[0] == START


def test_clocks_of_two_machines_may_differ_by_two_minutes(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(absolute_timeout=600)
    visitor.put(name="Ada")
    clock.advance(-120)
    assert visitor.visit(times).result[0] == START
    clock.advance(-1)
    assert visitor.visit(times).result[0] == START - 121


def test_the_later_access_time_is_kept_unless_it_is_in_the_future(
    browser: Browsers, backend: Backend, clock: Clock
) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        other = opened(backend, session.id)
        assert session["name"] == other["name"]
        other["colour"] = "green"
        other.save()
        clock.advance(-HOUR)
        session.load()
        session["shape"] = "round"
        clock.advance(HOUR)
        other["colour"] = "red"
        other.save()
        clock.advance(-HOUR)
        session._session().save()

    visitor.visit(work)
    found = opened(backend, visitor.id)
    assert (found["colour"], found["shape"]) == ("red", "round")
    assert found.last_accessed == START - HOUR


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that moves the clock of the process which loads it."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        missing("there is no C compiler, or no Linux, for a clock that jumps")
    library = tmp_path_factory.mktemp("clock") / "shim.so"
    source = ROOT / "tests/support/clock_shim.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


@pytest.mark.parametrize("limit", ["timeout", "absolute_timeout"])
def test_a_clock_jump_refuses_a_session_and_does_not_destroy_it(shim: Path, limit: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance.session.jumping", str(YEAR), limit],
        env={**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    refused, there = [None, True, True], ["Ada", False, True]
    for name, seen in json.loads(done.stdout).items():
        assert seen == [refused, refused, there, "Grace", "Grace"], name
