"""The access times of sessions: stored, left out, or stored now and then."""

from typing import Any, Final

from beaker.testing._backend import Backend
from beaker.testing._clock import START, Clock
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import exists, opened, text

INTERVAL: Final[dict[str, Any]] = {"timeout": 600, "touch_interval": 60}


class Access(Laws):
    """The access times of sessions."""

    def test_a_timed_out_session_is_removed_and_replaced(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visitor = browser(timeout=60)
        visitor.put(name="Ada")
        old = visitor.id
        clock.advance(61)

        def work(session: Any) -> tuple[Any, ...]:
            session["name"] = "Grace"
            session.save()
            return session.is_new, session.was_invalidated, session.last_accessed, session.created

        visit = visitor.visit(work)
        assert visit.result == (True, True, None, clock.now)
        assert not exists(backend, old)
        assert visit.value != old
        assert visitor.read() == {"name": "Grace"}

    def test_access_times_are_not_stored_when_that_is_switched_off(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visitor = browser(save_accessed_time=False)
        visitor.put(name="Ada")
        namespace = opened(backend, visitor.id).namespace
        before = text(namespace)
        clock.advance(60)
        visitor.read()
        assert text(namespace) == before
        assert visitor.visit(lambda session: session.last_accessed).result == START

    def test_the_access_time_of_a_read_is_stored(
        self, browser: Browsers, backend: Backend, clock: Clock, encoding: dict[str, Any]
    ) -> None:
        visitor = browser(**encoding)
        visitor.put(name="Ada")
        clock.advance(33.25)
        visitor.read()
        session = opened(backend, visitor.id, **encoding)
        assert session.last_accessed == START + 33.25
        assert session.created == START

    def test_a_read_within_the_interval_stores_nothing(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visitor = browser(**INTERVAL)
        visitor.put(name="Ada")
        namespace = opened(backend, visitor.id).namespace
        before = text(namespace)
        for _ in range(3):
            clock.advance(19)
            assert visitor.read() == {"name": "Ada"}
        assert text(namespace) == before
        clock.advance(3)
        assert visitor.read() == {"name": "Ada"}
        assert text(namespace) != before

    def test_a_save_within_the_interval_is_stored(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser(**INTERVAL)
        visitor.put(name="Ada")
        clock.advance(1)
        visitor.put(cart=["tea"])
        assert visitor.read() == {"name": "Ada", "cart": ["tea"]}

    def test_a_change_in_place_within_the_interval_is_stored(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser(**INTERVAL)
        visitor.put(cart=["tea"])
        clock.advance(1)
        visitor.visit(lambda session: session["cart"].append("milk"))
        assert visitor.read() == {"cart": ["tea", "milk"]}

    def test_no_session_is_idle_before_its_timeout(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser(**INTERVAL)
        visitor.put(name="Ada")
        clock.advance(59)
        assert visitor.read() == {"name": "Ada"}
        clock.advance(600)
        assert visitor.read() == {"name": "Ada"}
        clock.advance(661)
        assert visitor.read() == {}

    def test_a_timeout_of_its_own_is_judged_the_same(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser(**INTERVAL)
        visitor.visit(lambda session: (session.set_timeout(6000), session.update(name="Ada"), session.save()))
        clock.advance(59)
        visit = visitor.visit(lambda session: session["name"])
        assert visit.cookie, "the browser's cookie is renewed by every response"
        clock.advance(6000)
        assert visitor.read() == {"name": "Ada"}

    def test_a_clock_that_went_back_is_stored(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visitor = browser(**INTERVAL)
        visitor.put(name="Ada")
        namespace = opened(backend, visitor.id).namespace
        before = text(namespace)
        clock.advance(-5)
        assert visitor.read() == {"name": "Ada"}
        assert text(namespace) != before

    def test_a_rotation_within_the_interval_is_stored(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visitor = browser(**INTERVAL)
        visitor.put(name="Ada")
        before = visitor.id
        clock.advance(1)
        visitor.visit(lambda session: session.regenerate_id())
        assert not exists(backend, before)
        assert visitor.read() == {"name": "Ada"}

    def test_a_read_keeps_what_another_request_stored_meanwhile(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser()
        visitor.put(name="Ada")

        def work(session: Any) -> None:
            assert session["name"] == "Ada"
            other = opened(backend, session.id)
            other["name"] = "Grace"
            other.save()

        visitor.visit(work)
        assert visitor.read() == {"name": "Grace"}

    def test_a_read_in_every_encoding_keeps_a_concurrent_save(
        self, browser: Browsers, backend: Backend, encoding: dict[str, Any]
    ) -> None:
        visitor = browser(**encoding)
        visitor.put(name="Ada", cart=["apple"])

        def work(session: Any) -> None:
            assert session["cart"] == ["apple"]
            other = opened(backend, session.id, **encoding)
            other["name"] = "Grace"
            other.save()

        visitor.visit(work)
        assert visitor.read() == {"name": "Grace", "cart": ["apple"]}

    def test_the_accessed_dict_is_what_was_loaded(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        clock.advance(10)

        def work(session: Any) -> Any:
            session["name"] = "Grace"
            return session.accessed_dict

        loaded = visitor.visit(work).result
        assert loaded["name"] == "Ada"
        assert loaded["_accessed_time"] == clock.now
        assert loaded["_creation_time"] == clock.now - 10
