"""The middleware between a server and an application: `start_response`, bodies and exceptions (PEP 3333)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from beaker.middleware import SessionMiddleware
from tests.support.sessions import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sessions import Backend


class Server:
    """Runs an application once and remembers each call of `start_response`."""

    def __init__(self, backend: Backend, application: Any, **options: Any) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []
        self.middleware = SessionMiddleware(application, **backend.options, **options)

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        self.calls.append((status, headers, exc_info))
        return self.write

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def run(self, cookie: str | None = None) -> Any:
        environ: dict[str, Any] = {} if cookie is None else {"HTTP_COOKIE": cookie}
        return self.middleware(environ, self.start_response)

    def cookies(self, call: int = 0) -> list[str]:
        return [value for name, value in self.calls[call][1] if name == "Set-cookie"]


def save(environ: Any, **values: Any) -> None:
    session = environ["beaker.session"]
    session.update(values)
    session.save()


def test_the_application_gets_the_write_callable_of_the_server(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        write = start_response("200 OK", [])
        assert write == server.write
        write(b"written")
        return []

    server = Server(backend, application)
    assert list(server.run()) == []
    assert server.written == [b"written"]
    assert len(server.cookies()) == 1


@pytest.mark.parametrize("by_name", [False, True])
def test_exc_info_reaches_the_server(backend: Backend, by_name: bool) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        try:
            raise ValueError("broken")
        except ValueError:
            info = sys.exc_info()
            if by_name:
                start_response(status="500 Oops", headers=[], exc_info=info)
            else:
                start_response("500 Oops", [], info)
        return [b""]

    server = Server(backend, application)
    list(server.run())
    ((status, _, exc_info),) = server.calls
    assert status == "500 Oops"
    assert exc_info[0] is ValueError
    assert len(server.cookies()) == 1


def test_a_second_start_response_with_exc_info_has_the_cookie_too(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        start_response("200 OK", [("X-Page", "1")])
        try:
            raise ValueError("broken")
        except ValueError:
            start_response("500 Oops", [("X-Page", "2")], sys.exc_info())
        return [b""]

    server = Server(backend, application)
    list(server.run())
    assert [call[0] for call in server.calls] == ["200 OK", "500 Oops"]
    assert server.cookies(0) == server.cookies(1)
    assert len(server.cookies(1)) == 1
    assert len(backend.texts()) == 1


def test_an_exception_of_the_server_reaches_the_application(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        environ["beaker.session"].save()
        with pytest.raises(AssertionError, match="headers already sent"):
            start_response("200 OK", [])
        return [b"caught"]

    def refuse(*_args: Any) -> None:
        raise AssertionError("headers already sent")

    middleware = SessionMiddleware(application, **backend.options)
    assert middleware({}, refuse) == [b"caught"]


def test_a_generator_saves_when_it_starts_the_response(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        save(environ, name="Ada")
        start_response("200 OK", [])
        yield b"one"
        yield b"two"

    server = Server(backend, application)
    body = server.run()
    assert server.calls == []
    assert backend.texts() == {}
    assert next(body) == b"one"
    assert len(server.cookies()) == 1
    assert len(backend.texts()) == 1
    assert list(body) == [b"two"]


class Body:
    """An iterable that must be closed."""

    def __init__(self) -> None:
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"body"

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("body", [(b"a", b"b"), [b"a"], b"ab", iter([b"a"]), Body()])
def test_the_body_is_the_applications_own_object(backend: Backend, body: Any) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        save(environ, name="Ada")
        start_response("200 OK", [])
        return body

    assert Server(backend, application).run() is body


def test_a_body_with_close_is_closed_by_the_server(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        save(environ, name="Ada")
        start_response("200 OK", [])
        return Body()

    body = Server(backend, application).run()
    assert list(body) == [b"body"]
    body.close()
    assert body.closed


@pytest.mark.parametrize("make", [tuple, list, iter, lambda headers: (h for h in headers)])
def test_headers_of_any_shape_get_the_cookie(backend: Backend, make: Any) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        start_response("200 OK", make([("X-One", "1"), ("X-Two", "2")]))
        return [b""]

    server = Server(backend, application)
    server.run()
    headers = server.calls[0][1]
    assert type(headers) is list
    assert headers[:2] == [("X-One", "1"), ("X-Two", "2")]
    assert [name for name, _ in headers[2:]] == ["Vary", "Set-cookie"]


def test_the_headers_of_the_application_are_not_changed(backend: Backend) -> None:
    own = [("Vary", "Accept"), ("X-One", "1")]

    def application(environ: Any, start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        start_response("200 OK", own)
        return [b""]

    server = Server(backend, application)
    server.run()
    server.run()
    assert own == [("Vary", "Accept"), ("X-One", "1")]
    assert len(server.cookies(0)) == len(server.cookies(1)) == 1


def test_the_cookies_of_the_application_stay(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        start_response("200 OK", [("Set-Cookie", "theme=dark")])
        return [b""]

    server = Server(backend, application)
    server.run()
    assert server.calls[0][1][0] == ("Set-Cookie", "theme=dark")
    assert len(server.cookies()) == 1


def test_an_exception_before_the_response_saves_nothing(backend: Backend) -> None:
    def application(environ: Any, _start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        raise LookupError("broken")

    server = Server(backend, application)
    with pytest.raises(LookupError, match="broken"):
        server.run()
    assert server.calls == []
    assert backend.traces() == []


def test_an_exception_after_the_response_began_leaves_what_was_saved(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        start_response("200 OK", [])
        raise LookupError("broken")

    server = Server(backend, application)
    with pytest.raises(LookupError, match="broken"):
        server.run()
    assert len(server.cookies()) == 1
    assert len(backend.texts()) == 1


def test_an_exception_within_the_body_passes_through(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        save(environ, name="Ada")
        start_response("200 OK", [])
        yield b"one"
        raise LookupError("broken")

    body = Server(backend, application).run()
    assert next(body) == b"one"
    with pytest.raises(LookupError, match="broken"):
        next(body)


def test_an_application_that_never_starts_a_response_saves_nothing(backend: Backend) -> None:
    def application(environ: Any, _start_response: Any) -> list[bytes]:
        save(environ, name="Ada")
        return []

    Server(backend, application).run()
    assert backend.traces() == []


def test_an_application_may_be_any_callable(backend: Backend) -> None:
    class Application:
        def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
            save(environ, name="Ada")
            start_response("200 OK", [])
            return [b""]

    server = Server(backend, Application())
    server.run()
    assert server.cookies()[0].startswith(f" {KEY}=")


def test_middleware_inside_middleware_keeps_two_sessions(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        for key in ("outer", "inner"):
            environ[key]["where"] = key
            environ[key].save()
        start_response("200 OK", [])
        return [b""]

    inner = SessionMiddleware(application, environ_key="inner", key="inner.id", **backend.options)
    server = Server(backend, inner, environ_key="outer", key="outer.id")
    server.run()
    names = [cookie.strip().partition("=")[0] for cookie in server.cookies()]
    assert names == ["inner.id", "outer.id"]
    assert len(backend.texts()) == 2
    vary = [value for name, value in server.calls[0][1] if name == "Vary"]
    assert vary == ["Cookie"]
