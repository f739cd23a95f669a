"""Classes that derive from `CookieSession`: what they override is called where the original calls it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning
from beaker.session import CookieSession
from tests.conformance.session import hooks
from tests.conformance.session.hooks import names
from tests.support.sessions import KEY, START, Browser, Literals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Clock

    Cookies = Callable[..., Browser]

HOOKS = (
    "load",
    "save",
    "clear",
    "delete",
    "invalidate",
    "_create_cookie",
    "_delete_cookie",
    "_set_cookie_expires",
    "_update_cookie_out",
    "_set_serializer",
    "_encrypt_data",
    "_decrypt_data",
)


noting = partial(hooks.noting, CookieSession)


def test_a_session_class_behaves_as_the_session_does(cookies: Cookies, encoding: dict[str, Any]) -> None:
    kind = noting(*HOOKS)
    visitor = cookies(session_class=kind, **encoding)
    visit = visitor.put(name="Ada", nested=[1])
    assert isinstance(visit.session._session(), kind)
    assert visit.cookie.endswith("; Path=/; SameSite=Lax")
    visitor.visit(lambda session: session["nested"].append(2))
    assert visitor.read() == {"name": "Ada", "nested": [1, 2]}
    visitor.visit(lambda session: session.regenerate_id())
    assert visitor.read() == {"name": "Ada", "nested": [1, 2]}
    visitor.visit(lambda session: session.delete())
    visitor.jar = None
    assert visitor.read() == {}


def test_a_session_class_is_taken_whatever_the_type_says(empty_memory: None) -> None:
    visitor = Browser(
        session_class=CookieSession, validate_key="a validation key of the tests, of some length"
    )
    visitor.put(name="Ada")
    assert visitor.jar is not None
    assert len(visitor.jar) > len(KEY) + 41
    assert visitor.read() == {"name": "Ada"}


def test_saving_goes_through_the_hooks(cookies: Cookies) -> None:
    kind = noting(*HOOKS)
    visitor = cookies(session_class=kind)
    visitor.put(name="Ada")
    called = names(kind)
    assert called[:2] == ["clear", "_set_serializer"]
    assert called[2:] == ["save", "_create_cookie", "_encrypt_data", "_set_cookie_expires"]


def test_loading_goes_through_the_hooks_and_creates_the_cookie(cookies: Cookies) -> None:
    kind = noting(*HOOKS)
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


def test_save_tells_an_override_whether_only_the_access_is_stored(cookies: Cookies) -> None:
    kind = noting("save")
    visitor = cookies(session_class=kind)
    visitor.put(name="Ada")
    visitor.read()
    assert kind.calls == [("save", {}), ("save", {"accessed_only": True})]


def test_a_class_that_does_not_override_the_making_of_the_cookie_encodes_once(cookies: Cookies) -> None:
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


def test_an_override_makes_the_cookie_of_a_session_that_takes_the_place_of_another(
    cookies: Cookies, clock: Clock
) -> None:
    class Own(CookieSession):
        def _create_cookie(self) -> None:
            super()._create_cookie()
            self.request["cookie_out"] += "; Priority=High"

    visitor = cookies(session_class=Own, timeout=60)
    visitor.put(name="Ada")
    assert visitor.visit(lambda session: session.invalidate()).cookie.endswith("; Priority=High")
    clock.advance(61)
    assert visitor.visit(lambda session: session.is_new).cookie.endswith("; Priority=High")


def test_load_may_add_to_what_was_loaded(cookies: Cookies) -> None:
    class Own(CookieSession):
        def load(self) -> None:
            super().load()
            self["loaded"] = True

    visitor = cookies(session_class=Own)
    visitor.put(name="Ada")

    def work(session: Any) -> bool:
        session.load()
        return bool(session["loaded"])

    assert visitor.visit(work).result is True


def test_save_may_change_what_is_saved(cookies: Cookies) -> None:
    class Own(CookieSession):
        def save(self, accessed_only: bool = False) -> None:
            if not accessed_only:
                self["saves"] = self.get("saves", 0) + 1
            super().save(accessed_only)

    visitor = cookies(session_class=Own)
    visitor.put(name="Ada")
    visitor.put(name="Grace")
    assert visitor.read() == {"name": "Grace", "saves": 2}


def test_an_override_may_encode_in_a_way_of_its_own(cookies: Cookies) -> None:
    class Own(CookieSession):
        def _encrypt_data(self, session_data: Any = None) -> str:
            return "own." + super()._encrypt_data(session_data)[::-1]

        def _decrypt_data(self, session_data: Any) -> Any:
            text = session_data if isinstance(session_data, str) else session_data.decode()
            assert text.startswith("own.")
            return super()._decrypt_data(text[4:][::-1])

    visitor = cookies(session_class=Own)
    visitor.put(name="Ada", nested=[1])
    visitor.visit(lambda session: session["nested"].append(2))
    assert visitor.read() == {"name": "Ada", "nested": [1, 2]}


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


def test_an_override_may_change_the_expiry(cookies: Cookies, clock: Clock) -> None:
    class Own(CookieSession):
        def _set_cookie_expires(self, expires: Any) -> Any:
            return super()._set_cookie_expires(60 if expires is None else expires)

    visitor = cookies(session_class=Own)
    assert "; expires=Tue, 14-Nov-2023 22:14:20 GMT; " in visitor.put(name="Ada").cookie
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


def test_an_override_may_choose_the_serializer(cookies: Cookies) -> None:
    own = Literals()

    class Own(CookieSession):
        def _set_serializer(self, data_serializer: Any) -> None:
            super()._set_serializer(own)

    visitor = cookies(session_class=Own)
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}
    assert own.dumped >= 1
    assert own.loaded >= 1


def test_an_override_may_decline_to_delete_the_cookie(cookies: Cookies) -> None:
    class Own(CookieSession):
        def _delete_cookie(self) -> None:
            self.request["set_cookie"] = False

    visitor = cookies(session_class=Own)
    visitor.put(name="Ada")
    assert visitor.visit(lambda session: session.delete()).cookies == []


def test_a_corrupt_cookie_is_replaced_through_invalidate(cookies: Cookies) -> None:
    kind = noting("invalidate")
    with pytest.warns(BeakerWarning, match="Invalid signature"):
        cookies(session_class=kind).visit(lambda session: session.id, cookie=f"{KEY}=bad")
    assert names(kind) == ["invalidate"]


def test_a_subclass_may_have_a_constructor_and_attributes(cookies: Cookies) -> None:
    class Own(CookieSession):
        def __init__(self, request: Any, **options: Any) -> None:
            self.early = 1
            super().__init__(request, **options)
            self.late = 2

    def work(session: Any) -> tuple[int, int]:
        session.mark = 3
        return session.early, session.late

    assert cookies(session_class=Own).visit(work).result == (1, 2)
