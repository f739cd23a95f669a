"""Programs put classes of their own in place of Beaker's, and subclasses make their session themselves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import beaker.middleware
import beaker.session
from beaker.session import CookieSession, Session, SessionObject
from tests.support.sessions import COOKIE, Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]

MIDDLEWARE: Any = beaker.middleware
SESSION: Any = beaker.session


class Counting(SessionObject):
    """Counts how often it was asked for its session."""

    def _session(self) -> Session:
        self.__dict__["asked"] = self.__dict__.get("asked", 0) + 1
        return super()._session()


class Plain(dict[str, Any]):
    """A session that is none of ours."""

    def __init__(self, request: dict[str, Any], **options: Any) -> None:
        request.update(set_cookie=True, cookie_out="plain=1")
        self.options = options
        self.saved: list[bool] = []
        self.is_new = False

    def save(self, accessed_only: bool = False) -> None:
        self.saved.append(accessed_only)

    def delete(self) -> None:
        self.clear()


FIELDS = ["_sess", "_headers", "_params", "_environ"]


def test_reading_the_private_fields_makes_no_session(backend: Backend) -> None:
    environ: dict[str, Any] = {"HTTP_COOKIE": "a=b"}
    for own in (SessionObject, Counting):
        proxy: Any = own(environ, **backend.options)
        assert proxy._sess is None
        assert proxy._headers == {}
        assert proxy._params == backend.options
        assert proxy._environ is environ
        assert not proxy.accessed()
        assert proxy._session() is proxy._sess
        assert proxy._headers["cookie"] == "a=b"
        for name in FIELDS:
            assert getattr(proxy, name) is proxy.__dict__[name]


def test_whether_a_session_is_to_be_saved_is_an_attribute_once_it_is(backend: Backend) -> None:
    proxy: Any = SessionObject({}, **backend.options)
    with pytest.raises(AttributeError):
        proxy._dirty  # noqa: B018
    proxy.save()
    assert proxy._dirty is True


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_is_assigned_to_is_the_sessions(visitors: Browsers, name: str) -> None:
    def work(session: Any) -> tuple[Any, ...]:
        session["name"] = "Ada"
        before = getattr(session, name)
        setattr(session, name, "mine")
        seen = getattr(session, name) is before, session._session().__dict__[name]
        delattr(session, name)
        return (*seen, hasattr(session._session(), name), session["name"])

    assert visitors().visit(work).result == (True, "mine", False, "Ada")


def test_an_entry_of_the_instance_dictionary_is_an_attribute(visitors: Browsers) -> None:
    def work(session: Any) -> Any:
        session.__dict__["mark"] = "mine"
        return session.mark

    assert visitors().visit(work).result == "mine"


def test_the_fields_of_a_request_are_attributes(visitors: Browsers) -> None:
    visitor = visitors()
    visitor.put(name="Ada")
    sent = visitor.jar

    def work(session: Any) -> tuple[Any, ...]:
        before = session._sess
        session["name"]
        return before, session._environ["HTTP_COOKIE"], session._headers["cookie"], session._params["key"]

    assert visitor.visit(work).result == (None, sent, sent, "beaker.session.id")


def test_an_overridden_session_method_is_asked_each_time(backend: Backend) -> None:
    proxy: Any = Counting({}, **backend.options)
    works: list[Callable[[], Any]] = [
        lambda: proxy["name"],
        lambda: "name" in proxy,
        lambda: list(proxy),
        lambda: len(proxy),
        lambda: repr(proxy),
        lambda: proxy.get("name"),
        proxy.keys,
        lambda: proxy.id,
        lambda: setattr(proxy, "mark", 1),
        lambda: proxy.update(other=1),
        proxy.persist,
        proxy.delete,
    ]
    proxy["name"] = "Ada"
    for work in works:
        before = proxy.asked
        work()
        assert proxy.asked > before


def test_the_session_of_a_subclass_may_be_of_any_class() -> None:
    class Own(SessionObject):
        def _session(self) -> Any:
            if self.__dict__["_sess"] is None:
                self.__dict__["_sess"] = Plain(self.__dict__["_headers"], **self.__dict__["_params"])
            return self.__dict__["_sess"]

    proxy: Any = Own({}, type="memory")
    proxy["name"] = "Ada"
    proxy.persist()
    proxy.save()
    proxy.persist()
    assert proxy.saved == [True, False]
    proxy.delete()
    assert dict(proxy) == {}


def test_a_proxy_of_a_programs_own_takes_the_place_of_ours(
    visitors: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    class Own(SessionObject):
        def accessed(self) -> bool:
            steps.append("accessed")
            return super().accessed()

        def persist(self) -> None:
            steps.append("persist")
            super().persist()

    visitor = visitors()
    monkeypatch.setattr(MIDDLEWARE, "SessionObject", Own)
    visit = visitor.put(name="Ada")
    assert type(visit.session) is Own
    assert steps == ["accessed", "persist"]
    assert visitor.read() == {"name": "Ada"}
    monkeypatch.undo()
    assert type(visitor.visit().session) is SessionObject


def test_a_proxy_need_not_be_one_of_ours(memory: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    class Own:
        def __init__(self, environ: Any, **options: Any) -> None:
            self.options = options
            self._headers: dict[str, Any] = {"set_cookie": True, "cookie_out": "own=1"}

        def accessed(self) -> bool:
            return True

        def persist(self) -> None:
            self._headers["cookie_out"] += "; Path=/"

    monkeypatch.setattr(MIDDLEWARE, "SessionObject", Own)
    visit = Browser(memory.options).visit()
    assert isinstance(visit.session, Own)
    assert visit.session.options["type"] == "memory"
    assert visit.cookie == "own=1; Path=/"
    assert visit.header("Vary") == ["Cookie"]


@pytest.mark.parametrize(
    ("name", "options"), [("Session", {"type": "memory"}), ("CookieSession", COOKIE)], ids=["store", "cookie"]
)
def test_a_session_of_a_programs_own_takes_the_place_of_ours(
    name: str, options: dict[str, Any], empty_memory: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = type("Own", (getattr(SESSION, name),), {})
    monkeypatch.setattr(SESSION, name, own)
    visitor = Browser(options)
    visitor.put(name="Ada")
    assert type(visitor.visit(lambda session: session._session()).result) is own
    assert visitor.read() == {"name": "Ada"}
    if name == "Session":
        assert type(visitor.visit(lambda session: session.get_by_id(session.id)).result) is own


def test_a_session_need_not_be_one_of_ours(memory: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SESSION, "Session", Plain)
    visitor = Browser(memory.options)
    visit = visitor.put(name="Ada")
    assert visit.cookie == "plain=1"
    assert visit.session._sess.saved == [False]
    assert visitor.visit(len).session._sess.saved == [True]
    assert visit.session._sess.options == visit.session._params


def test_sessions_apart_from_requests_are_of_the_middlewares_class(
    memory: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = type("Own", (Session,), {})
    monkeypatch.setattr(MIDDLEWARE, "Session", own)
    visitor = Browser(memory.options)
    assert type(visitor.middleware._get_session()) is own
    assert type(visitor.visit(lambda session: session._session()).result) is Session


def test_a_replaced_maker_of_ids_makes_every_new_id(
    visitors: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = iter(f"{number:032x}" for number in range(1, 9))
    monkeypatch.setattr(SESSION, "_session_id", lambda: next(made))
    visitor = visitors()

    def work(session: Any) -> list[str]:
        ids = [session.id]
        session.save()
        session.regenerate_id()
        ids.append(session.id)
        session.invalidate()
        return [*ids, session.id]

    assert visitor.visit(work).result == [f"{number:032x}" for number in range(1, 4)]


def test_a_replaced_clock_tells_the_time(visitors: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SESSION, "time", SimpleNamespace(time=lambda: 1000.0))
    visitor = visitors()

    def work(session: Any) -> float:
        session.save()
        session.persist()
        return float(session["_creation_time"])

    assert visitor.visit(work).result == 1000.0
    monkeypatch.setattr(SESSION, "time", SimpleNamespace(time=lambda: 1010.0))
    assert visitor.visit(lambda session: session.last_accessed).result == 1000.0


def test_a_class_that_is_no_longer_replaced_is_ours_again(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Browser(COOKIE)
    with monkeypatch.context() as patched:
        patched.setattr(SESSION, "CookieSession", type("Own", (CookieSession,), {}))
        assert type(visitor.visit(lambda session: session._session()).result) is not CookieSession
    assert type(visitor.visit(lambda session: session._session()).result) is CookieSession
