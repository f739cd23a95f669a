"""The headers that the middleware adds to a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.middleware import SessionMiddleware
from tests.support.sessions import KEY, UNKNOWN_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser, Clock

    Browsers = Callable[..., Browser]


def test_the_cookie_is_one_header_of_exactly_these_bytes(browser: Browsers) -> None:
    visit = browser().put(name="Ada")
    assert ("Set-cookie", f" beaker.session.id={visit.session.id}; Path=/; SameSite=Lax") in visit.headers


def test_attributes_stand_in_alphabetical_order(browser: Browsers, clock: Clock) -> None:
    visit = browser(
        key="sid",
        secure=True,
        httponly=True,
        samesite="None",
        cookie_domain="example.org",
        cookie_path="/app",
        cookie_expires=60,
    ).put(name="Ada")
    assert visit.cookie == (
        f" sid={visit.session.id}; Domain=example.org; expires=Tue, 14-Nov-2023 22:14:20 GMT"
        "; HttpOnly; Path=/app; SameSite=None; Secure"
    )


def test_a_signed_cookie_is_forty_digits_and_the_id(browser: Browsers) -> None:
    visit = browser(secret="a secret of some length").put(name="Ada")
    assert len(visit.value) == 72
    assert visit.value.endswith(visit.session.id)
    assert set(visit.value[:40]) <= set("0123456789abcdef")


def test_samesite_may_be_left_out(browser: Browsers) -> None:
    visit = browser(samesite=None).put(name="Ada")
    assert visit.cookie == f" {KEY}={visit.session.id}; Path=/"


def test_a_session_that_was_not_touched_is_not_there(browser: Browsers, backend: Backend) -> None:
    visit = browser().visit(cookie=f"{KEY}={UNKNOWN_ID}")
    assert visit.headers == [("Content-Type", "text/plain")]
    assert not visit.session.accessed()
    assert visit.session.__dict__["_sess"] is None
    assert backend.traces() == []


def test_a_session_that_was_not_touched_asks_nothing_of_the_store(
    browser: Browsers, written_in_python: Backend
) -> None:
    calls = written_in_python.options["namespace_class"].calls
    visitor = browser(**written_in_python.options)
    visitor.put(name="Ada")
    calls.clear()
    visit = visitor.visit()
    assert calls == []
    assert visit.headers == [("Content-Type", "text/plain")]


def test_a_session_that_was_not_touched_is_not_even_configured(memory: Backend) -> None:
    def application(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", own)
        return [b""]

    own: list[tuple[str, str]] = []
    seen: list[Any] = []
    middleware = SessionMiddleware(application, **memory.options)
    middleware({}, lambda _status, headers, _info=None: seen.append(headers))
    assert seen[0] is own


def test_a_new_session_only_read_stores_nothing_and_sends_no_cookie(
    browser: Browsers, backend: Backend
) -> None:
    visit = browser().visit(lambda session: session.get("name"))
    assert visit.cookies == []
    assert backend.traces() == []


def test_a_new_unsaved_session_stores_nothing_and_sends_no_cookie(
    browser: Browsers, backend: Backend
) -> None:
    visit = browser().visit(lambda session: session.update(name="Ada"))
    assert visit.cookies == []
    assert backend.traces() == []


def test_a_stored_session_sends_no_second_cookie(browser: Browsers) -> None:
    visitor = browser()
    visitor.put(name="Ada")
    assert visitor.visit(lambda session: session["name"]).cookies == []
    assert visitor.put(name="Grace").cookies == []


@pytest.mark.parametrize(
    ("change", "sends"), [("regenerate_id", True), ("invalidate", True), ("revert", False)]
)
def test_a_changed_id_is_sent_without_save(browser: Browsers, change: str, sends: bool) -> None:
    visitor = browser()
    visitor.put(name="Ada")
    visit = visitor.visit(lambda session: getattr(session, change)())
    assert bool(visit.cookies) is sends
    if sends:
        assert visit.value == visit.session.id


def test_a_timeout_that_is_found_on_loading_sends_a_new_cookie(browser: Browsers, clock: Clock) -> None:
    visitor = browser(timeout=60)
    visitor.put(name="Ada")
    old = visitor.id
    clock.advance(61)
    visit = visitor.visit(lambda session: (session.is_new, session.was_invalidated, "name" in session))
    assert visit.result == (True, True, False)
    assert visit.value == visit.session.id != old


def test_vary_says_cookie_when_the_session_was_used(browser: Browsers) -> None:
    visitor = browser()
    assert visitor.visit(lambda session: session.get("name")).header("Vary") == ["Cookie"]
    assert visitor.put(name="Ada").header("Vary") == ["Cookie"]
    assert visitor.visit(lambda session: session["name"]).header("Vary") == ["Cookie"]
    assert visitor.visit().header("Vary") == []


def test_vary_may_be_switched_off(browser: Browsers) -> None:
    for off in (False, "false"):
        visit = browser(vary=off).put(name="Ada")
        assert visit.header("Vary") == []
        assert len(visit.cookies) == 1


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], [("Vary", "Cookie")]),
        ([("Vary", "Accept")], [("Vary", "Accept, Cookie")]),
        ([("vary", "Accept, Accept-Language")], [("vary", "Accept, Accept-Language, Cookie")]),
        ([("Vary", "Cookie")], [("Vary", "Cookie")]),
        ([("VARY", "accept,COOKIE")], [("VARY", "accept,COOKIE")]),
        ([("Vary", "*")], [("Vary", "*")]),
        ([("Vary", "A"), ("Vary", "B")], [("Vary", "A"), ("Vary", "B, Cookie")]),
        ([("Vary", "Cookie"), ("Vary", "B")], [("Vary", "Cookie"), ("Vary", "B")]),
        ([("Vary", "X-Cookie")], [("Vary", "X-Cookie, Cookie")]),
        ([("Vary", "")], [("Vary", ""), ("Vary", "Cookie")]),
    ],
)
def test_vary_is_merged_with_what_the_application_says(memory: Backend, given: Any, sent: Any) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        environ["beaker.session"].get("name")
        start_response("200 OK", [("X-First", "1"), *given, ("X-Last", "1")])
        return [b""]

    seen: list[Any] = []
    middleware = SessionMiddleware(application, **memory.options)
    middleware({}, lambda _status, headers, _info=None: seen.extend(headers))
    assert [(name, value) for name, value in seen if name.lower() == "vary"] == sent
    assert ("X-First", "1") in seen
    assert ("X-Last", "1") in seen


def test_a_morsel_that_the_application_changed_reaches_the_header(browser: Browsers) -> None:
    def work(session: Any) -> None:
        session["name"] = "Ada"
        session.cookie[session.key]["max-age"] = 60
        session._update_cookie_out()
        session.save()

    visitor = browser()
    visit = visitor.visit(work)
    assert visit.cookie == f" {KEY}={visit.session.id}; Max-Age=60; Path=/; SameSite=Lax"
    assert visitor.read() == {"name": "Ada"}


def test_a_signed_morsel_is_sent_signed(browser: Browsers) -> None:
    def work(session: Any) -> None:
        session["name"] = "Ada"
        session.cookie[session.key]["max-age"] = 60
        session._update_cookie_out()
        session.save()

    visitor = browser(secret="a secret of some length")
    visit = visitor.visit(work)
    assert len(visit.value) == 72
    assert "; Max-Age=60; " in visit.cookie
    assert visitor.read() == {"name": "Ada"}


def test_an_application_may_write_its_own_cookie_or_none(browser: Browsers) -> None:
    def own(session: Any) -> None:
        session.save()
        session.request["cookie_out"] = " own=1"

    def none(session: Any) -> None:
        session.regenerate_id()
        session.request["set_cookie"] = False

    visitor = browser()
    assert visitor.visit(own).cookies == [" own=1"]
    assert visitor.visit(none).cookies == []


def test_without_cookies_no_cookie_is_read_or_sent(browser: Browsers, backend: Backend) -> None:
    other = browser()
    other.put(name="Ada")
    visitor = browser(use_cookies=False)
    visit = visitor.visit(lambda session: session.save() or dict(session), cookie=other.jar)
    assert visit.cookies == []
    assert "name" not in visit.result
    assert len(backend.texts()) == 2
