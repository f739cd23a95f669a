"""Responses that are made while they are iterated, of requests that hold their sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper

import pytest

from beaker.middleware import SessionMiddleware
from tests.support.fixtures import BACKENDS, make_backend
from tests.support.sessions import ID, LOCK, is_free, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sessions import Backend


@pytest.fixture(params=[*BACKENDS, "dbm"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> Backend:
    """Each place where sessions are kept, with a session in it."""
    backend = make_backend(request.param, tmp_path)
    session = opened(backend, ID)
    session["name"] = "Ada"
    session.save()
    return backend


def answer(backend: Backend, application: Any, **options: Any) -> Any:
    """The iterable that a server gets."""
    middleware = SessionMiddleware(application, **backend.options, **{**LOCK, **options})
    environ = {"HTTP_COOKIE": f"beaker.session.id={ID}", "wsgi.file_wrapper": FileWrapper}
    return middleware(environ, lambda *_args: None)


def failing(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    assert environ["beaker.session"]["name"] == "Ada"
    yield b"waiting"
    raise ValueError("no response")


def waiting(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    assert environ["beaker.session"]["name"] == "Ada"
    yield b"waiting"
    start_response("200 OK", [])


class Body:
    """An iterable of an application, which counts what is done to it."""

    def __init__(self, *parts: bytes) -> None:
        self.parts, self.iterated, self.closed = parts, 0, 0

    def __iter__(self) -> Iterator[bytes]:
        self.iterated += 1
        return iter(self.parts)

    def close(self) -> None:
        self.closed += 1


class Sized(Body):
    def __len__(self) -> int:
        return len(self.parts)


def test_a_response_that_raises_lets_its_session_go(backend: Backend) -> None:
    response = answer(backend, failing)
    parts = iter(response)
    assert next(parts) == b"waiting"
    assert not is_free(backend, ID)
    with pytest.raises(ValueError, match="no response") as kept:
        next(parts)
    assert is_free(backend, ID)
    assert kept.value.__traceback__ is not None


def test_a_response_that_is_closed_lets_its_session_go(backend: Backend) -> None:
    response = answer(backend, waiting)
    parts = iter(response)
    assert next(parts) == b"waiting"
    assert not is_free(backend, ID)
    response.close()
    assert is_free(backend, ID)


def test_a_response_that_ends_without_headers_lets_its_session_go(backend: Backend) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        assert environ["beaker.session"]["name"] == "Ada"
        yield b"all"

    kept = [answer(backend, application)]
    assert list(kept[0]) == [b"all"]
    assert is_free(backend, ID)


def test_a_response_whose_closing_raises_lets_its_session_go(backend: Backend) -> None:
    class Stubborn(Body):
        def close(self) -> None:
            raise ValueError("not closed")

    def application(environ: dict[str, Any], start_response: Any) -> Body:
        assert environ["beaker.session"]["name"] == "Ada"
        return Stubborn(b"a")

    response = answer(backend, application)
    with pytest.raises(ValueError, match="not closed"):
        response.close()
    assert is_free(backend, ID)


def test_a_response_is_iterated_when_the_server_does_and_closed_once(backend: Backend) -> None:
    body = Body(b"a", b"b")
    response = answer(backend, lambda _environ, _start_response: body)
    assert (body.iterated, body.closed) == (0, 0)
    assert list(response) == [b"a", b"b"]
    response.close()
    assert (body.iterated, body.closed) == (1, 1)


def test_a_response_has_a_length_where_the_applications_has_one(backend: Backend) -> None:
    assert len(answer(backend, lambda _environ, _start_response: Sized(b"a"))) == 1
    assert not hasattr(answer(backend, lambda _environ, _start_response: Body(b"a")), "__len__")


def test_a_response_without_close_can_be_closed(backend: Backend) -> None:
    response = answer(backend, lambda _environ, _start_response: map(bytes, [b"a"]))
    assert list(response) == [b"a"]
    response.close()


def test_an_iterable_that_the_server_optimizes_is_not_wrapped(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with path.open("rb") as file:
        wrapped = FileWrapper(file)
        assert answer(backend, lambda _environ, _start_response: wrapped) is wrapped
    made = [b"a"]
    assert answer(backend, lambda _environ, _start_response: made) is made


@pytest.mark.parametrize("concurrency", ["merge", "beaker"])
def test_a_response_is_the_applications_own_where_nothing_is_held(backend: Backend, concurrency: str) -> None:
    body = Body(b"a")
    assert answer(backend, lambda _environ, _start_response: body, concurrency=concurrency) is body
