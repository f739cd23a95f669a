"""Classes that derive from `CookieSession`: what they override is called where the original calls it."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from http.cookies import BaseCookie
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning, ConfigurationError
from beaker.middleware import SessionMiddleware
from beaker.session import CookieSession, _ConfigurableSession, _session_id
from tests.conformance.session import hooks
from tests.conformance.session.hooks import names
from tests.support.sessions import KEY, START, Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Clock

    Cookies = Callable[..., Browser]

noting = partial(hooks.noting, CookieSession)


def test_a_session_class_is_taken_whatever_the_type_says(empty_memory: None) -> None:
    visitor = Browser(
        session_class=CookieSession, validate_key="a validation key of the tests, of some length"
    )
    visitor.put(name="Ada")
    assert visitor.jar is not None
    assert len(visitor.jar) > len(KEY) + 41
    assert visitor.read() == {"name": "Ada"}


class WithOwnKeys(CookieSession):
    """A class that takes all options itself, and gives the constructor of ours a key of its own."""

    def __init__(self, request: Any, own_key: str = "", **_options: Any) -> None:
        super().__init__(request, validate_key=own_key)


def test_a_class_that_takes_the_options_itself_needs_no_validate_key(empty_memory: None) -> None:
    visitor = Browser(session_class=WithOwnKeys, own_key="a key of the tests, of some length")
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}
    with pytest.raises(ConfigurationError, match="validate_key"):
        Browser(session_class=WithOwnKeys).put(name="Ada")


class Reversing(CookieSession):
    """A class that calls no constructor of ours but that of the base, as `beaker-session-jwt` does."""

    def __init__(self, request: Any, key: str = KEY, timeout: float | None = None, **_options: Any) -> None:
        _ConfigurableSession.__init__(self, cookie_path="/shop")
        self.clear()
        self.request = request
        self.key = key
        self.timeout = timeout
        self.save_atime = True
        self.samesite = "Strict"
        self.request["set_cookie"] = False
        self.cookie: Any = BaseCookie(request.get("cookie") or "")
        self["_id"] = _session_id()
        self.is_new = True
        if self.key in self.cookie:
            self.is_new = False
            self.update(self._decrypt_data(self.cookie[self.key].value))
            self.accessed_dict = self.copy()
            self._create_cookie()

    def _encrypt_data(self, session_data: Any = None) -> str:
        return json.dumps(session_data or self.copy()).encode().hex()[::-1]

    def _decrypt_data(self, session_data: Any = None) -> Any:
        return json.loads(bytes.fromhex(session_data[::-1]))


def test_a_class_may_construct_sessions_without_our_constructor(empty_memory: None) -> None:
    visitor = Browser(session_class=Reversing)

    def begin(session: Any) -> Any:
        session["name"] = "Ada"
        session.save()
        return session.is_new, session.domain, session.path

    assert visitor.visit(begin).result == (True, None, "/shop")
    assert visitor.jar is not None
    stored = json.loads(bytes.fromhex(visitor.jar.partition("=")[2][::-1]))
    assert (stored["name"], stored["_path"]) == ("Ada", "/shop")
    assert visitor.visit(lambda session: (session["name"], session.is_new, len(session["_id"]))).result == (
        "Ada",
        False,
        32,
    )
    assert "expires=" in visitor.visit(lambda session: session.delete()).cookie


def test_only_what_the_constructor_of_the_base_begins_has_no_key() -> None:
    session: Any = CookieSession({}, validate_key="a validation key of the tests, of some length")
    with pytest.raises(ConfigurationError, match="validate_key"):
        session.validate_key = None
    assert session.validate_key


def test_a_class_that_leaves_the_options_to_the_original_needs_a_validate_key() -> None:
    class Plain(CookieSession):
        pass

    for options in ({"session_class": Plain}, {"session_class": CookieSession}, {"type": "cookie"}):
        with pytest.raises(ConfigurationError, match="validate_key"):
            SessionMiddleware(lambda *_: [], **options)


def test_saving_goes_through_the_hooks(cookies: Cookies) -> None:
    kind = noting(*hooks.OF_COOKIE_SESSION)
    visitor = cookies(session_class=kind)
    visitor.put(name="Ada")
    called = names(kind)
    assert called[:2] == ["clear", "_set_serializer"]
    assert called[2:] == ["save", "_create_cookie", "_encrypt_data", "_set_cookie_expires"]


def test_loading_goes_through_the_hooks_and_creates_the_cookie(cookies: Cookies) -> None:
    kind = noting(*hooks.OF_COOKIE_SESSION)
    visitor = cookies(session_class=kind)
    visitor.put(name="Ada")
    names(kind)

    def work(session: Any) -> list[str]:
        assert session["name"] == "Ada"
        return names(kind)

    at_loading = visitor.visit(work).result
    assert at_loading[:3] == ["clear", "_set_serializer", "_decrypt_data"]
    assert at_loading[3:] == ["_create_cookie", "_encrypt_data", "_set_cookie_expires"]
    assert [call for call in names(kind) if call in {"save", "_create_cookie"}] == ["save", "_create_cookie"]


def test_a_class_without_its_own_create_cookie_encodes_once(cookies: Cookies) -> None:
    kind = noting("_encrypt_data")
    visitor = cookies(session_class=kind)
    visitor.put(name="Ada")
    names(kind)
    visitor.read()
    assert names(kind) == ["_encrypt_data"]


def test_an_override_of_the_making_of_the_cookie_may_add_to_it(cookies: Cookies) -> None:
    class Own(CookieSession):
        def _create_cookie(self) -> None:
            self["made"] = self.get("made", 0) + 1
            super()._create_cookie()
            self.request["cookie_out"] += "; Priority=High"

    visitor = cookies(session_class=Own)
    assert visitor.put(name="Ada").cookie.endswith("; Path=/; SameSite=Lax; Priority=High")
    assert visitor.read()["made"] >= 1


def test_an_override_makes_the_cookie_of_a_replacement_session(cookies: Cookies, clock: Clock) -> None:
    class Own(CookieSession):
        def _create_cookie(self) -> None:
            super()._create_cookie()
            self.request["cookie_out"] += "; Priority=High"

    visitor = cookies(session_class=Own, timeout=60)
    visitor.put(name="Ada")
    assert visitor.visit(lambda session: session.invalidate()).cookie.endswith("; Priority=High")
    clock.advance(61)
    assert visitor.visit(lambda session: session.is_new).cookie.endswith("; Priority=High")


@pytest.mark.parametrize("overridden", ["_encrypt_data", "_decrypt_data"])
def test_one_way_of_the_text_may_be_overridden_without_the_other(
    cookies: Cookies, encoding: dict[str, Any], overridden: str
) -> None:
    kind = noting(overridden)
    visitor = cookies(session_class=kind, **encoding)
    visitor.put(name="Ada", nested=[1])
    visitor.visit(lambda session: session["nested"].append(2))
    assert visitor.read() == {"name": "Ada", "nested": [1, 2]}
    assert names(kind)


def test_an_override_sets_the_expiry_at_each_use(cookies: Cookies, clock: Clock) -> None:
    class Own(CookieSession):
        def _set_cookie_expires(self, expires: Any) -> Any:
            return super()._set_cookie_expires(60 if expires is None else expires)

    visitor = cookies(session_class=Own)
    visitor.put(name="Ada")
    clock.advance(1)
    assert "; expires=Tue, 14-Nov-2023 22:14:21 GMT; " in visitor.visit(dict).cookie


def test_an_override_may_set_the_expiry_of_each_session(cookies: Cookies, clock: Clock) -> None:
    class Own(CookieSession):
        def _set_cookie_expires(self, expires: Any) -> Any:
            if self.get("remember"):
                expires = datetime.fromtimestamp(START + 86_400)  # noqa: DTZ006 - as applications do
            return super()._set_cookie_expires(expires)

    visitor = cookies(session_class=Own)
    assert "expires=" not in visitor.put(name="Ada").cookie
    assert "expires=" in visitor.put(remember=True).cookie


def test_an_override_may_change_the_morsel(cookies: Cookies) -> None:
    class Own(CookieSession):
        def _set_cookie_expires(self, expires: Any) -> Any:
            self.cookie[self.key]["comment"] = "mine"
            self.cookie[self.key]["partitioned"] = self.cookie[self.key]["secure"] = True
            return super()._set_cookie_expires(expires)

    visitor = cookies(session_class=Own)
    assert visitor.put(name="Ada").cookie.endswith(
        "; Comment=mine; Partitioned; Path=/; SameSite=Lax; Secure"
    )
    assert visitor.read() == {"name": "Ada"}


def test_a_corrupt_cookie_is_replaced_through_invalidate(cookies: Cookies) -> None:
    kind = noting("invalidate")
    with pytest.warns(BeakerWarning, match="Invalid signature"):
        cookies(session_class=kind).visit(lambda session: session.id, cookie=f"{KEY}=bad")
    assert names(kind) == ["invalidate"]
