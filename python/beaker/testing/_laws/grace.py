"""``destroy_old = grace:30``: for half a minute the id that a session had before leads to it."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from beaker.testing._backend import Backend
from beaker.testing._browser import Browser, Visit
from beaker.testing._clock import Clock
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import exists, opened

GRACE: Final = 30
KEPT: Final[dict[str, Any]] = {"destroy_old": f"grace:{GRACE}"}
MODES = pytest.mark.parametrize("mode", ["merge", "beaker", "lock"])


def rotate(session: Any) -> str:
    """Gives a session a new id, which it returns."""
    session.regenerate_id()
    session.save()
    new: str = session.id
    return new


def put(**values: Any) -> Callable[[Any], None]:
    """A page that stores values."""

    def work(session: Any) -> None:
        session.update(values)
        session.save()

    return work


class Pair:
    """A browser, and a request that still comes with the cookie which the browser had before."""

    def __init__(self, visitor: Browser) -> None:
        self.visitor = visitor
        visitor.put(name="Ada")
        self.before = visitor.jar
        self.old = visitor.id
        visitor.visit(rotate)
        self.now = visitor.jar
        self.new = visitor.id
        assert self.old != self.new

    def late(self, work: Callable[[Any], Any] | None = None) -> Visit:
        """A request with the cookie of before."""
        visit = self.visitor.visit(work, cookie=self.before)
        self.visitor.jar = self.now
        return visit

    def content(self) -> dict[str, Any]:
        """What a page of the rotated session sees."""
        self.visitor.jar = self.now
        return self.visitor.read()


def name(session: Any) -> tuple[Any, ...]:
    """The name in a session, its id, and whether it is another one than the cookie's."""
    return session.get("name"), session.id, session.is_new, session.was_invalidated


class Grace(Laws):
    """Sessions whose old id leads to the new one for a while."""

    @pytest.fixture
    def pair(self, browser: Browsers, clock: Clock) -> Pair:
        """A rotated session, and its old cookie."""
        return Pair(browser(timeout=600, **KEPT))

    @MODES
    def test_a_request_with_the_old_cookie_gets_the_rotated_session(
        self, browser: Browsers, clock: Clock, mode: str, encoding: dict[str, Any]
    ) -> None:
        pair = Pair(browser(concurrency=mode, **KEPT, **encoding))
        visit = pair.late(name)
        assert visit.result == ("Ada", pair.new, False, False)
        assert visit.cookies == []

    @MODES
    def test_a_save_with_the_old_id_is_in_the_session(
        self, browser: Browsers, clock: Clock, mode: str
    ) -> None:
        pair = Pair(browser(concurrency=mode, **KEPT))
        assert pair.late(put(colour="green")).cookies == []
        assert pair.content() == {"name": "Ada", "colour": "green"}

    @pytest.mark.parametrize("options", [{"rolling": True, "cookie_expires": 3600}, {"secret": "s" * 32}])
    def test_a_holder_of_the_old_id_never_gets_the_new_cookie(
        self, browser: Browsers, clock: Clock, options: dict[str, Any]
    ) -> None:
        pair = Pair(browser(**KEPT, **options))

        def work(session: Any) -> None:
            session.domain = "example.org"
            session.path = "/shop"
            session.set_timeout(3600)
            session._session()._set_cookie_expires(600)
            session._session()._update_cookie_out()
            session.save()

        for page in (name, work, rotate):
            assert pair.late(page).cookies == []

    def test_a_holder_of_the_old_id_gets_no_newer_one_by_rotating(self, pair: Pair) -> None:
        visit = pair.late(rotate)
        assert (visit.result, visit.cookies) == (pair.new, [])
        assert pair.content() == {"name": "Ada"}

    def test_the_old_id_leads_nowhere_when_the_grace_is_over(
        self, pair: Pair, clock: Clock, backend: Backend
    ) -> None:
        clock.advance(GRACE - 0.5)
        assert pair.late(name).result[0] == "Ada"
        clock.advance(1)
        found, session_id, is_new, _ = pair.late(name).result
        assert (found, is_new) == (None, True)
        assert session_id not in (pair.old, pair.new)
        assert pair.content() == {"name": "Ada"}
        assert not exists(backend, pair.old)

    def test_use_does_not_extend_the_grace_period(self, pair: Pair, clock: Clock) -> None:
        for _ in range(3):
            clock.advance(10)
            assert pair.late(put(colour="green")).result is None
        clock.advance(1)
        assert pair.late(name).result[0] is None

    def test_a_clock_set_back_does_not_extend_the_grace_period(self, pair: Pair, clock: Clock) -> None:
        clock.advance(-GRACE - 1)
        assert pair.late(name).result[0] is None
        clock.advance(GRACE)
        assert pair.late(name).result[0] is None
        assert pair.content() == {"name": "Ada"}

    def test_several_rotations_within_the_grace_lead_on_and_on(self, browser: Browsers, clock: Clock) -> None:
        visitor = browser(**KEPT)
        visitor.put(name="Ada")
        jars = [visitor.jar]
        for _ in range(8):
            visitor.visit(rotate)
            jars.append(visitor.jar)
        last = visitor.id
        for jar in jars:
            assert visitor.visit(name, cookie=jar).result[:2] == ("Ada", last)

    @pytest.mark.parametrize("end", ["delete", "invalidate"])
    @MODES
    def test_a_logout_by_the_old_cookie_ends_the_session(
        self, browser: Browsers, backend: Backend, clock: Clock, mode: str, end: str
    ) -> None:
        pair = Pair(browser(concurrency=mode, **KEPT))
        visit = pair.late(lambda session: getattr(session, end)())
        assert len(visit.cookies) == 1
        assert pair.content() == {}
        assert pair.late(name).result[0] is None
        assert [exists(backend, session_id) for session_id in (pair.old, pair.new)] == [False, False]

    @pytest.mark.parametrize("end", ["delete", "invalidate"])
    def test_after_a_logout_the_old_id_leads_nowhere(self, pair: Pair, backend: Backend, end: str) -> None:
        pair.visitor.visit(lambda session: getattr(session, end)())
        assert pair.late(name).result[2] is True
        assert [exists(backend, session_id) for session_id in (pair.old, pair.new)] == [False, False]

    def test_invalidate_leaves_nothing_that_leads_anywhere(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visitor = browser(**KEPT)
        visitor.put(name="Ada")
        old = visitor.id
        visitor.visit(lambda session: session.invalidate())
        assert not exists(backend, old)
        assert not exists(backend, visitor.id)

    def test_a_session_that_is_over_is_over_by_its_old_id_too(self, browser: Browsers, clock: Clock) -> None:
        pair = Pair(browser(timeout=10, **KEPT))
        clock.advance(11)
        assert pair.late(name).result[2] is True
        assert pair.content() == {}

    def test_a_session_is_locked_under_its_new_id(self, browser: Browsers, clock: Clock) -> None:
        pair = Pair(browser(**KEPT))

        def work(session: Any) -> None:
            session.lock()
            session.load()
            session["count"] = 1
            session._session().save()
            session.unlock()

        pair.late(work)
        assert pair.content()["count"] == 1

    @pytest.mark.parametrize("held", [True, False])
    def test_a_session_may_be_rotated_while_it_is_locked(
        self, browser: Browsers, clock: Clock, held: bool
    ) -> None:
        visitor = browser(**KEPT, concurrency="merge" if held else "lock")
        visitor.put(name="Ada")
        before = visitor.jar

        def work(session: Any) -> str:
            if held:
                session.lock()
            new = rotate(session._session())
            if held:
                session.unlock()
            return new

        new = visitor.visit(work).result
        assert visitor.visit(name, cookie=before).result[:2] == ("Ada", new)

    def test_a_session_is_found_by_the_id_that_it_had(self, pair: Pair, backend: Backend) -> None:
        found = pair.visitor.visit(lambda session: session.get_by_id(pair.old)).result
        assert (found.id, found["name"]) == (pair.new, "Ada")
        session = opened(backend, pair.old)
        session["colour"] = "green"
        session.save()
        assert pair.content() == {"name": "Ada", "colour": "green"}

    def test_an_id_that_a_program_chose_can_be_used_again(self, backend: Backend, clock: Clock) -> None:
        first = opened(backend, "chosen", **KEPT)
        first["name"] = "Ada"
        first.save()
        new = rotate(first)
        opened(backend, new, **KEPT).delete()
        for _ in range(2):
            again = opened(backend, "chosen", **KEPT)
            assert (again.id, again.is_new) == ("chosen", True)
        again["name"] = "Grace"
        again.save()
        assert opened(backend, "chosen")["name"] == "Grace"

    def test_a_session_that_its_first_request_rotates_leaves_nothing(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visit = browser(**KEPT).visit(
            lambda session: (session.id, session.update(name="Ada"), rotate(session))
        )
        first, _, new = visit.result
        assert not exists(backend, first)
        assert visit.value == new
        assert opened(backend, new)["name"] == "Ada"
