"""A session with an idle timeout of its own: "remember me"."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import ConfigurationError
from beaker.session import Session
from tests.support.sessions import COOKIE, START, Browser, Visit, opened, remembered

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]

MINUTE = 60
DAY = 86_400
MONTH = 30 * DAY


def expiry(visit: Visit) -> str | None:
    """The expiry of the one cookie."""
    found = [part for part in visit.cookie.split("; ") if part.startswith("expires=")]
    return found[0].removeprefix("expires=") if found else None


def date(moment: float) -> str:
    return time.strftime("%a, %d-%b-%Y %H:%M:%S GMT", time.gmtime(moment))


def test_none_goes_back_to_the_option(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(timeout=MINUTE)
    visitor.visit(remembered(MONTH, name="Ada"))
    visit = visitor.visit(remembered(None))
    assert expiry(visit) is None
    clock.advance(MINUTE + 1)
    assert visitor.read() == {}
    visitor.visit(remembered(None, name="Grace"))
    assert visitor.read() == {"name": "Grace"}


@pytest.mark.parametrize(
    "refused",
    [
        0,
        -1,
        True,
        False,
        0.0,
        1.5,
        float("nan"),
        float("inf"),
        1e300,
        10**10,
        10**30,
        "60",
        b"60",
        [60],
        pytest.param(object(), id="object()"),
    ],
    ids=repr,
)
def test_an_invalid_timeout_is_refused_and_changes_nothing(visitors: Browsers, refused: object) -> None:
    visitor = visitors(timeout=MINUTE)
    visitor.visit(remembered(MONTH))

    def work(session: Any) -> dict[str, Any]:
        before = dict(session)
        with pytest.raises(ConfigurationError, match="whole number of seconds"):
            session.set_timeout(refused)
        assert dict(session) == before
        return before

    assert visitor.visit(work).result["_idle_timeout"] == MONTH


@pytest.mark.parametrize("seconds", [1, 1.0, MONTH, 100 * 365 * DAY])
def test_a_whole_number_of_seconds_is_taken(visitors: Browsers, seconds: float) -> None:
    visitor = visitors()
    visitor.visit(remembered(seconds))
    stored = visitor.visit(lambda session: session["_idle_timeout"]).result
    assert (stored, type(stored)) == (seconds, int)


def test_a_timeout_of_its_own_needs_access_times(visitors: Browsers) -> None:
    def work(session: Any) -> None:
        session.set_timeout(None)
        with pytest.raises(ConfigurationError, match="save_accessed_time"):
            session.set_timeout(MONTH)

    visitors(save_accessed_time=False).visit(work)


@pytest.mark.parametrize("nonsense", ["soon", 0, -5, True, 1.5, 10**30, [1], None])
def test_a_foreign_value_under_the_key_is_no_timeout(
    visitors: Browsers, clock: Clock, nonsense: object
) -> None:
    visitor = visitors(timeout=MINUTE)
    visit = visitor.put(_idle_timeout=nonsense)
    assert expiry(visit) is None
    assert visitor.visit(lambda session: session["_idle_timeout"]).result == nonsense
    clock.advance(MINUTE + 1)
    assert visitor.visit(lambda session: "_idle_timeout" in session).result is False


def test_the_absolute_timeout_ends_a_remembered_session_too(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(timeout=MINUTE, absolute_timeout=DAY)
    visitor.visit(remembered(MONTH, name="Ada"))
    clock.advance(DAY)
    assert visitor.read() == {"name": "Ada"}
    clock.advance(1)
    assert visitor.read() == {}


def test_the_browser_keeps_the_cookie_as_long_and_anew_from_each_use(
    visitors: Browsers, clock: Clock
) -> None:
    visitor = visitors(timeout=MINUTE)
    assert expiry(visitor.put(name="Ada")) is None
    clock.advance(10)
    assert expiry(visitor.visit(remembered(MONTH))) == date(START + 10 + MONTH)
    clock.advance(DAY)
    assert expiry(visitor.visit(lambda session: session["name"])) == date(START + 10 + DAY + MONTH)
    assert visitor.visit().cookies == []


def test_a_session_that_begins_as_a_remembered_one_sends_one_cookie(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors()
    assert expiry(visitor.visit(remembered(MONTH, name="Ada"))) == date(START + MONTH)
    assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize(
    ("expires", "kept"),
    [(True, MONTH), (DAY, MONTH), (2 * MONTH, 2 * MONTH), (False, 2**31 - 1 - START)],
)
def test_the_cookie_lasts_as_long_as_the_option_and_as_the_session(
    visitors: Browsers, clock: Clock, expires: Any, kept: float
) -> None:
    visitor = visitors(cookie_expires=expires)
    assert expiry(visitor.visit(remembered(MONTH))) == date(START + kept)


def test_an_explicit_cookie_expiry_wins(visitors: Browsers, clock: Clock) -> None:
    def work(session: Any) -> None:
        session._set_cookie_expires(DAY)
        session.set_timeout(MONTH)
        session.save()

    assert expiry(visitors().visit(work)) == date(START + DAY)


def test_a_program_that_uses_the_morsel_finds_the_expiry_in_it(visitors: Browsers, clock: Clock) -> None:
    def work(session: Any) -> str:
        session.save()
        session._session().save()
        assert session.cookie[session.key]["expires"] == ""
        session.set_timeout(MONTH)
        session._session().save()
        found: str = session.cookie[session.key]["expires"]
        return found

    visit = visitors().visit(work)
    assert visit.result == expiry(visit) == date(START + MONTH)


def test_a_timeout_of_its_own_survives_a_new_id(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(timeout=MINUTE)
    visitor.visit(remembered(MONTH, name="Ada"))
    visit = visitor.visit(lambda session: session.regenerate_id())
    assert expiry(visit) == date(START + MONTH)
    clock.advance(DAY)
    assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize("ends", ["clear", "invalidate"])
def test_clearing_the_session_removes_its_timeout(visitors: Browsers, clock: Clock, ends: str) -> None:
    visitor = visitors(timeout=MINUTE)
    visitor.visit(remembered(MONTH, name="Ada"))

    def work(session: Any) -> None:
        getattr(session, ends)()
        session["name"] = "Grace"
        session.save()

    assert expiry(visitor.visit(work)) is None
    assert visitor.read() == {"name": "Grace"}
    clock.advance(MINUTE + 1)
    assert visitor.read() == {}


def test_revert_takes_it_back(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(timeout=MINUTE)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session.set_timeout(MONTH)
        session.revert()
        session.save()

    visitor.visit(work)
    clock.advance(MINUTE + 1)
    assert visitor.read() == {}


def test_deleting_a_remembered_session_expires_its_cookie(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors()
    visitor.visit(remembered(MONTH, name="Ada"))
    assert expiry(visitor.visit(lambda session: session.delete())) == date(START - 365 * DAY)
    assert visitor.read() == {}


@pytest.mark.parametrize("first", [True, False])
def test_of_two_requests_at_once_neither_loses_what_the_other_says(
    browser: Browsers, backend: Backend, clock: Clock, first: bool
) -> None:
    visitor = browser(timeout=MINUTE)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        other = opened(backend, session.id, timeout=MINUTE)
        for one in (session, other) if first else (other, session):
            assert one["name"] == "Ada"
        remembered(MONTH)(other)
        session["colour"] = "green"
        session.save()

    visitor.visit(work)
    clock.advance(DAY)
    assert visitor.read() == {"name": "Ada", "colour": "green"}


def test_the_last_to_say_it_decides(browser: Browsers, backend: Backend, clock: Clock) -> None:
    visitor = browser(timeout=MINUTE)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        assert session["name"] == "Ada"
        remembered(MONTH)(opened(backend, session.id, timeout=MINUTE))
        remembered(DAY)(session)

    visitor.visit(work)
    clock.advance(DAY + 1)
    assert visitor.read() == {}


def test_an_earlier_read_does_not_shorten_a_longer_timeout(
    browser: Browsers, backend: Backend, clock: Clock
) -> None:
    visitor = browser(timeout=MINUTE)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        assert session["name"] == "Ada"
        remembered(MONTH)(opened(backend, session.id, timeout=MINUTE))

    visitor.visit(work)
    clock.advance(DAY)
    assert visitor.read() == {"name": "Ada"}


def test_a_subclass_may_have_its_say(visitors: Browsers, clock: Clock) -> None:
    said: list[Any] = []

    class Own(Session):
        def set_timeout(self, seconds: float | None) -> None:
            said.append(seconds)
            super().set_timeout(DAY)

        def _set_cookie_values(self, expires: Any = None) -> None:
            said.append("values")
            super()._set_cookie_values(expires)

    visitor = Browser({"type": "memory", "session_class": Own})
    assert expiry(visitor.visit(remembered(MONTH))) == date(START + DAY)
    assert said[-1] == "values"
    assert MONTH in said


@pytest.mark.parametrize("cookie_format", [1, 2])
def test_a_copied_cookie_is_over_when_its_session_is(clock: Clock, cookie_format: int) -> None:
    visitor = Browser(COOKIE, timeout=MINUTE, cookie_format=cookie_format, absolute_timeout=DAY)
    visitor.visit(remembered(DAY // 2, name="Ada"))
    copy = visitor.jar
    clock.advance(DAY // 2 + 1)
    visitor.jar = copy
    assert visitor.read() == {}
