"""The methods of a cookie session."""

from __future__ import annotations

import re
from http.cookies import Morsel
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, BeakerWarning
from beaker.session import CookieSession, Session
from tests.support.sessions import COOKIE, KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Browser, Clock

    Cookies = Callable[..., Browser]

ID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")


def seen(session: Any) -> tuple[Any, ...]:
    return session.is_new, session.was_invalidated, session.last_accessed


def test_the_session_is_a_session_and_a_dict(cookies: Cookies) -> None:
    session = cookies().visit(lambda session: session._session()).result
    assert type(session) is CookieSession
    assert issubclass(CookieSession, Session)
    assert isinstance(session, dict)


def test_a_new_session_that_is_only_read_or_changed_sends_nothing(cookies: Cookies) -> None:
    visitor = cookies()
    assert visitor.visit().cookies == []
    assert visitor.visit(lambda session: session.get("name")).cookies == []
    assert visitor.visit(lambda session: session.update(name="Ada")).cookies == []
    assert visitor.read() == {}


def test_an_id_goes_with_the_session(cookies: Cookies) -> None:
    visitor = cookies()
    first = visitor.visit(lambda session: (session.id, session.save())).result[0]
    assert ID.fullmatch(first)
    again = visitor.visit(lambda session: (session.id, session["_id"])).result
    assert again == (first, first)


def test_the_beginning_of_a_session_stays(cookies: Cookies, clock: Clock) -> None:
    visitor = cookies()
    began = clock.now
    visitor.put(name="Ada")
    for _ in range(3):
        clock.advance(10)
        visitor.put(more=clock.now)
        assert visitor.visit(lambda session: session.created).result == began


def test_regenerate_id_keeps_the_data_under_a_new_id(cookies: Cookies, clock: Clock) -> None:
    visitor = cookies()
    visitor.put(name="Ada")
    old, began = visitor.visit(lambda session: (session.id, session.created)).result
    clock.advance(10)

    def work(session: Any) -> tuple[Any, ...]:
        session.regenerate_id()
        return session.id, session.is_new, dict(session)["name"]

    new, is_new, name = visitor.visit(work).result
    assert ID.fullmatch(new)
    assert new != old
    assert (is_new, name) == (False, "Ada")
    assert visitor.visit(lambda session: (session.id, session.created)).result == (new, began)
    assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize("keeps_time", [True, False])
def test_regenerate_id_needs_no_save_and_saves_no_other_change(cookies: Cookies, keeps_time: bool) -> None:
    visitor = cookies(save_accessed_time=keeps_time)
    visitor.put(name="Ada")

    def work(session: Any) -> str:
        session.regenerate_id()
        session["level"] = "admin"
        return str(session.id)

    visit = visitor.visit(work)
    assert len(visit.cookies) == 1
    assert visitor.visit(lambda session: session.id).result == visit.result
    assert visitor.read() == {"name": "Ada"}


def test_a_save_after_regenerate_id_is_kept(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")

    def work(session: Any) -> str:
        session.regenerate_id()
        session["level"] = "admin"
        session.save()
        return str(session.id)

    new = visitor.visit(work).result
    assert visitor.read() == {"name": "Ada", "level": "admin"}
    assert visitor.visit(lambda session: session.id).result == new


@pytest.mark.parametrize("keeps_time", [True, False])
def test_invalidate_begins_an_empty_session_without_save(cookies: Cookies, keeps_time: bool) -> None:
    visitor = cookies(save_accessed_time=keeps_time)
    visitor.put(name="Ada")
    old = visitor.visit(lambda session: session.id).result

    def work(session: Any) -> tuple[Any, ...]:
        session.invalidate()
        return session.id, "name" in session, seen(session)

    visit = visitor.visit(work)
    new, has_name, state = visit.result
    assert new != old
    assert not has_name
    assert state == (True, True, None)
    assert len(visit.cookies) == 1
    assert visitor.read() == {}
    assert visitor.visit(lambda session: session.id).result == new


def test_a_change_after_invalidate_is_kept(cookies: Cookies, clock: Clock) -> None:
    visitor = cookies()
    visitor.put(name="Ada")
    clock.advance(10)

    def work(session: Any) -> None:
        session.invalidate()
        session["name"] = "Grace"
        session.save()

    visitor.visit(work)
    assert visitor.read() == {"name": "Grace"}
    assert visitor.visit(lambda session: session.created).result == clock.now


@pytest.mark.parametrize("keeps_time", [True, False])
def test_delete_takes_the_cookie_from_the_browser_without_save(
    cookies: Cookies, clock: Clock, keeps_time: bool
) -> None:
    visitor = cookies(save_accessed_time=keeps_time)
    visitor.put(name="Ada")

    def work(session: Any) -> dict[str, Any]:
        session.delete()
        return dict(session)

    visit = visitor.visit(work)
    assert visit.cookie == f" {KEY}=; expires=Mon, 14-Nov-2022 22:13:20 GMT; Path=/; SameSite=Lax"
    assert "name" not in visit.result
    assert visitor.visit(seen).result == (True, False, None)


def test_a_deleted_session_is_not_sent_by_a_later_save(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session.delete()
        session["name"] = "Grace"
        session.save()
        session._session().save()

    with pytest.warns(BeakerWarning, match="was deleted in this request"):
        visit = visitor.visit(work)
    assert visit.cookie.startswith(f" {KEY}=; expires=")


def test_a_deleted_session_does_not_go_out_under_a_new_id(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session.delete()
        session.regenerate_id()
        session.save()

    assert visitor.visit(work).cookie.startswith(f" {KEY}=; expires=")


def test_a_new_session_may_be_deleted(cookies: Cookies) -> None:
    visitor = cookies()
    visit = visitor.visit(lambda session: session.delete())
    assert all(cookie.startswith(f" {KEY}=; expires=") for cookie in visit.cookies)
    assert visitor.read() == {}


def test_deleting_uses_the_domain_and_the_path_of_the_cookie(cookies: Cookies) -> None:
    visitor = cookies(cookie_domain="example.org", cookie_path="/app", secure=True)
    visitor.put(name="Ada")
    visit = visitor.visit(lambda session: session.delete())
    assert "; Domain=example.org; expires=" in visit.cookie
    assert visit.cookie.endswith("; Path=/app; SameSite=Lax; Secure")


def test_an_ending_cookie_has_the_scope_of_its_session(cookies: Cookies, clock: Clock) -> None:
    def begin(session: Any) -> None:
        session.domain, session.path = "example.org", "/app"
        session.save()

    for work in (lambda session: session.invalidate(), lambda session: session.delete(), dict):
        visitor = cookies(timeout=60)
        visitor.visit(begin)
        clock.advance(61 if work is dict else 0)
        cookie = visitor.visit(work).cookie
        assert "; Domain=example.org; " in cookie
        assert "; Path=/app; " in cookie


def test_revert_goes_back_to_what_the_cookie_had(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session["name"] = "Grace"
        session["more"] = 1
        session.revert()
        session.save()

    visitor.visit(work)
    assert visitor.read() == {"name": "Ada"}


def test_load_reads_the_cookie_again(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")

    def work(session: Any) -> tuple[Any, ...]:
        session["name"] = "Grace"
        session["more"] = 1
        session.load()
        return session["name"], "more" in session, session.is_new

    assert visitor.visit(work).result == ("Ada", False, False)


def test_clear_keeps_domain_and_path_and_the_next_save_the_rest(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")

    def work(session: Any) -> tuple[Any, ...]:
        session.clear()
        content = dict(session)
        session.save()
        return content["_domain"], content["_path"], "name" in content

    assert visitor.visit(work).result == (None, "/", False)
    assert visitor.read() == {}
    assert visitor.visit(lambda session: session.is_new).result is False


def test_the_domain_and_the_path_go_into_the_cookie_and_with_it(cookies: Cookies) -> None:
    visitor = cookies()

    def work(session: Any) -> None:
        session.domain = "example.org"
        session.path = "/app"
        session.save()

    assert visitor.visit(work).cookie.endswith("; Domain=example.org; Path=/app; SameSite=Lax")
    again = visitor.visit(lambda session: (session.domain, session.path, session["_domain"]))
    assert again.result == ("example.org", "/app", "example.org")
    assert again.cookie.endswith("; Domain=example.org; Path=/app; SameSite=Lax")


@pytest.mark.parametrize("value", ["/\r\nX-Evil: 1", "/;Secure", "/\0"])
def test_a_domain_or_path_that_would_break_the_header_is_refused(cookies: Cookies, value: str) -> None:
    for name in ("_domain", "_path"):

        def work(session: Any, name: str = name) -> None:
            session[name] = value
            with pytest.raises(BeakerException):
                session._session().save()

        assert cookies().visit(work).cookies == []


def test_there_is_no_record_to_name_to_lock_or_to_look_up(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        with pytest.raises(AttributeError):
            session.namespace  # noqa: B018
        assert not hasattr(session, "namespace")
        for call in (session.lock, session.unlock, lambda: session.get_by_id(session.id)):
            with pytest.raises(BeakerException):
                call()

    visitor.visit(work)
    assert visitor.read() == {"name": "Ada"}


def test_nothing_is_kept_on_the_server(cookies: Cookies, empty_memory: None, tmp_path: Any) -> None:
    visitor = cookies(data_dir=str(tmp_path / "sessions"))
    visitor.put(name="Ada")
    visitor.read()
    assert list(tmp_path.iterdir()) == []


def test_the_cookie_of_a_session_is_a_morsel(cookies: Cookies) -> None:
    def work(session: Any) -> tuple[Any, ...]:
        session["name"] = "Ada"
        session._session().save()
        morsel = session.cookie[session.key]
        return morsel.key, morsel["path"], morsel["samesite"], isinstance(morsel, Morsel)

    assert cookies().visit(work).result == (KEY, "/", "Lax", True)


def test_each_session_of_a_browser_needs_a_key() -> None:
    options = {**COOKIE, "validate_key": None}
    with pytest.raises(BeakerException, match="validate_key"):
        CookieSession({}, **{name: value for name, value in options.items() if name != "type"})
