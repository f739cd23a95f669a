"""Sessions that are held: by their requests with `concurrency = lock`, or by programs that `lock()` them."""

from __future__ import annotations

import gc
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import ConfigurationError, LockError
from beaker.middleware import SessionMiddleware
from beaker.session import CookieSession, SessionObject
from tests.support.sessions import ID, LOCK, UNKNOWN_ID, content, is_free, opened, stored
from tests.support.threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.sessions import Backend, Browser

    Browsers = Callable[..., Browser]


def test_a_request_locks_its_session_from_first_use_to_response(browser: Browsers, backend: Backend) -> None:
    visitor = browser(**LOCK)
    visitor.put(name="Ada")
    free: list[bool] = []

    def work(session: Any) -> None:
        free.append(is_free(backend, visitor.id))
        assert session["name"] == "Ada"
        free.append(is_free(backend, visitor.id))
        session["name"] = "Grace"
        session.save()
        free.append(is_free(backend, visitor.id))

    visitor.visit(work)
    assert free == [True, False, False]
    assert is_free(backend, visitor.id)
    assert visitor.read() == {"name": "Grace"}
    assert is_free(backend, visitor.id)


def test_a_request_that_fails_lets_its_session_go(browser: Browsers, backend: Backend) -> None:
    visitor = browser(**LOCK)
    visitor.put(name="Ada")
    kept: list[BaseException] = []

    def work(session: Any) -> None:
        assert session["name"] == "Ada"
        raise ValueError("no response")

    try:
        visitor.visit(work)
    except ValueError as error:
        kept.append(error)
    assert kept[0].__traceback__ is not None
    assert is_free(backend, visitor.id)


def test_a_request_that_never_responds_lets_its_session_go(backend: Backend) -> None:
    stored(backend, name="Ada")

    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        assert environ["beaker.session"]["name"] == "Ada"
        yield b"waiting"
        start_response("200 OK", [])

    middleware = SessionMiddleware(application, **backend.options, **LOCK)
    gc.disable()
    try:
        environ = {"HTTP_COOKIE": f"beaker.session.id={ID}"}
        answer = iter(middleware(environ, lambda *_args: None))
        next(answer)
        assert not is_free(backend, ID)
        answer.close()  # type: ignore[attr-defined]
        del answer
        assert is_free(backend, ID)
    finally:
        gc.enable()


def test_a_session_that_cannot_be_stored_is_unlocked(
    browser: Browsers, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = browser(**LOCK)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session["name"] = threading.Lock()
        session.save()

    with pytest.raises(TypeError):
        visitor.visit(work)
    assert is_free(backend, visitor.id)
    assert visitor.read() == {"name": "Ada"}


def test_a_request_that_does_not_use_its_session_holds_nothing(browser: Browsers, backend: Backend) -> None:
    visitor = browser(**LOCK)
    visitor.put(name="Ada")
    visitor.visit(lambda _session: is_free(backend, visitor.id) or pytest.fail("it is held"))


def test_a_made_up_id_is_not_held_and_leaves_nothing(browser: Browsers, backend: Backend) -> None:
    visitor = browser(**LOCK)
    visitor.put(name="Ada")
    before = backend.traces()
    visit = browser(**LOCK).visit(lambda session: session.id, f"beaker.session.id={UNKNOWN_ID}")
    assert visit.result != UNKNOWN_ID
    assert backend.traces() == before


def test_a_wait_beyond_the_time_limit_raises(backend: Backend) -> None:
    stored(backend, name="Ada")
    holder = opened(backend, ID)
    holder.lock()
    with pytest.raises(LockError, match="held"):
        SessionObject({"HTTP_COOKIE": f"beaker.session.id={ID}"}, **backend.options, **LOCK).get("name")
    since = time.monotonic()
    with pytest.raises(LockError):
        opened(backend, ID, lock_timeout=1).lock()
    # Not as long as without the option.
    assert 0.9 < time.monotonic() - since < 30
    holder.unlock()
    assert is_free(backend, ID)


def test_a_session_is_read_while_another_request_holds_it(backend: Backend) -> None:
    stored(backend, name="Ada")
    if "namespace_class" not in backend.options:
        holder = opened(backend, ID)
        holder.lock()
        assert opened(backend, ID)["name"] == "Ada"
        holder.unlock()


def test_a_locked_session_is_loaded_saved_and_rotated(backend: Backend) -> None:
    stored(backend, count=1)
    session = opened(backend, ID)
    session.lock()
    session.load()
    session["count"] += 1
    session.save()
    session.load()
    assert session["count"] == 2
    session.regenerate_id()
    session.save()
    assert not is_free(backend, session.id)
    session["count"] += 1
    session.save()
    session.unlock()
    assert list(backend.texts()) == [session.id]
    assert content(backend, session.id) == {"count": 3}
    assert is_free(backend, session.id)


def test_a_locked_session_is_deleted_and_leaves_nothing(backend: Backend) -> None:
    stored(backend, name="Ada")
    session = opened(backend, ID)
    session.lock()
    session.delete()
    session.unlock()
    assert opened(backend, ID).is_new
    if backend.folder is not None:
        assert [path for path in backend.traces() if path.endswith((".cache", ".lock"))] == []


def test_a_locked_session_is_invalidated(backend: Backend) -> None:
    stored(backend, name="Ada")
    session = opened(backend, ID)
    session.lock()
    session.invalidate()
    session["name"] = "Grace"
    session.save()
    session.unlock()
    assert opened(backend, ID).is_new
    assert content(backend, session.id) == {"name": "Grace"}


def test_unlock_without_lock_is_an_error(backend: Backend) -> None:
    session = opened(backend, ID)
    with pytest.raises(LockError):
        session.unlock()
    stored(backend, name="Ada")
    held = opened(backend, ID, **LOCK)
    held.unlock()
    with pytest.raises(LockError):
        held.unlock()
    session.lock()
    session.unlock()
    with pytest.raises(LockError):
        session.unlock()


def test_a_session_locked_twice_needs_two_unlocks(backend: Backend) -> None:
    stored(backend, count=1)
    session = opened(backend, ID)
    session.lock()
    session.lock()
    session["count"] = 2
    session.save()
    session.unlock()
    assert not is_free(backend, ID)
    session["count"] = 3
    session.save()
    session.unlock()
    assert is_free(backend, ID)
    assert content(backend)["count"] == 3
    with pytest.raises(LockError):
        session.unlock()


def test_a_session_whose_record_is_no_text_is_locked(written_in_python: Backend) -> None:
    stored(written_in_python, count=1)
    session = opened(written_in_python, ID)
    view: Any = session.namespace
    text = view["session"]
    view["session"] = {"no": "text"}
    session.lock()
    view["session"] = text
    assert not is_free(written_in_python, ID)
    session.unlock()
    assert is_free(written_in_python, ID)


def test_a_lock_is_counted_that_is_taken_while_another_is_taken(files: Backend) -> None:
    stored(files, count=1)
    session = opened(files, ID)
    view: Any = session.namespace
    acquire = view.acquire_write_lock

    def acquire_and_lock() -> None:
        view.acquire_write_lock = acquire
        session.lock()
        acquire()

    view.acquire_write_lock = acquire_and_lock
    session.lock()
    session.unlock()
    assert not is_free(files, ID)
    session.unlock()
    assert is_free(files, ID)


def test_a_dropped_session_object_releases_its_lock(backend: Backend) -> None:
    stored(backend, name="Ada")
    session = opened(backend, ID)
    session.lock()
    del session
    assert is_free(backend, ID)


def test_a_lock_of_a_session_that_is_never_stored_leaves_nothing(files: Backend) -> None:
    session = opened(files, ID)
    session.lock()
    session.unlock()
    assert [path for path in files.traces() if path.endswith((".cache", ".lock"))] == []


def test_a_request_lets_go_what_its_program_locked(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session.lock()
        session["name"] = "Grace"
        session.save()

    visitor.visit(work)
    assert is_free(backend, visitor.id)
    assert visitor.read() == {"name": "Grace"}


def test_a_session_found_by_its_id_holds_nothing(browser: Browsers, backend: Backend) -> None:
    stored(backend, name="Ada")

    def work(session: Any) -> bool:
        found = session.get_by_id(ID)
        assert found["name"] == "Ada"
        return is_free(backend, ID)

    assert browser(**LOCK).visit(work).result


def test_threads_that_use_a_proxy_first_at_once_hold_one_session(backend: Backend) -> None:
    stored(backend, name="Ada")
    for _ in range(10):
        proxy: Any = SessionObject({"HTTP_COOKIE": f"beaker.session.id={ID}"}, **backend.options, **LOCK)
        assert in_threads(*[partial(proxy.__getitem__, "name")] * 4) == ["Ada"] * 4
        proxy.persist()


def test_the_lock_is_the_file_that_every_process_of_the_folder_locks(files: Backend) -> None:
    fcntl = pytest.importorskip("fcntl")
    stored(files, name="Ada")
    assert files.folder is not None
    (path,) = files.folder.glob("container_file_lock/*/*/*.lock")
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert not is_free(files, ID)
        fcntl.flock(file, fcntl.LOCK_UN)
        assert is_free(files, ID)
        holder = opened(files, ID, **LOCK)
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        del holder
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_a_session_in_a_cookie_cannot_be_locked() -> None:
    make: Any = CookieSession
    with pytest.raises(ConfigurationError, match="lock"):
        make({}, validate_key="v" * 32, concurrency="lock")
