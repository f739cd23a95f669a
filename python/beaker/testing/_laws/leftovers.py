"""What is left in the store: nothing of a session that ended, and nothing of an id that nobody had."""

from operator import methodcaller
from typing import Any

from beaker.testing._backend import Backend, needs
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._laws.grace import KEPT, Pair, name
from beaker.testing._sessions import ID, KEY, LOCK, exists, opened, stored


class Leftovers(Laws):
    """What is left in the store."""

    @needs("names")
    def test_a_session_that_was_saved_twice_has_one_record(
        self, backend: Backend, encoding: dict[str, Any]
    ) -> None:
        session = opened(backend, "chosen", **encoding)
        counts = []
        for number in range(3):
            session["number"] = number
            session.save()
            counts.append(len(backend.names()))
        assert counts[0] == counts[1] == counts[2] > 0
        assert opened(backend, "chosen", **encoding)["number"] == 2

    @needs("names")
    def test_looking_at_an_unknown_id_allocates_nothing(self, backend: Backend) -> None:
        for session_id in ("unknown", ID, "un.known", "../unknown"):
            session = opened(backend, session_id)
            assert session.is_new
            assert session.get("name") is None
            session.save(accessed_only=True)
        assert list(backend.names()) == []

    @needs("names")
    def test_deleting_an_unknown_id_allocates_nothing(self, backend: Backend) -> None:
        for session_id in ("unknown", ID, "un.known"):
            opened(backend, session_id).delete()
        assert list(backend.names()) == []

    @needs("names")
    def test_an_unknown_id_in_a_cookie_is_not_adopted_nor_stored(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser()
        visit = visitor.visit(lambda session: session.id, cookie=f"{KEY}={ID}")
        assert visit.result != ID
        assert list(backend.names()) == []

        def store(session: Any) -> None:
            session["name"] = "Ada"
            session.save()

        visit = visitor.visit(store, cookie=f"{KEY}={ID}")
        assert visit.value != ID
        assert not exists(backend, ID)

    @needs("names")
    def test_a_thousand_unknown_ids_leave_nothing_behind(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser()
        for number in range(1000):
            visitor.visit(lambda session: session.get("name"), cookie=f"{KEY}={number:032x}")
        assert list(backend.names()) == []

    @needs("names")
    def test_a_made_up_id_is_not_held_and_leaves_nothing(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser(**LOCK)
        visitor.put(name="Ada")
        before = list(backend.names())
        visit = browser(**LOCK).visit(lambda session: session.id, f"beaker.session.id={ID}")
        assert visit.result != ID
        assert list(backend.names()) == before

    @needs("names")
    def test_a_session_that_ended_leaves_nothing(self, browser: Browsers, backend: Backend) -> None:
        for end in ("delete", "invalidate"):
            visitor = browser()
            visitor.put(name="Ada")
            assert backend.names()
            visitor.visit(methodcaller(end))
            assert list(backend.names()) == []

    @needs("names")
    def test_a_locked_session_that_ended_leaves_no_lock(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        session = opened(backend, ID)
        session.lock()
        session.delete()
        session.unlock()
        assert list(backend.names()) == []

    @needs("names")
    def test_a_lock_of_a_session_that_is_never_stored_leaves_nothing(self, backend: Backend) -> None:
        session = opened(backend, ID)
        session.lock()
        session.unlock()
        assert list(backend.names()) == []

    @needs("names")
    def test_rotations_leave_what_one_session_has(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        before = len(backend.names())
        session = opened(backend, ID)
        for _ in range(3):
            session.regenerate_id()
            session.save()
        assert len(backend.names()) == before
        session.delete()
        assert list(backend.names()) == []

    @needs("names")
    def test_a_session_that_is_never_saved_leaves_nothing(self, browser: Browsers, backend: Backend) -> None:
        browser().visit(lambda session: session.update(name="Ada"))
        browser().visit(lambda session: session.delete())
        browser().visit(lambda session: session.invalidate())
        assert list(backend.names()) == []

    @needs("names")
    def test_an_old_id_that_leads_nowhere_leaves_nothing_once_it_was_looked_at(
        self, browser: Browsers, backend: Backend
    ) -> None:
        pair = Pair(browser(**KEPT))
        pair.late(lambda session: session.delete())
        assert pair.late(name).result[0] is None
        assert list(backend.names()) == []
