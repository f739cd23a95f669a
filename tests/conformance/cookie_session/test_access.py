"""When the cookie is sent: by each request that used the session, unless access times are not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.cookie_session.plain import content_of, made
from tests.support.sessions import COOKIE, START, Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Clock

    Cookies = Callable[..., Browser]


def test_a_read_sends_the_cookie_with_the_access_time(clock: Clock) -> None:
    visitor = Browser(COOKIE)
    visitor.put(name="Ada")
    clock.advance(33.25)
    assert len(visitor.visit(lambda session: session["name"]).cookies) == 1
    content = content_of(visitor.jar)
    assert (content["_accessed_time"], content["_creation_time"]) == (START + 33.25, START)
    assert content["name"] == "Ada"


def test_a_request_that_does_not_use_the_session_sends_nothing(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")
    visit = visitor.visit()
    assert visit.cookies == []
    assert visit.header("vary") == []


def test_last_accessed_is_the_previous_access(cookies: Cookies, clock: Clock) -> None:
    visitor = cookies()
    visitor.put(name="Ada")
    for _ in range(3):
        before = clock.now
        clock.advance(10)

        def work(session: Any) -> tuple[Any, ...]:
            return session.last_accessed, session["_accessed_time"]

        assert visitor.visit(work).result == (before, clock.now)


@pytest.mark.parametrize("work", [dict, lambda session: session["cart"].append("pear"), lambda s: s.id])
def test_without_access_times_a_read_sends_nothing(
    cookies: Cookies, clock: Clock, work: Callable[[Any], Any]
) -> None:
    visitor = cookies(save_accessed_time=False)
    visitor.put(cart=["apple"])
    clock.advance(10)
    assert visitor.visit(work).cookies == []
    assert visitor.read() == {"cart": ["apple"]}
    assert visitor.visit(lambda session: session.last_accessed).result == START


def test_without_access_times_what_is_saved_is_sent(cookies: Cookies) -> None:
    visitor = cookies(save_accessed_time=False)
    visitor.put(name="Ada")
    assert len(visitor.put(name="Grace").cookies) == 1
    assert visitor.read() == {"name": "Grace"}


def test_with_auto_every_change_is_sent(cookies: Cookies) -> None:
    visitor = cookies(auto=True)
    assert len(visitor.visit(lambda session: session.update(one=1)).cookies) == 1
    assert len(visitor.visit(lambda session: session.update(two=2)).cookies) == 1
    assert visitor.read() == {"one": 1, "two": 2}


def test_save_alone_sends_the_cookie(cookies: Cookies) -> None:
    visitor = cookies()
    assert len(visitor.visit(lambda session: session.save()).cookies) == 1
    assert visitor.visit(lambda session: session.is_new).result is False


def test_one_cookie_is_sent_however_often_a_request_saves(cookies: Cookies) -> None:
    def work(session: Any) -> None:
        for number in range(3):
            session["number"] = number
            session.save()
            session._session().save()

    visitor = cookies()
    assert len(visitor.visit(work).cookies) == 1
    assert visitor.read() == {"number": 2}


def test_an_unsaved_change_is_not_in_the_cookie_that_a_read_sends(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(one=1, two=2)

    def work(session: Any) -> None:
        session["one"] = "changed"
        session["three"] = "new"
        del session["two"]

    assert len(visitor.visit(work).cookies) == 1
    assert visitor.read() == {"one": 1, "two": 2}


def test_a_change_in_place_is_in_the_cookie_that_a_read_sends(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(user={"roles": ["reader"]}, name="Ada")

    def work(session: Any) -> None:
        session["user"]["roles"].append("writer")
        session["name"] = "Grace"

    visitor.visit(work)
    assert visitor.read() == {"user": {"roles": ["reader", "writer"]}, "name": "Ada"}


def test_a_cookie_of_the_original_keeps_its_format(clock: Clock) -> None:
    visitor = Browser(COOKIE)
    clock.advance(5)
    visit = visitor.visit(dict, cookie=made(name="Ada"))
    assert visit.result["name"] == "Ada"
    content = content_of(visitor.jar)
    assert content == {
        "_domain": None,
        "_path": "/",
        "_id": visit.result["_id"],
        "_creation_time": START,
        "_accessed_time": START + 5,
        "name": "Ada",
    }


def test_a_session_that_has_timed_out_is_replaced_at_once(cookies: Cookies, clock: Clock) -> None:
    visitor = cookies(timeout=60)
    visitor.put(name="Ada")
    old = visitor.visit(lambda session: session.id).result
    clock.advance(61)

    def work(session: Any) -> tuple[Any, ...]:
        return session.is_new, session.was_invalidated, session.last_accessed, session.created, session.id

    visit = visitor.visit(work)
    *state, new = visit.result
    assert state == [True, True, None, clock.now]
    assert new != old
    assert len(visit.cookies) == 1
    assert visitor.read() == {}
    assert visitor.visit(lambda session: session.id).result == new


def test_a_session_lives_up_to_its_timeout(cookies: Cookies, clock: Clock) -> None:
    visitor = cookies(timeout=60)
    visitor.put(name="Ada")
    clock.advance(60)
    assert visitor.read() == {"name": "Ada"}
    stolen = visitor.jar
    clock.advance(60.5)
    assert visitor.read() == {}
    visitor.put(name="Grace")
    assert visitor.visit(dict, cookie=stolen).result.get("name") is None


def test_the_response_depends_on_the_cookie(cookies: Cookies) -> None:
    visitor = cookies()
    assert visitor.visit(dict).header("vary") == ["Cookie"]
    assert visitor.put(name="Ada").header("vary") == ["Cookie"]


def test_the_cookie_has_the_attributes_of_the_options(cookies: Cookies, clock: Clock) -> None:
    visitor = cookies(
        cookie_domain="example.org",
        cookie_path="/app",
        cookie_expires=60,
        httponly=True,
        secure=True,
        samesite="Strict",
    )
    expected = (
        "; Domain=example.org; expires=Tue, 14-Nov-2023 22:14:20 GMT; HttpOnly; Path=/app; "
        "SameSite=Strict; Secure"
    )
    assert visitor.put(name="Ada").cookie.endswith(expected)
    assert visitor.visit(dict).cookie.endswith(expected)
