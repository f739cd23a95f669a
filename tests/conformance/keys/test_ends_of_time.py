"""Sessions end for all, or after so long a life, however much they are used."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException
from tests.conformance.keys.keyed import OTHER
from tests.support.sessions import COOKIE, START, Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Visitors = Callable[..., Browser]

HOUR = 3600


def state(session: Any) -> tuple[Any, ...]:
    return session.is_new, session.was_invalidated, session.get("name")


def test_a_session_ends_after_its_absolute_timeout_though_it_is_used(
    visitors: Visitors, clock: Clock
) -> None:
    visitor = visitors(absolute_timeout=HOUR)
    visitor.put(name="Ada")
    for _ in range(6):
        clock.advance(HOUR / 6)
        assert visitor.visit(state).result == (False, False, "Ada")
    clock.advance(1)
    assert visitor.visit(state).result == (True, True, None)


def test_an_absolute_timeout_needs_no_access_times(visitors: Visitors, clock: Clock) -> None:
    visitor = visitors(absolute_timeout=HOUR, save_accessed_time=False)
    visitor.put(name="Ada")
    clock.advance(HOUR)
    assert visitor.read() == {"name": "Ada"}
    clock.advance(1)
    assert visitor.read() == {}


def test_saving_and_a_new_id_do_not_prolong_the_life(visitors: Visitors, clock: Clock) -> None:
    visitor = visitors(absolute_timeout=HOUR)
    visitor.put(name="Ada")
    clock.advance(HOUR / 2)
    visitor.visit(lambda session: session.regenerate_id())
    visitor.put(more=1)
    clock.advance(HOUR / 2 + 1)
    assert visitor.read() == {}


def test_clearing_a_session_does_not_prolong_its_life(visitors: Visitors, clock: Clock) -> None:
    visitor = visitors(absolute_timeout=HOUR)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session.clear()
        session["name"] = "Grace"
        session.save()

    for _ in range(3):
        clock.advance(HOUR / 4)
        visitor.visit(work)
    assert visitor.read() == {"name": "Grace"}
    clock.advance(HOUR / 4 + 1)
    assert visitor.read() == {}


def test_a_session_begun_anew_has_a_life_of_its_own(visitors: Visitors, clock: Clock) -> None:
    visitor = visitors(absolute_timeout=HOUR)
    visitor.put(name="Ada")
    clock.advance(HOUR / 2)
    visitor.visit(lambda session: session.invalidate())
    visitor.put(name="Grace")
    clock.advance(HOUR / 2 + 1)
    assert visitor.read() == {"name": "Grace"}


def test_clearing_does_not_prolong_the_life(visitors: Visitors, clock: Clock) -> None:
    visitor = visitors(absolute_timeout=HOUR)
    visitor.put(name="Ada")
    clock.advance(HOUR / 2)

    def work(session: Any) -> None:
        session.clear()
        session["name"] = "Grace"
        session.save()

    visitor.visit(work)
    clock.advance(HOUR / 2)
    assert visitor.read() == {"name": "Grace"}
    clock.advance(1)
    assert visitor.read() == {}


@pytest.mark.parametrize("ends", [True, False], ids=["it ends by itself", "it is ended"])
def test_the_life_of_an_ended_session_does_not_shorten_the_next(
    visitors: Visitors, clock: Clock, ends: bool
) -> None:
    visitor = visitors(absolute_timeout=HOUR, secret=OTHER, cookie_format=2)
    visitor.put(name="Ada")
    clock.advance(HOUR + 1 if ends else HOUR - 1)

    def work(session: Any) -> None:
        if not ends:
            session.invalidate()
        session.clear()
        session["name"] = "Grace"
        session.save()

    visitor.visit(work)
    clock.advance(HOUR)
    assert visitor.read() == {"name": "Grace"}


def test_the_idle_and_the_absolute_timeout_hold_side_by_side(visitors: Visitors, clock: Clock) -> None:
    visitor = visitors(absolute_timeout=HOUR, timeout=60)
    visitor.put(name="Ada")
    clock.advance(61)
    assert visitor.read() == {}


def test_a_stolen_encrypted_cookie_ends_with_the_session(clock: Clock) -> None:
    visitor = Browser(COOKIE, cookie_format=2, absolute_timeout=HOUR)
    visitor.put(name="Ada")
    # The end is in the cookie: an application without the option keeps to it too.
    other = Browser(COOKIE, cookie_format=2)
    assert other.visit(lambda session: session.get("name"), cookie=visitor.jar).result == "Ada"
    clock.advance(HOUR + 1)
    assert other.visit(lambda session: session.get("name"), cookie=visitor.jar).result is None


def test_an_absolute_timeout_of_nought_is_none(visitors: Visitors, clock: Clock) -> None:
    visitor = visitors(absolute_timeout="0")
    visitor.put(name="Ada")
    clock.advance(10 * 365 * 86_400)
    assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize("wrong", [-1, "soon", -1.5])
def test_an_absolute_timeout_that_makes_no_sense_is_refused(visitors: Visitors, wrong: Any) -> None:
    with pytest.raises(BeakerException, match="absolute_timeout"):
        visitors(absolute_timeout=wrong)


EPOCHS = {
    "a number": START + 10,
    "a whole number": int(START) + 10,
    "a number in an ini file": str(int(START) + 10),
    "a date and time": "2023-11-14T22:13:30Z",
    "a date and time with an offset": "2023-11-15T07:13:30+09:00",
    "a datetime": datetime(2023, 11, 14, 22, 13, 30, tzinfo=timezone.utc),
}


@pytest.mark.parametrize("written", [1, 2])
@pytest.mark.parametrize("epoch", EPOCHS.values(), ids=EPOCHS)
def test_sessions_that_began_before_the_epoch_are_over(clock: Clock, epoch: Any, written: int) -> None:
    before, after = Browser(COOKIE, cookie_format=written), Browser(COOKIE, cookie_format=written)
    before.put(name="Ada")
    clock.now = START + 10
    after.put(name="Grace")
    clock.now = START + 20
    visitor = Browser(COOKIE, cookie_format=written, session_epoch=epoch)
    visit = visitor.visit(state, cookie=before.jar)
    assert visit.result == (True, True, None)
    assert len(visit.cookies) == 1
    assert visitor.visit(state, cookie=after.jar).result == (False, False, "Grace")


def test_a_session_after_the_epoch_is_a_session_like_any_other(clock: Clock) -> None:
    visitor = Browser(COOKIE, session_epoch=START - 10)
    visitor.put(name="Ada")
    clock.advance(100)
    assert visitor.read() == {"name": "Ada"}


def test_the_epoch_counts_the_beginning_and_not_the_last_access(clock: Clock) -> None:
    visitor = Browser(COOKIE)
    visitor.put(name="Ada")
    clock.advance(100)
    visitor.put(name="Ada")
    assert Browser(COOKIE, session_epoch=START + 50).visit(state, cookie=visitor.jar).result[0] is True


@pytest.mark.parametrize("wrong", ["soon", "2023-13-01", float("nan"), float("inf"), [1]])
def test_an_epoch_that_is_no_moment_is_refused(wrong: Any) -> None:
    with pytest.raises(BeakerException, match="session_epoch"):
        Browser(COOKIE, session_epoch=wrong)


def test_the_epoch_is_for_sessions_in_cookies(empty_memory: None) -> None:
    with pytest.raises(BeakerException, match="session_epoch"):
        Browser(type="memory", session_epoch=START)


@pytest.mark.parametrize("keeps_time", [True, False])
def test_a_rolling_cookie_lives_on_from_each_use(visitors: Visitors, clock: Clock, keeps_time: bool) -> None:
    visitor = visitors(rolling=True, cookie_expires=HOUR, save_accessed_time=keeps_time)
    visitor.put(name="Ada")
    clock.advance(HOUR / 2)
    expected = datetime.fromtimestamp(clock.now + HOUR, timezone.utc).strftime("%a, %d-%b-%Y %H:%M:%S GMT")
    assert f"; expires={expected}" in visitor.visit(state).cookie
    assert visitor.visit().cookies == []
    assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize("expires", [True, False, datetime(2030, 1, 2, tzinfo=timezone.utc)])
def test_an_expiry_that_does_not_count_from_now_has_nothing_to_roll(visitors: Visitors, expires: Any) -> None:
    visitor = visitors(rolling=True, cookie_expires=expires, save_accessed_time=False)
    visitor.put(name="Ada")
    assert visitor.visit(state).cookies == []


def test_a_cookie_does_not_roll_unless_it_is_asked_to(backend: Backend) -> None:
    visitor = Browser(backend.options, cookie_expires=HOUR)
    visitor.put(name="Ada")
    assert visitor.visit(state).cookies == []
