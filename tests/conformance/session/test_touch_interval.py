"""With `touch_interval` a read stores no access time that is recent. No session ends early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import ConfigurationError
from beaker.session import Session
from tests.support.dict_namespace import DictNamespace
from tests.support.sessions import COOKIE, ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Browser, Clock

    Browsers = Callable[..., Browser]

INTERVAL = {"timeout": 600, "touch_interval": 60}


def test_a_backend_that_expires_by_itself_is_told_of_the_interval(clock: Clock) -> None:
    asked: list[Any] = []

    class Expiring(DictNamespace):
        def __init__(self, namespace: str, **arguments: Any) -> None:
            super().__init__(namespace, **arguments)
            asked.append(arguments["timeout"])

    Expiring.contents, Expiring.calls = {}, []
    Session({}, id=ID, use_cookies=False, namespace_class=Expiring, timeout=600, touch_interval=300).save()
    Session({}, id=ID, use_cookies=False, namespace_class=Expiring, timeout=600).save()
    assert (max(asked), min(asked)) == (600 + 300 + 120, 600 + 120)


def test_the_program_sees_the_time_of_its_own_request(browser: Browsers, clock: Clock) -> None:
    visitor = browser(**INTERVAL)
    visitor.put(name="Ada")
    clock.advance(10)
    assert visitor.visit(lambda session: session["_accessed_time"]).result == clock()


def test_a_session_in_a_cookie_is_sent_with_every_read(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(**COOKIE, **INTERVAL)
    visitor.put(name="Ada")
    clock.advance(1)
    assert visitor.visit(lambda session: session["name"]).cookie


@pytest.mark.parametrize("interval", [600, 601, 3_600_000])
def test_an_interval_is_less_than_the_timeout(interval: int) -> None:
    with pytest.raises(ConfigurationError, match="touch_interval must be less than timeout"):
        Session({}, id="a", timeout=600, touch_interval=interval)


@pytest.mark.parametrize("value", [-1, "soon", float("nan"), float("inf")])
def test_an_interval_is_a_number_of_seconds(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="touch_interval"):
        Session({}, id="a", touch_interval=value)
