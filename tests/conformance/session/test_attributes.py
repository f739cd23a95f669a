"""The attributes of a session, through the proxy and on the `Session` itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from beaker.container import FileNamespaceManager, MemoryNamespaceManager, NamespaceManager
from beaker.session import CookieSession, Session, SessionObject
from beaker.util import JsonSerializer, PickleSerializer
from tests.support.sessions import COOKIE, KEY, Literals, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.sessions import Backend, Browser, Clock

    Browsers = Callable[..., Browser]


def test_a_new_session_says_so(browser: Browsers, clock: Clock) -> None:
    def work(session: Any) -> tuple[Any, ...]:
        return session.is_new, session.created, session.last_accessed, session.was_invalidated

    assert browser().visit(work).result == (True, clock.now, None, False)


def test_a_stored_session_knows_when_it_began_and_was_used_before(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors()
    began = clock.now
    visitor.put(name="Ada")
    clock.advance(60)
    visitor.read()
    used = clock.now
    clock.advance(60)

    def work(session: Any) -> tuple[Any, ...]:
        return session.is_new, session.created, session.last_accessed, session["_accessed_time"]

    assert visitor.visit(work).result == (False, began, used, clock.now)


def test_the_times_are_floats_as_the_clock_gives_them(browser: Browsers) -> None:
    def work(session: Any) -> tuple[type, type]:
        return type(session["_creation_time"]), type(session["_accessed_time"])

    assert browser().visit(work).result == (float, float)


def test_attributes_show_the_options_of_a_session_without_any(empty_memory: None) -> None:
    session: Any = Session({})
    assert {
        "key": session.key,
        "timeout": session.timeout,
        "secure": session.secure,
        "httponly": session.httponly,
        "samesite": session.samesite,
        "cookie_expires": session.cookie_expires,
        "domain": session.domain,
        "path": session.path,
        "type": session.type,
        "data_dir": session.data_dir,
        "secret": session.secret,
        "encrypt_key": session.encrypt_key,
        "validate_key": session.validate_key,
        "use_cookies": session.use_cookies,
        "save_atime": session.save_atime,
        "invalidate_corrupt": session.invalidate_corrupt,
        "data_serializer": session.data_serializer,
        "namespace_class": session.namespace_class,
        "namespace_args": session.namespace_args,
        "encrypt_nonce_size": session.encrypt_nonce_size,
    } == {
        "key": KEY,
        "timeout": None,
        "secure": False,
        "httponly": False,
        "samesite": "Lax",
        "cookie_expires": True,
        "domain": None,
        "path": "/",
        "type": "memory",
        "data_dir": None,
        "secret": None,
        "encrypt_key": None,
        "validate_key": None,
        "use_cookies": True,
        "save_atime": True,
        "invalidate_corrupt": False,
        "data_serializer": "pickle",
        "namespace_class": MemoryNamespaceManager,
        "namespace_args": {},
        "encrypt_nonce_size": (16, 24),
    }


def test_attributes_show_the_options_that_were_given(tmp_path: Path) -> None:
    session: Any = Session(
        {},
        data_dir=str(tmp_path),
        key="sid",
        timeout=300,
        secure=True,
        httponly=True,
        samesite="Strict",
        cookie_expires=60,
        cookie_domain="example.org",
        cookie_path="/app",
        secret="s",
        encrypt_key="e",
        validate_key="v",
        encrypt_nonce_bits=48,
        data_serializer="json",
        lock_dir=str(tmp_path / "locks"),
    )
    assert (session.key, session.timeout, session.secure, session.httponly) == ("sid", 300, True, True)
    assert (session.samesite, session.cookie_expires) == ("Strict", timedelta(seconds=60))
    assert (session.domain, session.path) == ("example.org", "/app")
    assert (session["_domain"], session["_path"]) == ("example.org", "/app")
    assert (session.secret, session.encrypt_key, session.validate_key) == ("s", "e", "v")
    assert session.encrypt_nonce_size == (6, 8)
    assert (session.type, session.data_dir) == ("file", str(tmp_path))
    assert session.namespace_class is FileNamespaceManager
    assert session.namespace_args == {"timeout": 420, "lock_dir": str(tmp_path / "locks")}


@pytest.mark.parametrize(("name", "kind"), [("pickle", PickleSerializer), ("json", JsonSerializer)])
def test_the_serializer_is_an_object_with_loads_and_dumps(name: str, kind: Any) -> None:
    session: Any = Session({}, data_serializer=name)
    assert isinstance(session.serializer, kind)
    assert session.serializer.loads(session.serializer.dumps({"a": 1})) == {"a": 1}


def test_a_serializer_of_the_programs_own_is_shown_as_it_is() -> None:
    own = Literals()
    session: Any = Session({}, data_serializer=own)
    assert session.serializer is own
    assert session.data_serializer is own


@pytest.mark.parametrize(("kind", "options"), [(Session, {}), (CookieSession, COOKIE)])
def test_the_request_is_the_mapping_that_was_passed(kind: Any, options: dict[str, Any]) -> None:
    request: dict[str, Any] = {"cookie": "a=b", "mine": 1}
    session = kind(request, **options)
    assert session.request is request
    assert request["mine"] == 1


def test_a_new_session_leaves_its_cookie_in_the_request(empty_memory: None) -> None:
    session: Any = Session({})
    assert session.request["cookie_out"].startswith(f" {KEY}=")
    assert session.request["set_cookie"] is False


def test_attributes_are_set_through_the_proxy(visitors: Browsers) -> None:
    def work(session: Any) -> tuple[Any, ...]:
        session.is_new = False
        session.was_invalidated = True
        session.last_accessed = 5.0
        session.mark = "own"
        seen = session.is_new, session.was_invalidated, session.last_accessed, session.mark
        del session.mark
        return (*seen, hasattr(session, "mark"), session._session().last_accessed)

    assert visitors().visit(work).result == (False, True, 5.0, "own", False, 5.0)


def test_a_name_that_is_no_attribute_is_an_attribute_error(visitors: Browsers) -> None:
    def work(session: Any) -> None:
        with pytest.raises(AttributeError):
            session.no_such_attribute  # noqa: B018
        with pytest.raises(AttributeError):
            del session.no_such_attribute

    visitors().visit(work)


def test_the_timeout_is_changed_for_one_session(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors(timeout=100)
    visitor.put(name="Ada")
    clock.advance(50)

    def work(session: Any) -> tuple[Any, ...]:
        session.timeout = 10
        session.load()
        return session.timeout, session.was_invalidated

    assert visitor.visit(work).result == (10, True)


def test_the_namespace_is_the_backends_view_of_the_record(browser: Browsers, backend: Backend) -> None:
    visitor = browser(timeout=300)
    visitor.put(name="Ada")

    def work(session: Any) -> tuple[Any, ...]:
        namespace = session.namespace
        namespace.acquire_read_lock()
        try:
            text, present = namespace["session"], "session" in namespace
        finally:
            namespace.release_read_lock()
        return isinstance(namespace, NamespaceManager), namespace.namespace, text, present

    visit = visitor.visit(work)
    is_namespace, name, text, present = visit.result
    assert is_namespace
    assert present
    assert name == visitor.id
    assert visit.session._decrypt_data(text)["name"] == "Ada"
    assert isinstance(visit.session.namespace, visit.session.namespace_class)


def test_a_namespace_removes_the_record(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session.namespace.acquire_write_lock()
        try:
            session.namespace.do_remove()
        finally:
            session.namespace.release_write_lock()

    before = visitor.id
    visitor.visit(work)
    assert opened(backend, before).is_new


def test_the_backend_gets_the_timeout_and_two_minutes(written_in_python: Backend) -> None:
    session = opened(written_in_python, "chosen", timeout=300)
    assert session.namespace.arguments["timeout"] == 420
    assert session.namespace_args == {"timeout": 420}
    assert "timeout" not in opened(written_in_python, "chosen").namespace.arguments


def test_the_file_of_a_record_is_known_to_its_namespace(files: Backend) -> None:
    session = opened(files, "chosen")
    session.save()
    assert session.namespace.file == str(files.files()[0])
    assert session.namespace.file.endswith("/container_file/c/ch/chosen.cache")


def test_a_namespace_is_opened_and_closed_by_hand(files: Backend) -> None:
    session = opened(files, "chosen")
    session["name"] = "Ada"
    session.save()
    session.namespace.do_open("r", False)
    text = session.namespace["session"]
    session.namespace.do_close()
    assert session._decrypt_data(text)["name"] == "Ada"


def test_arguments_that_are_no_options_reach_the_backend(written_in_python: Backend) -> None:
    session = opened(written_in_python, "chosen", prefix="p", url="redis://host")
    assert session.namespace.arguments["prefix"] == "p"
    assert session.namespace.arguments["url"] == "redis://host"
    assert session.namespace.arguments["digest_filenames"] is False
    assert session.namespace.arguments["data_dir"] is None


def test_a_session_needs_a_request_and_takes_each_option_once() -> None:
    make: Any = Session
    with pytest.raises(TypeError):
        make()
    with pytest.raises(TypeError):
        make({}, "id", id="id")


def test_the_constructor_takes_its_options_by_place_too(memory: Backend) -> None:
    make: Any = Session
    make({}, "chosen", False, False, "memory").save()
    again = make({}, "chosen", False, False, "memory", None, "sid", 300)
    assert (again.is_new, again.key, again.timeout) == (False, "sid", 300)


def test_the_proxy_shows_what_adapters_look_for(backend: Backend) -> None:
    environ: dict[str, Any] = {"HTTP_COOKIE": "a=b"}
    proxy: Any = SessionObject(environ, **backend.options)
    fields = proxy.__dict__
    assert fields["_environ"] is environ
    assert fields["_params"] == backend.options
    assert fields["_sess"] is None
    assert fields["_headers"] == {}
    assert "_dirty" not in fields
    session = proxy._session()
    proxy.save()
    assert proxy.__dict__["_sess"] is session
    assert proxy.__dict__["_dirty"] is True
    headers = proxy.__dict__["_headers"]
    assert headers["cookie"] == "a=b"
    assert headers["cookie_out"] == f" {KEY}={proxy.id}; Path=/; SameSite=Lax"
    assert headers["set_cookie"] is False
    proxy.persist()
    assert headers["set_cookie"] is True
