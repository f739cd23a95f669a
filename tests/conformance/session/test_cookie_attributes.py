"""The domain, path, expiry and Morsel of the session's cookie."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from http.cookies import CookieError, Morsel
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import ConfigurationError
from beaker.session import Session
from tests.support.sessions import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser, Clock

    Browsers = Callable[..., Browser]


def test_the_cookie_is_a_morsel_among_those_of_the_request(browser: Browsers) -> None:
    def work(session: Any) -> tuple[Any, ...]:
        morsel = session.cookie[session.key]
        return (
            isinstance(morsel, Morsel),
            morsel.key,
            morsel.value == session.id,
            morsel["path"],
            session.cookie["theme"].value,
        )

    assert browser().visit(work, cookie="theme=dark").result == (True, KEY, True, "/", "dark")


def test_an_attribute_changes_an_option_for_one_session(browser: Browsers) -> None:
    def work(session: Any) -> None:
        session.secure = True
        session.httponly = True
        session.samesite = "Strict"
        session.key = "other"
        session["name"] = "Ada"
        session._update_cookie_out()

    visitor = browser()
    visit = visitor.visit(work)
    assert visit.cookie.startswith(" other=")
    assert visit.cookie.endswith("; HttpOnly; Path=/; SameSite=Strict; Secure")
    assert visitor.put(name="Grace").cookie.endswith("; Path=/; SameSite=Lax")


def test_a_domain_and_a_path_are_sent_and_stored(visitors: Browsers) -> None:
    visitor = visitors()

    def work(session: Any) -> tuple[str, str]:
        session.domain = "example.org"
        session.path = "/app"
        session.save()
        return session.domain, session.path

    visit = visitor.visit(work)
    assert visit.result == ("example.org", "/app")
    assert visit.cookie.endswith("; Domain=example.org; Path=/app; SameSite=Lax")
    stored = visitor.visit(
        lambda session: (session.domain, session.path, session["_domain"], session["_path"])
    )
    assert stored.result == ("example.org", "/app", "example.org", "/app")


@pytest.mark.parametrize(("name", "value"), [("domain", "x.example"), ("path", "/x")])
def test_setting_domain_or_path_of_an_unsaved_session_sends_a_cookie(
    browser: Browsers, backend: Backend, name: str, value: str
) -> None:
    visit = browser().visit(lambda session: setattr(session, name, value))
    assert f"; {name.capitalize()}={value}" in visit.cookie
    assert backend.texts() == {}


@pytest.mark.parametrize("name", ["domain", "path"])
@pytest.mark.parametrize("value", ["/\r\nX-Evil: 1", "/;Secure", "/\0", "/\n"])
@pytest.mark.parametrize("by_morsel", [False, True])
def test_a_domain_or_path_that_would_break_the_header_is_refused(
    browser: Browsers, name: str, value: str, by_morsel: bool
) -> None:
    def work(session: Any) -> None:
        if by_morsel:
            assert session.cookie[session.key]["path"] == "/"
        with pytest.raises(ConfigurationError):
            setattr(session, name, value)
        session[f"_{name}"] = value
        with pytest.raises(ConfigurationError):
            session._update_cookie_out()

    assert browser().visit(work).cookies == []


def test_a_morsel_that_would_break_the_header_is_refused(browser: Browsers) -> None:
    def work(session: Any) -> None:
        session.cookie[session.key]["domain"] = "a\r\nX-Evil: 1"
        session._update_cookie_out()

    with pytest.raises((ConfigurationError, CookieError)):
        browser().visit(work)


@pytest.mark.parametrize(
    ("expires", "attribute"),
    [
        (True, None),
        (False, "Tue, 19-Jan-2038 03:14:07 GMT"),
        (90, "Tue, 14-Nov-2023 22:14:50 GMT"),
        (timedelta(days=1), "Wed, 15-Nov-2023 22:13:20 GMT"),
        (datetime(2030, 1, 2, 3, 4, 5), "Wed, 02-Jan-2030 03:04:05 GMT"),  # noqa: DTZ001
        (datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=9))), "Tue, 01-Jan-2030 18:04:05 GMT"),
    ],
)
def test_the_expiry_is_set_by_option_or_by_method(
    browser: Browsers, clock: Clock, expires: Any, attribute: str | None
) -> None:
    by_option = browser(cookie_expires=expires).put(name="Ada").cookie

    def work(session: Any) -> None:
        session._set_cookie_expires(expires)
        session._update_cookie_out()

    by_method = browser(cookie_expires=5).visit(work).cookie
    for cookie in (by_option, by_method):
        assert ("expires=" in cookie) is (attribute is not None)
        assert f"; expires={attribute}; Path=/" in cookie or attribute is None


def test_the_expiry_method_returns_the_moment(clock: Clock, empty_memory: None) -> None:
    session: Any = Session({})
    assert session._set_cookie_expires(None) is True
    assert session._set_cookie_expires(True) is True
    moment = datetime(2030, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert session._set_cookie_expires(moment) is moment
    assert session.cookie_expires is moment
    assert session._set_cookie_expires(timedelta(seconds=10)).timestamp() == clock.now + 10
    assert session._set_cookie_expires(None).timestamp() == clock.now + 10


def test_an_id_unfit_for_a_cookie_is_refused_through_the_morsel_too(empty_memory: None) -> None:
    session: Any = Session({})
    assert session.cookie[session.key].value == session.id
    session.id = "caf\u00e9"
    with pytest.raises(ConfigurationError, match="cookie's value"):
        session._update_cookie_out()
