"""Adapters of other frameworks: they use or subclass `SessionObject` without the middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session, SessionObject
from tests.support.sessions import KEY, opened

if TYPE_CHECKING:
    from tests.support.sessions import Backend


def call_when_changed(method: Any) -> Any:
    """Wraps a method that changes the session, as an adapter does that saves by itself."""

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.__dict__.setdefault("changes", []).append(method.__name__)
        if self.save_on_change:
            self.save()
        return method(self, *args, **kwargs)

    return wrapped


PROXY: Any = SessionObject


class Adapter(SessionObject):
    """A session for a framework of its own: a constructor that takes a request, wrapped methods."""

    save_on_change = True

    def __init__(self, request: Any, **options: Any) -> None:
        self.__dict__["finished"] = []
        SessionObject.__init__(self, request.environ, **options)
        request.callbacks.append(self._finish)

    def _finish(self, response: list[tuple[str, str]]) -> None:
        if not self.accessed():
            return
        self.persist()
        headers = self.__dict__["_headers"]
        if headers["set_cookie"] and headers["cookie_out"]:
            response.append(("Set-Cookie", headers["cookie_out"]))

    @property
    def new(self) -> bool:
        return bool(self.last_accessed is None)

    def changed(self) -> None:
        self.save()

    clear = call_when_changed(PROXY.clear)
    update = call_when_changed(PROXY.update)
    setdefault = call_when_changed(PROXY.setdefault)
    pop = call_when_changed(PROXY.pop)
    __setitem__ = call_when_changed(SessionObject.__setitem__)
    __delitem__ = call_when_changed(SessionObject.__delitem__)


class Request:
    """A request as a framework has it."""

    def __init__(self, cookie: str | None = None) -> None:
        self.environ = {} if cookie is None else {"HTTP_COOKIE": cookie}
        self.callbacks: list[Any] = []

    def finish(self) -> list[tuple[str, str]]:
        headers: list[tuple[str, str]] = []
        for callback in self.callbacks:
            callback(headers)
        return headers


@pytest.fixture
def adapter(backend: Backend) -> Any:
    """Makes the session of a request."""
    return lambda request, **options: Adapter(request, **backend.options, **options)


def test_an_adapter_stores_and_reads_across_requests(adapter: Any) -> None:
    first = Request()
    session = adapter(first)
    assert session.new
    session["name"] = "Ada"
    ((name, cookie),) = first.finish()
    assert (name, cookie) == ("Set-Cookie", f" {KEY}={session.id}; Path=/; SameSite=Lax")
    second = Request(cookie.partition(";")[0].strip())
    again = adapter(second)
    assert again["name"] == "Ada"
    assert not again.new
    assert second.finish() == []


def test_the_wrapped_methods_of_an_adapter_are_called(adapter: Any, backend: Backend) -> None:
    request = Request()
    session = adapter(request)
    session["one"] = 1
    session.update(two=2)
    session.setdefault("three", 3)
    session.pop("one")
    del session["two"]
    session.clear()
    assert session.__dict__["changes"] == [
        "__setitem__",
        "update",
        "setdefault",
        "pop",
        "__delitem__",
        "clear",
    ]
    assert session.dirty()


def test_an_adapter_that_was_not_used_stores_and_sends_nothing(adapter: Any, backend: Backend) -> None:
    request = Request("a=b")
    session = adapter(request)
    assert not session.accessed()
    assert session.__dict__["_sess"] is None
    assert request.finish() == []
    assert backend.traces() == []


def test_a_subclass_has_its_fields_and_ours_in_one_dictionary(adapter: Any) -> None:
    session = adapter(Request())
    assert session.__dict__["finished"] == []
    assert {"_params", "_environ", "_sess", "_headers"} <= set(session.__dict__)
    assert session.__dict__["_headers"] == {}
    made = session._session()
    assert session.__dict__["_sess"] is made
    assert type(made) is Session
    session.save()
    assert session.__dict__["_dirty"] is True


def test_values_that_an_adapter_writes_into_the_fields_count(backend: Backend) -> None:
    proxy: Any = SessionObject({}, **backend.options)
    own = opened(backend, "chosen")
    own["name"] = "Ada"
    proxy.__dict__["_sess"] = own
    proxy.__dict__["_dirty"] = True
    assert proxy["name"] == "Ada"
    assert proxy.dirty()
    proxy.persist()
    assert opened(backend, "chosen")["name"] == "Ada"


def test_parameters_changed_before_use_count_for_one_object(backend: Backend) -> None:
    options = dict(backend.options)
    proxy: Any = SessionObject({}, **options)
    proxy.__dict__["_params"]["key"] = "other"
    assert proxy.key == "other"
    assert SessionObject({}, **options).key == KEY


def test_a_subclass_that_fills_its_fields_itself_works_as_it_is(backend: Backend) -> None:
    class Filled(SessionObject):
        def __init__(self, environ: dict[str, Any], **options: Any) -> None:
            self.__dict__["_params"] = options
            self.__dict__["_environ"] = environ
            self.__dict__["_sess"] = None
            self.__dict__["_headers"] = {}

    proxy: Any = Filled({}, **backend.options)
    assert not proxy.accessed()
    proxy["name"] = "Ada"
    proxy.save()
    proxy.persist()
    assert opened(backend, proxy.id)["name"] == "Ada"
    assert proxy.__dict__["_headers"]["set_cookie"] is True


def test_overridden_methods_reach_the_session_with_super(backend: Backend) -> None:
    class Upper(SessionObject):
        def __getitem__(self, key: str) -> Any:
            return super().__getitem__(key).upper()

        def __contains__(self, key: object) -> bool:
            return key == "magic" or super().__contains__(key)

        def invalidate(self) -> None:
            self.__dict__["asked"] = True
            self._session().invalidate()

    proxy: Any = Upper({}, **backend.options)
    proxy["name"] = "Ada"
    before = proxy.id
    assert proxy["name"] == "ADA"
    assert "magic" in proxy
    assert "other" not in proxy
    proxy.invalidate()
    assert proxy.id != before
    assert proxy.__dict__["asked"] is True


def test_an_environ_that_is_no_dictionary_will_do(backend: Backend) -> None:
    class Environ:
        def get(self, key: str, default: Any = None) -> Any:
            return {"HTTP_COOKIE": f"{KEY}=chosen"}.get(key, default)

    stored = opened(backend, "chosen")
    stored["name"] = "Ada"
    stored.save()
    environ: Any = Environ()
    assert SessionObject(environ, **backend.options)["name"] == "Ada"


def test_a_proxy_that_was_never_initialised_says_so() -> None:
    bare = SessionObject.__new__(SessionObject)
    with pytest.raises(RuntimeError, match="__init__"):
        bare["name"]
    session: Any = Session.__new__(Session)
    with pytest.raises(RuntimeError, match="__init__"):
        session.save()


def test_a_proxy_opens_the_id_that_its_options_name(backend: Backend) -> None:
    opened(backend, "chosen").save()
    proxy: Any = SessionObject({"HTTP_COOKIE": f"{KEY}=other"}, id="chosen", **backend.options)
    assert (proxy.id, proxy.is_new) == ("chosen", False)
