"""The session is in the environ, in Paste's registry, and in WebTest."""

from __future__ import annotations

import wsgiref.util
from typing import TYPE_CHECKING, Any

import pytest

from beaker import middleware
from beaker.middleware import SessionMiddleware, session_filter_app_factory, session_filter_factory
from beaker.session import Session, SessionObject
from tests.support.sessions import UNKNOWN_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser

    Browsers = Callable[..., Browser]


def environ_of(wrap: Callable[[Any], Any], **given: Any) -> dict[str, Any]:
    """The environ that an application sees behind the middleware that `wrap` makes."""
    environ: dict[str, Any] = {}
    wsgiref.util.setup_testing_defaults(environ)
    environ.update(given)

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    wrap(application)(environ, lambda *_args: None)
    return environ


def test_the_session_is_where_it_always_was(memory: Backend) -> None:
    environ = environ_of(lambda app: SessionMiddleware(app, **memory.options))
    assert isinstance(environ["beaker.session"], SessionObject)
    assert callable(environ["beaker.get_session"])


def test_the_session_is_where_the_application_wants_it(memory: Backend) -> None:
    for wrap in (
        lambda app: SessionMiddleware(app, environ_key="my.session", **memory.options),
        lambda app: SessionMiddleware(app, {"session.type": "memory"}, "my.session"),
    ):
        environ = environ_of(wrap)
        assert isinstance(environ["my.session"], SessionObject)
        assert "beaker.session" not in environ


def test_get_session_makes_a_session_apart_from_the_request(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")
    environ = environ_of(lambda app: SessionMiddleware(app, **backend.options), HTTP_COOKIE=visitor.jar)
    session = environ["beaker.get_session"]()
    assert isinstance(session, Session)
    assert session.is_new
    assert session.id != visitor.id
    session["name"] = "Grace"
    session.save()
    assert set(backend.texts()) == {visitor.id, session.id}
    assert visitor.read() == {"name": "Ada"}


def test_get_session_calls_a_method_that_may_be_overridden(memory: Backend) -> None:
    class Own(SessionMiddleware):
        def _get_session(self) -> Any:
            return "own"

    environ = environ_of(lambda app: Own(app, **memory.options))
    assert environ["beaker.get_session"]() == "own"


def test_the_parts_of_the_middleware_are_attributes(memory: Backend) -> None:
    def application(*_args: Any) -> list[bytes]:
        return []

    made = SessionMiddleware(application, {"session.timeout": "300", "session.type": "memory"}, "my.session")
    assert made.app is application
    assert made.wrap_app is application
    assert made.environ_key == "my.session"
    assert made.options["timeout"] == 300
    assert made.options["key"] == "beaker.session.id"
    assert made.options["invalidate_corrupt"] is True


def test_the_parts_of_the_middleware_may_be_replaced(browser: Browsers) -> None:
    visitor = browser()
    visitor.middleware.options["key"] = "changed"
    assert visitor.put(name="Ada").cookie.startswith(" changed=")


def test_the_application_is_passed_by_place_or_by_name(memory: Backend) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        return [b"body"]

    make: Any = SessionMiddleware
    for made in (make(application), make(wrap_app=application), make(app=application)):
        assert made({}, lambda *_args: None) == [b"body"]
    with pytest.raises(TypeError):
        make()


def test_a_middleware_may_be_subclassed(memory: Backend) -> None:
    class Own(SessionMiddleware):
        def __init__(self, app: Any, **options: Any) -> None:
            super().__init__(app, {"session.type": "memory"}, **options)
            self.calls = 0

        def __call__(self, environ: Any, start_response: Any) -> Any:
            self.calls += 1
            return super().__call__(environ, start_response)

    own: list[Own] = []

    def wrap(app: Any) -> Own:
        own.append(Own(app, key="mine"))
        return own[0]

    environ = environ_of(wrap)
    assert own[0].calls == 1
    assert environ["beaker.session"].key == "mine"


class Registry:
    """The registry that Paste's `RegistryManager` puts into the environ."""

    def __init__(self, reglist: list[Any]) -> None:
        self.reglist = reglist
        self.registered: list[tuple[Any, Any]] = []

    def register(self, proxy: Any, value: Any) -> None:
        self.registered.append((proxy, value))


def test_pastes_registry_is_given_the_session(memory: Backend) -> None:
    registry = Registry([{}])
    environ = environ_of(lambda app: SessionMiddleware(app, **memory.options), **{"paste.registry": registry})
    assert registry.registered == [(SessionMiddleware.session, environ["beaker.session"])]
    assert middleware.beaker_session is SessionMiddleware.session


@pytest.mark.parametrize("registry", [Registry([]), None, {}])
def test_an_empty_registry_is_left_alone(memory: Backend, registry: Any) -> None:
    environ_of(lambda app: SessionMiddleware(app, **memory.options), **{"paste.registry": registry})
    assert not getattr(registry, "registered", None)


def test_webtest_gets_the_session_under_its_chosen_name(memory: Backend) -> None:
    variables: dict[str, Any] = {}
    environ = environ_of(
        lambda app: SessionMiddleware(app, webtest_varname="session", **memory.options),
        **{"paste.testing_variables": variables},
    )
    assert variables == {"session": environ["beaker.session"]}
    assert variables["session"] is environ["beaker.session"]


def test_webtest_is_given_nothing_when_it_asked_for_nothing(memory: Backend) -> None:
    variables: dict[str, Any] = {}
    environ_of(lambda app: SessionMiddleware(app, **memory.options), **{"paste.testing_variables": variables})
    assert variables == {}
    environ_of(lambda app: SessionMiddleware(app, webtest_varname="session", **memory.options))


def test_webtest_is_given_nothing_under_a_name_of_none(memory: Backend) -> None:
    variables: dict[str, Any] = {}
    environ_of(
        lambda app: SessionMiddleware(app, webtest_varname=None, **memory.options),
        **{"paste.testing_variables": variables},
    )
    assert variables == {}


def test_pastes_filter_factory_ignores_the_global_configuration(memory: Backend) -> None:
    filter_ = session_filter_factory(
        {"debug": "true", "here": "/etc"}, type="memory", timeout="300", key="mine"
    )
    environ = environ_of(filter_)
    assert environ["beaker.session"].timeout == 300
    assert environ["beaker.session"].key == "mine"


def test_pastes_filter_app_factory_does_the_same(memory: Backend) -> None:
    def wrap(app: Any) -> Any:
        return session_filter_app_factory(
            app, {"debug": "true"}, **{"session.type": "memory", "session.key": "mine"}
        )

    assert environ_of(wrap)["beaker.session"].key == "mine"


def test_the_factories_read_prefixed_global_options() -> None:
    def wrap(app: Any) -> Any:
        return session_filter_app_factory(app, {"debug": "true", "beaker.session.key": "mine"}, type="memory")

    assert environ_of(wrap)["beaker.session"].key == "mine"


def test_an_environ_that_is_no_dict_will_do(memory: Backend) -> None:
    class Environ(dict):  # type: ignore[type-arg]
        pass

    class Mapping:
        def __init__(self) -> None:
            self.own: dict[str, Any] = {"HTTP_COOKIE": f"beaker.session.id={UNKNOWN_ID}"}

        def get(self, key: str, default: Any = None) -> Any:
            return self.own.get(key, default)

        def __getitem__(self, key: str) -> Any:
            return self.own[key]

        def __setitem__(self, key: str, value: Any) -> None:
            self.own[key] = value

    def application(environ: Any, start_response: Any) -> list[bytes]:
        environ["beaker.session"].save()
        start_response("200 OK", [])
        return [b""]

    for environ in (Environ(), Mapping()):
        sent: list[Any] = []
        made: Any = SessionMiddleware(application, **memory.options)
        made(environ, lambda *arguments, sent=sent: sent.append(arguments))
        assert [name for name, _ in sent[0][1]] == ["Vary", "Set-cookie"]


def test_two_requests_have_two_sessions(browser: Browsers) -> None:
    visitor = browser()
    assert visitor.visit().session is not visitor.visit().session
