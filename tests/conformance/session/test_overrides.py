"""Subclasses of either session class: an override is called where Beaker calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import CorruptSessionError
from beaker.session import CookieSession, Session
from tests.conformance.session import hooks
from tests.support.fixtures import COOKIES
from tests.support.sessions import KEY, Browser, Literals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock


@dataclass
class Kind:
    """A kind of session: the class to derive from, and browsers of an application that uses it."""

    base: Any
    browser: Callable[..., Browser]


@pytest.fixture
def kind(request: pytest.FixtureRequest, visitors: Callable[..., Browser]) -> Kind:
    """Each kind of session, on each store and in each format of cookies."""
    return Kind(CookieSession if request.node.callspec.params["visitors"] in COOKIES else Session, visitors)


def test_a_subclass_works_as_its_base_does(kind: Kind, encoding: dict[str, Any]) -> None:
    overridden = hooks.OF_COOKIE_SESSION if kind.base is CookieSession else hooks.OF_SESSION
    noting = hooks.noting(kind.base, *overridden)
    visitor = kind.browser(session_class=noting, **encoding)
    visit = visitor.put(name="Ada", nested=[1])
    assert isinstance(visit.session._session(), noting)
    assert visit.cookie.startswith(f" {KEY}=")
    assert visit.cookie.endswith("; Path=/; SameSite=Lax")
    visitor.visit(lambda session: session["nested"].append(2))
    assert visitor.read() == {"name": "Ada", "nested": [1, 2]}
    visitor.visit(lambda session: session.regenerate_id())
    assert visitor.read() == {"name": "Ada", "nested": [1, 2]}
    visitor.visit(lambda session: session.delete())
    assert visitor.read() == {}


def test_an_overridden_save_learns_if_only_the_access_is_stored(kind: Kind) -> None:
    noting = hooks.noting(kind.base, "save")
    visitor = kind.browser(session_class=noting)
    visitor.put(name="Ada")
    visitor.read()
    assert noting.calls == [("save", {}), ("save", {"accessed_only": True})]


def test_load_may_add_to_the_session(kind: Kind) -> None:
    class Own(kind.base):  # type: ignore[misc,name-defined]
        def load(self) -> None:
            super().load()
            self["loaded"] = True

    visitor = kind.browser(session_class=Own)
    visitor.put(name="Ada")

    def work(session: Any) -> tuple[Any, ...]:
        session.load()
        return session["name"], session["loaded"]

    assert visitor.visit(work).result == ("Ada", True)


def test_save_may_change_the_session(kind: Kind) -> None:
    class Own(kind.base):  # type: ignore[misc,name-defined]
        def save(self, accessed_only: bool = False) -> None:
            if not accessed_only:
                self["saves"] = self.get("saves", 0) + 1
            super().save(accessed_only)

    visitor = kind.browser(session_class=Own)
    visitor.put(name="Ada")
    visitor.put(name="Grace")
    assert visitor.read() == {"name": "Grace", "saves": 2}


def test_an_override_may_encode_in_its_own_way(kind: Kind) -> None:
    texts: list[str] = []

    class Own(kind.base):  # type: ignore[misc,name-defined]
        def _encrypt_data(self, session_data: Any = None) -> str:
            return f"own.{super()._encrypt_data(session_data)[::-1]}"

        def _decrypt_data(self, session_data: Any) -> Any:
            text = session_data if isinstance(session_data, str) else session_data.decode()
            texts.append(text)
            return super()._decrypt_data(text[4:][::-1])

    visitor = kind.browser(session_class=Own)
    visitor.put(name="Ada", nested=[1])
    visitor.visit(lambda session: session["nested"].append(2))
    assert visitor.read() == {"name": "Ada", "nested": [1, 2]}
    assert texts
    assert all(text.startswith("own.") for text in texts)


def test_an_override_may_change_the_expiry(kind: Kind, clock: Clock) -> None:
    class Own(kind.base):  # type: ignore[misc,name-defined]
        def _set_cookie_expires(self, expires: Any) -> Any:
            return super()._set_cookie_expires(60 if expires is None else expires)

    visit = kind.browser(session_class=Own).put(name="Ada")
    assert "; expires=Tue, 14-Nov-2023 22:14:20 GMT; " in visit.cookie


def test_an_override_may_choose_the_serializer(kind: Kind) -> None:
    own = Literals()

    class Own(kind.base):  # type: ignore[misc,name-defined]
        def _set_serializer(self, data_serializer: Any) -> None:
            super()._set_serializer(own)

    visitor = kind.browser(session_class=Own)
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}
    assert own.dumped >= 1
    assert own.loaded >= 1


def test_an_override_may_decline_to_delete_the_cookie(kind: Kind) -> None:
    class Own(kind.base):  # type: ignore[misc,name-defined]
        def _delete_cookie(self) -> None:
            self.request["set_cookie"] = False

    visitor = kind.browser(session_class=Own)
    visitor.put(name="Ada")
    assert visitor.visit(lambda session: session.delete()).cookies == []


def test_a_subclass_may_have_its_own_constructor_and_attributes(kind: Kind) -> None:
    class Own(kind.base):  # type: ignore[misc,name-defined]
        def __init__(self, request: Any, **options: Any) -> None:
            self.early = 1
            super().__init__(request, **options)
            self.late = 2

    def work(session: Any) -> tuple[int, int, int]:
        session.mark = 3
        return session.early, session.late, session.mark

    assert kind.browser(session_class=Own).visit(work).result == (1, 2, 3)


@pytest.mark.parametrize("grace", [{}, {"destroy_old": "grace:30"}])
@pytest.mark.parametrize(
    ("ends", "name"),
    [
        ("invalidate", "clear"),
        ("invalidate", "_create_id"),
        ("invalidate", "load"),
        ("delete", "_delete_cookie"),
        ("delete", "clear"),
    ],
)
def test_an_end_raises_the_error_of_an_overridden_method(
    memory: Backend, ends: str, name: str, grace: dict[str, Any]
) -> None:
    fails = False

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if fails:
            raise CorruptSessionError(name)
        return getattr(Session, name)(self, *args, **kwargs)

    session = type("Failing", (Session,), {name: method})({}, **memory.options, **grace)
    session.save()
    fails = True
    with pytest.raises(CorruptSessionError, match=name):
        getattr(session, ends)()
    assert memory.texts() == {}
