"""Sessions read `time.time` at each use, so a replaced function moves their clock."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from beaker.session import Session
from tests.support.environment import need_distribution
from tests.support.sessions import Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


def test_the_expiry_of_a_cookie_counts_from_the_patched_clock(visitors: Browsers, clock: Clock) -> None:
    visit = visitors(cookie_expires=60).put(name="Ada")
    assert "expires=Tue, 14-Nov-2023 22:14:20 GMT" in visit.cookie


def test_a_mock_on_the_module_moves_the_clock(visitors: Browsers) -> None:
    visitor = visitors(timeout=60)
    with mock.patch("time.time", return_value=1000.0):
        visitor.put(name="Ada")
        assert visitor.visit(lambda session: session.created).result == 1000.0
    with mock.patch.object(time, "time", return_value=1059.0):
        assert visitor.read() == {"name": "Ada"}
    with mock.patch("time.time", side_effect=lambda: 2000):
        assert visitor.read() == {}


def test_freezegun_moves_the_clock(visitors: Browsers) -> None:
    need_distribution("freezegun")
    freezegun = importlib.import_module("freezegun")
    visitor = visitors(timeout=60)
    with freezegun.freeze_time("2030-01-01 12:00:00") as frozen:
        visitor.put(name="Ada")
        assert visitor.visit(lambda session: session.created).result == 1893499200.0
        frozen.tick(59)
        assert visitor.read() == {"name": "Ada"}
        frozen.tick(61)
        assert visitor.read() == {}


def test_a_clock_that_fails_is_an_exception(memory: Backend) -> None:
    with mock.patch("time.time", side_effect=OSError("no clock")), pytest.raises(OSError, match="no clock"):
        Session({}, **memory.options)


def test_a_session_in_a_store_that_forgets_in_time_is_simply_gone(memory: Backend, clock: Clock) -> None:
    visitor = Browser(memory.options, {"timeout": 60})
    visitor.put(name="Ada")
    clock.advance(180)
    assert memory.texts() == {}
    assert visitor.read() == {}


def test_cookie_dates_are_english_and_utc_in_every_locale(
    visitors: Browsers, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    time.tzset()
    try:
        never = visitors(cookie_expires=False).put(name="Ada").cookie
        later = visitors(cookie_expires=60).put(name="Ada").cookie
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "expires=Tue, 19-Jan-2038 03:14:07 GMT" in never
    assert "expires=Tue, 14-Nov-2023 22:14:20 GMT" in later
