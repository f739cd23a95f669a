"""Sessions that are held: by requests with ``concurrency = lock``, or by programs that ``lock()`` them."""

import gc
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from beaker.exceptions import LockError
from beaker.middleware import SessionMiddleware
from beaker.session import SessionObject
from beaker.testing._backend import Backend, needs
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import ID, LOCK, content, exists, is_free, opened, stored
from beaker.testing._threads import in_thread, in_threads


class Locking(Laws):
    """Sessions that are held."""

    def test_a_request_locks_its_session_from_first_use_to_response(
        self, browser: Browsers, backend: Backend
    ) -> None:
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

    def test_a_request_that_fails_lets_its_session_go(self, browser: Browsers, backend: Backend) -> None:
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

    def test_a_request_that_never_responds_lets_its_session_go(self, backend: Backend) -> None:
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

    @pytest.mark.parametrize("options", [LOCK, {}])
    def test_a_session_that_goes_while_an_exception_is_raised_lets_it_pass(
        self, backend: Backend, options: dict[str, Any]
    ) -> None:
        def locked() -> Any:
            session = opened(backend, ID, **options)
            if not options:
                session.lock()
            session["name"] = "Grace"
            return session

        def failing() -> object:
            raise ValueError("no response")

        def use(_session: object, _value: object) -> None:
            pytest.fail("it is called")

        stored(backend, name="Ada")
        # Only the interpreter's stack has the session then.
        with pytest.raises(ValueError, match="no response"):
            use(locked(), failing())
        gc.collect()
        assert is_free(backend, ID)
        assert content(backend) == {"name": "Ada"}

    def test_a_session_that_cannot_be_stored_is_unlocked(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser(**LOCK)
        visitor.put(name="Ada")

        def work(session: Any) -> None:
            session["name"] = threading.Lock()
            session.save()

        with pytest.raises(TypeError):
            visitor.visit(work)
        assert is_free(backend, visitor.id)
        assert visitor.read() == {"name": "Ada"}

    def test_a_request_that_does_not_use_its_session_holds_nothing(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser(**LOCK)
        visitor.put(name="Ada")
        visitor.visit(lambda _session: is_free(backend, visitor.id) or pytest.fail("it is held"))

    def test_a_wait_beyond_the_time_limit_raises(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        holder = opened(backend, ID)
        holder.lock()
        proxy: Any = SessionObject({"HTTP_COOKIE": f"beaker.session.id={ID}"}, **backend.options, **LOCK)
        with pytest.raises(LockError):
            in_thread(lambda: proxy.get("name"))
        since = time.monotonic()
        with pytest.raises(LockError):
            in_thread(lambda: opened(backend, ID, lock_timeout=1).lock())
        # Not as long as without the option.
        assert 0.9 < time.monotonic() - since < 30
        holder.unlock()
        assert is_free(backend, ID)

    @needs("readers")
    def test_a_session_is_read_while_another_request_holds_it(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        holder = opened(backend, ID)
        holder.lock()
        assert opened(backend, ID)["name"] == "Ada"
        holder.unlock()

    def test_a_locked_session_is_loaded_saved_and_rotated(self, backend: Backend) -> None:
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
        assert not exists(backend, ID)
        assert content(backend, session.id) == {"count": 3}
        assert is_free(backend, session.id)

    def test_a_locked_session_is_deleted(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        session = opened(backend, ID)
        session.lock()
        session.delete()
        session.unlock()
        assert not exists(backend, ID)
        assert is_free(backend, ID)

    def test_a_locked_session_is_invalidated(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        session = opened(backend, ID)
        session.lock()
        session.invalidate()
        session["name"] = "Grace"
        session.save()
        session.unlock()
        assert not exists(backend, ID)
        assert content(backend, session.id) == {"name": "Grace"}

    def test_unlock_without_lock_is_an_error(self, backend: Backend) -> None:
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

    def test_a_session_locked_twice_needs_two_unlocks(self, backend: Backend) -> None:
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

    def test_a_dropped_session_object_releases_its_lock(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        session = opened(backend, ID)
        session.lock()
        del session
        assert is_free(backend, ID)

    def test_a_request_lets_go_what_its_program_locked(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser()
        visitor.put(name="Ada")

        def work(session: Any) -> None:
            session.lock()
            session["name"] = "Grace"
            session.save()

        visitor.visit(work)
        assert is_free(backend, visitor.id)
        assert visitor.read() == {"name": "Grace"}

    def test_a_session_found_by_its_id_holds_nothing(self, browser: Browsers, backend: Backend) -> None:
        stored(backend, name="Ada")

        def work(session: Any) -> bool:
            found = session.get_by_id(ID)
            assert found["name"] == "Ada"
            return is_free(backend, ID)

        assert browser(**LOCK).visit(work).result

    def test_threads_that_use_a_proxy_first_at_once_hold_one_session(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        for _ in range(10):
            proxy: Any = SessionObject({"HTTP_COOKIE": f"beaker.session.id={ID}"}, **backend.options, **LOCK)
            assert in_threads(*[partial(proxy.__getitem__, "name")] * 4) == ["Ada"] * 4
            proxy.persist()

    def test_lock_and_unlock_surround_what_a_program_does_to_the_record(self, backend: Backend) -> None:
        session = opened(backend, "locked")
        session.lock()
        session["name"] = "Ada"
        session.save()
        session.unlock()
        assert opened(backend, "locked")["name"] == "Ada"
        session["name"] = "Grace"
        session.save()
        assert opened(backend, "locked")["name"] == "Grace"

    def test_an_option_that_is_set_under_the_lock_leaves_the_lock_held(self, backend: Backend) -> None:
        session = opened(backend, "locked")
        session.lock()
        session.timeout = 60
        session["name"] = "Ada"
        session.save()
        session.unlock()
        assert session.timeout == 60
        assert opened(backend, "locked")["name"] == "Ada"
