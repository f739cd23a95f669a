"""Format 1 is accepted where format 2 is written, and one day no longer."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning
from tests.conformance.keys.keyed import NEW
from tests.support.sessions import COOKIE, KEY, START, Browser, name

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Visitors = Callable[..., Browser]

DAY = 86_400
HALF_A_DAY = DAY / 2
HARDENED: dict[str, Any] = {"profile": "hardened", "secret": NEW}


def moved(visitor: Browser, before: Browser) -> Browser:
    """The visitor with the cookie of the one before."""
    visitor.jar = before.jar
    return visitor


def test_format_1_is_accepted_up_to_its_end_and_not_from_then_on(visitors: Visitors, clock: Clock) -> None:
    before = visitors(secret=NEW, cookie_format=1)
    before.put(name="Ada")
    switched = {"secret": NEW, "cookie_format": 2, "accept_format_1_until": START + 100}
    late = moved(visitors(**switched), before)
    clock.advance(99.5)
    in_time = moved(visitors(**switched), before)
    assert in_time.read() == {"name": "Ada"}
    assert "v2." in str(in_time.jar)
    clock.advance(0.5)
    # It is no cookie then, and nothing to warn of.
    assert late.visit(lambda session: (session.is_new, session.get("name"))).result == (True, None)
    assert in_time.read() == {"name": "Ada"}


@pytest.mark.parametrize(
    "end",
    [
        int(START) + 60,
        str(int(START) + 60),
        "2023-11-14T22:14:20Z",
        "2023-11-14 23:14:20+01:00",
        datetime(2023, 11, 14, 22, 14, 20, tzinfo=timezone.utc),
        datetime(2023, 11, 14, 22, 14, 20),  # noqa: DTZ001 - it is UTC
    ],
    ids=repr,
)
def test_the_end_is_a_moment(memory: Backend, clock: Clock, end: Any) -> None:
    before = Browser(memory.options, secret=NEW)
    before.put(name="Ada")
    config = {"session.secret": NEW, "session.cookie_format": "2", "session.accept_format_1_until": end}
    clock.advance(59)
    assert moved(Browser(config=config, type="memory"), before).read() == {"name": "Ada"}
    clock.advance(1)
    assert moved(Browser(config=config, type="memory"), before).read() == {}


@pytest.mark.parametrize("option", ["secret", "validate_key"])
def test_until_then_the_value_of_another_cookie_passes(memory: Backend, clock: Clock, option: str) -> None:
    options = {"secret": memory.options, "validate_key": COOKIE}[option]
    other = Browser(options, {option: NEW}, key="other")
    other.put(name="Mallory")
    stolen = str(other.jar).replace("other=", f"{KEY}=")
    ours = Browser(options, {option: NEW}, cookie_format=2, accept_format_1_until=START + 100)
    assert ours.visit(name, cookie=stolen).result == "Mallory"
    clock.advance(100)
    assert ours.visit(name, cookie=stolen).result is None


@pytest.mark.parametrize("option", ["secret", "validate_key"])
def test_until_then_a_cookie_planted_under_an_older_name_passes(
    memory: Backend, clock: Clock, option: str
) -> None:
    options = {"secret": memory.options, "validate_key": COOKIE}[option]
    attacker = Browser(options, {option: NEW}, key="sid")
    attacker.put(name="Mallory")
    ours = Browser(
        options,
        {option: NEW},
        key="__Host-sid",
        secure=True,
        key_fallbacks=["sid"],
        cookie_format=2,
        accept_format_1_until=START + 100,
    )
    assert ours.visit(name, cookie=attacker.jar).result == "Mallory"
    clock.advance(100)
    assert ours.visit(name, cookie=attacker.jar).result is None


def test_hardened_it_ends_when_no_session_from_before_can_be_alive(visitors: Visitors, clock: Clock) -> None:
    hardened = visitors(**HARDENED)
    clock.advance(HALF_A_DAY - 1)
    other = visitors(secret=NEW, cookie_format=1)
    other.put(name="Ada")
    assert moved(hardened, other).visit(name).result == "Ada"
    clock.advance(1)
    assert hardened.visit(name, cookie=other.jar).result is None
    given = visitors(**HARDENED, accept_format_1_until=START + DAY)
    assert given.visit(name, cookie=other.jar).result == "Ada"


def test_a_restarted_process_learns_from_cookies_when_the_switch_was(backend: Backend, clock: Clock) -> None:
    first = Browser(backend.options, HARDENED)
    first.put(name="Ada")
    clock.advance(DAY)
    other = Browser(backend.options, secret=NEW)
    other.put(name="Mallory")
    again = Browser(backend.options, HARDENED)
    assert again.visit(name, cookie=other.jar).result == "Mallory"
    again.visit(name, cookie=first.jar)
    assert again.visit(name, cookie=other.jar).result is None


def test_options_of_a_session_alone_do_not_begin_it_anew(memory: Backend, clock: Clock) -> None:
    hardened = Browser(memory.options, HARDENED)
    clock.advance(HALF_A_DAY)
    hardened.visit(lambda session: setattr(session, "timeout", 60))
    other = Browser(memory.options, secret=NEW)
    other.put(name="Mallory")
    assert hardened.visit(name, cookie=other.jar).result is None


def test_a_late_cookie_of_format_1_is_logged_once(
    visitors: Visitors, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ours = visitors(secret=NEW, cookie_format=2)
    other = visitors(secret=NEW, cookie_format=1)
    other.put(name="Ada")
    clock.advance(30 * DAY)
    with caplog.at_level(logging.WARNING, logger="beaker.session"):
        ours.visit(name, cookie=other.jar)
        assert caplog.messages == []
        clock.advance(1)
        for _ in range(3):
            assert ours.visit(name, cookie=other.jar).result == "Ada"
    (message,) = caplog.messages
    assert "accept_format_1_until" in message


def test_an_end_far_in_the_future_causes_a_warning(visitors: Visitors, clock: Clock) -> None:
    options = {"secret": NEW, "cookie_format": 2}
    visitors(**options, accept_format_1_until=START + 366 * DAY)
    with pytest.warns(BeakerWarning, match="accept_format_1_until is more than a year ahead"):
        visitors(**options, accept_format_1_until=START + 367 * DAY)
