"""Sessions that end by themselves, also those that a cookie keeps."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from beaker.testing._clock import Clock
from beaker.testing._laws._fixtures import Browsers, Laws

MINUTE: Final = 60
DAY: Final = 86_400
MONTH: Final = 30 * DAY


def remembered(seconds: Any, **values: Any) -> Callable[[Any], None]:
    """A page that gives its session a timeout and saves it."""

    def work(session: Any) -> None:
        session.update(values)
        session.set_timeout(seconds)
        session.save()

    return work


class Timeouts(Laws):
    """Sessions that end by themselves."""

    def test_a_session_lives_up_to_its_timeout_and_not_longer(
        self, browser: Browsers, clock: Clock, encoding: dict[str, Any]
    ) -> None:
        visitor = browser(timeout=60, **encoding)
        visitor.put(name="Ada")
        clock.advance(60)
        assert visitor.read() == {"name": "Ada"}
        clock.advance(60.5)
        assert visitor.read() == {}

    def test_each_request_that_reads_renews_the_life_of_a_session(
        self, browser: Browsers, clock: Clock, encoding: dict[str, Any]
    ) -> None:
        visitor = browser(timeout=60, **encoding)
        visitor.put(name="Ada")
        for _ in range(10):
            clock.advance(50)
            assert visitor.read() == {"name": "Ada"}

    def test_a_request_that_does_not_use_the_session_does_not_renew_it(
        self, browser: Browsers, clock: Clock
    ) -> None:
        visitor = browser(timeout=60)
        visitor.put(name="Ada")
        clock.advance(50)
        visitor.visit()
        clock.advance(50)
        assert visitor.read() == {}

    def test_a_session_without_a_timeout_lives_for_years(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        clock.advance(10 * 365 * 86_400)
        assert visitor.read() == {"name": "Ada"}

    def test_a_clock_that_goes_back_ends_no_session(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser(timeout=60)
        visitor.put(name="Ada")
        clock.advance(-86_400)
        assert visitor.read() == {"name": "Ada"}

    @pytest.mark.parametrize("now", [0.0, 1.0, 1e9, 2**31, 2**33 + 0.5, 1_700_000_000])
    def test_any_moment_is_stored_and_read(
        self, browser: Browsers, clock: Clock, now: float, serializer: Any
    ) -> None:
        visitor = browser(**serializer)
        clock.now = now
        visitor.put(name="Ada")
        for step in (1, 10.5, 1000):
            clock.now = now + step
            assert visitor.read() == {"name": "Ada"}
        assert visitor.visit(lambda session: session.last_accessed).result == now + 1000

    def test_a_remembered_session_outlives_the_timeout_of_all_others(
        self, browser: Browsers, clock: Clock, encoding: dict[str, Any]
    ) -> None:
        visitor = browser(timeout=MINUTE, **encoding)
        visitor.visit(remembered(MONTH, name="Ada"))
        for _ in range(3):
            clock.advance(MONTH - 1)
            assert visitor.read() == {"name": "Ada"}
        clock.advance(MONTH + 1)
        assert visitor.read() == {}

    def test_a_session_that_is_not_remembered_ends_as_ever(self, browser: Browsers, clock: Clock) -> None:
        one, other = browser(timeout=MINUTE), browser(timeout=MINUTE)
        one.visit(remembered(MONTH, name="Ada"))
        other.put(name="Grace")
        clock.advance(MINUTE + 1)
        assert (one.read(), other.read()) == ({"name": "Ada"}, {})

    def test_a_timeout_of_its_own_may_be_the_shorter_or_the_only_one(
        self, browser: Browsers, clock: Clock
    ) -> None:
        for options in ({"timeout": DAY}, {}):
            visitor = browser(**options)
            visitor.visit(remembered(MINUTE, name="Ada"))
            for _ in range(3):
                clock.advance(MINUTE)
                assert visitor.read() == {"name": "Ada"}
            clock.advance(MINUTE + 1)
            assert visitor.read() == {}

    def test_a_timeout_takes_effect_at_the_next_save(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser(timeout=MINUTE)
        visitor.put(name="Ada")
        visitor.visit(lambda session: session.set_timeout(MONTH))
        clock.advance(MINUTE + 1)
        assert visitor.read() == {}
