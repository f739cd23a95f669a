"""Sessions read `time.time` at each use, so a replaced function moves their clock."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from beaker.session import Session
from tests.support.environment import need_distribution
from tests.support.sessions import START, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


def test_a_session_lives_up_to_its_timeout_and_not_longer(
    visitors: Browsers, clock: Clock, encoding: dict[str, Any]
) -> None:
    visitor = visitors(timeout=60, **encoding)
    visitor.put(name="Ada")
    clock.advance(60)
    assert visitor.read() == {"name": "Ada"}
    clock.advance(60.5)
    assert visitor.read() == {}


def test_each_request_that_reads_renews_the_life_of_a_session(
    visitors: Browsers, clock: Clock, encoding: dict[str, Any]
) -> None:
    visitor = visitors(timeout=60, **encoding)
    visitor.put(name="Ada")
    for _ in range(10):
        clock.advance(50)
        assert visitor.read() == {"name": "Ada"}


def test_a_request_that_does_not_use_the_session_does_not_renew_it(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(timeout=60)
    visitor.put(name="Ada")
    clock.advance(50)
    visitor.visit()
    clock.advance(50)
    assert visitor.read() == {}


def test_a_session_without_a_timeout_lives_for_years(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors()
    visitor.put(name="Ada")
    clock.advance(10 * 365 * 86_400)
    assert visitor.read() == {"name": "Ada"}


def test_a_clock_that_goes_back_ends_no_session(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(timeout=60)
    visitor.put(name="Ada")
    clock.advance(-86_400)
    assert visitor.read() == {"name": "Ada"}


def test_a_timed_out_session_is_removed_and_replaced(
    browser: Browsers, backend: Backend, clock: Clock
) -> None:
    visitor = browser(timeout=60)
    visitor.put(name="Ada")
    old = visitor.id
    clock.advance(61)

    def work(session: Any) -> tuple[Any, ...]:
        session["name"] = "Grace"
        session.save()
        return session.is_new, session.was_invalidated, session.last_accessed, session.created

    visit = visitor.visit(work)
    assert visit.result == (True, True, None, clock.now)
    assert list(backend.texts()) == [visit.value]
    assert visit.value != old
    assert visitor.read() == {"name": "Grace"}


def test_access_times_are_not_stored_when_that_is_switched_off(
    browser: Browsers, backend: Backend, clock: Clock
) -> None:
    visitor = browser(save_accessed_time=False)
    visitor.put(name="Ada")
    before = backend.texts()
    clock.advance(60)
    visitor.read()
    assert backend.texts() == before
    assert visitor.visit(lambda session: session.last_accessed).result == START


def test_the_access_time_of_a_read_is_stored(
    browser: Browsers, backend: Backend, clock: Clock, encoding: dict[str, Any]
) -> None:
    visitor = browser(**encoding)
    visitor.put(name="Ada")
    clock.advance(33.25)
    visitor.read()
    session = opened(backend, visitor.id, **encoding)
    assert session.last_accessed == START + 33.25
    assert session.created == START


@pytest.mark.parametrize("now", [0.0, 1.0, 1e9, 2**31, 2**33 + 0.5, 1_700_000_000])
def test_any_moment_is_stored_and_read(visitors: Browsers, clock: Clock, now: float, serializer: Any) -> None:
    visitor = visitors(**serializer)
    clock.now = now
    visitor.put(name="Ada")
    for step in (1, 10.5, 1000):
        clock.now = now + step
        assert visitor.read() == {"name": "Ada"}
    assert visitor.visit(lambda session: session.last_accessed).result == now + 1000


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
