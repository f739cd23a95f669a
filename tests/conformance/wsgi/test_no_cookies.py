"""Without cookies none is read and none is sent, by the middleware and by adapters of frameworks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session, SessionObject
from beaker.util import coerce_session_params

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser

    Browsers = Callable[..., Browser]


@pytest.fixture(params=[False, "false", "False", "off", "no", "0"])
def no_cookies(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The ways to say so, from a program and from an ini file."""
    return {"use_cookies": request.param}


@pytest.fixture(params=[{}, {"secret": "a secret of the tests, of some length"}], ids=["unsigned", "signed"])
def signing(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options with a signature and without."""
    options: dict[str, Any] = request.param
    return options


def headers_of(proxy: SessionObject) -> dict[str, Any]:
    """The headers that an adapter reads after the request."""
    assert proxy.accessed()
    proxy.persist()
    headers: dict[str, Any] = proxy.__dict__["_headers"]
    return headers


def adapter(backend: Backend, no_cookies: dict[str, Any], cookie: str | None = None) -> SessionObject:
    """The proxy as pyramid_beaker makes it, from the options of an ini file."""
    options = coerce_session_params({**backend.options, **no_cookies})
    environ = {} if cookie is None else {"HTTP_COOKIE": cookie}
    return SessionObject(environ, **options)


def test_an_adapter_finds_that_there_is_no_cookie_to_send(
    backend: Backend, no_cookies: dict[str, Any]
) -> None:
    for use in (
        lambda proxy: proxy.get("name"),
        lambda proxy: (proxy.update(name="Ada"), proxy.save()),
        lambda proxy: proxy.delete(),
        lambda proxy: proxy.invalidate(),
        lambda proxy: (proxy.update(name="Ada"), proxy.regenerate_id(), proxy.save()),
    ):
        proxy = adapter(backend, no_cookies)
        use(proxy)
        headers = headers_of(proxy)
        assert headers["set_cookie"] is False
        assert headers["cookie_out"] is None


def test_no_cookie_is_read(
    browser: Browsers, backend: Backend, no_cookies: dict[str, Any], signing: dict[str, Any]
) -> None:
    visitor = browser(**signing)
    visitor.put(name="Ada")
    proxy = adapter(backend, {**no_cookies, **signing}, visitor.jar)
    assert "name" not in proxy
    assert headers_of(proxy)["set_cookie"] is False
    assert visitor.read() == {"name": "Ada"}


def test_the_middleware_sends_none(
    browser: Browsers, no_cookies: dict[str, Any], signing: dict[str, Any]
) -> None:
    visitor = browser(**no_cookies, **signing)
    visitor.put(name="Ada")
    assert visitor.jar is None
    assert visitor.read() == {}


def test_a_cookie_under_an_older_name_is_left_alone(browser: Browsers, no_cookies: dict[str, Any]) -> None:
    visitor = browser(key_fallbacks="older", **no_cookies)
    visited = visitor.visit(lambda session: session.save(), cookie="older=0123456789abcdef0123456789abcdef")
    assert visited.cookies == []


def test_a_subclass_of_the_program_sends_no_cookie_either(
    backend: Backend, no_cookies: dict[str, Any]
) -> None:
    class Own(Session):
        def _create_id(self, set_new: bool = True) -> None:
            super()._create_id(set_new)

    proxy = adapter(backend, {**no_cookies, "session_class": Own})
    proxy["name"] = "Ada"
    proxy.save()
    assert headers_of(proxy)["set_cookie"] is False


def test_an_adapter_finds_both_names_with_cookies_too(backend: Backend) -> None:
    for use in (lambda proxy: proxy.get("name"), lambda proxy: (proxy.update(name="Ada"), proxy.save())):
        proxy = adapter(backend, {})
        use(proxy)
        assert {"set_cookie", "cookie_out"} <= headers_of(proxy).keys()
