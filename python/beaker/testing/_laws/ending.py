"""Sessions that end: they leave nothing behind, and nothing brings them back."""

import warnings
from typing import Any

import pytest

from beaker.exceptions import BeakerWarning
from beaker.testing._backend import Backend
from beaker.testing._clock import Clock
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import ID, exists, opened


class Ending(Laws):
    """Sessions that end."""

    @pytest.mark.parametrize("concurrency", ["merge", "beaker", "lock"])
    @pytest.mark.parametrize("end", ["delete", "invalidate", "regenerate_id"])
    def test_a_save_that_began_before_the_end_revives_nothing_and_says_so(
        self, backend: Backend, concurrency: str, end: str
    ) -> None:
        late = opened(backend, ID, concurrency=concurrency)
        late["name"] = "Ada"
        late.save()
        late.load()
        if concurrency == "lock":
            late.unlock()
        ending = opened(backend, ID)
        getattr(ending, end)()
        ending.save()
        late["name"] = "Grace"
        with pytest.warns(BeakerWarning, match="was ended"):
            late.save()
        assert not exists(backend, ID)

    @pytest.mark.parametrize("end", ["delete", "invalidate", "regenerate_id"])
    def test_a_rotation_that_began_before_the_end_revives_nothing(self, backend: Backend, end: str) -> None:
        begun = opened(backend, ID)
        begun["name"] = "Ada"
        begun.save()
        late, ending = opened(backend, ID), opened(backend, ID)
        getattr(ending, end)()
        ending.save()
        late.regenerate_id()
        with pytest.warns(BeakerWarning, match="was ended"):
            late.save()
        assert not exists(backend, ID)
        assert not exists(backend, late.id)

    def test_a_session_that_another_request_found_expired_is_not_revived(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visitor, same = browser(timeout=60), browser(timeout=60)
        visitor.put(name="Ada", nested=[1])
        same.jar = visitor.jar
        old = visitor.id

        def work(session: Any) -> None:
            session["nested"].append(2)
            clock.advance(1000)
            assert same.read() == {}
            session.save()

        with pytest.warns(BeakerWarning, match="was ended"):
            visitor.visit(work)
        assert not exists(backend, old)

    def test_delete_removes_the_record_and_expires_the_cookie(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        session_id = visitor.id
        visit = visitor.visit(lambda session: session.delete())
        assert not exists(backend, session_id)
        assert "; expires=" in visit.cookie
        assert visitor.read() == {}

    def test_a_deleted_session_is_empty_and_marked(self, browser: Browsers) -> None:
        visitor = browser()
        visitor.put(name="Ada")

        def work(session: Any) -> tuple[bool, bool, dict[str, Any]]:
            session.delete()
            return session.dirty(), session.accessed(), dict(session)

        assert visitor.visit(work).result == (True, True, {"_domain": None, "_path": "/"})

    def test_invalidate_begins_an_empty_session_under_a_new_id(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        old = visitor.id

        def work(session: Any) -> tuple[Any, ...]:
            session.invalidate()
            return (
                session.id,
                session.is_new,
                session.was_invalidated,
                session.last_accessed,
                "name" in session,
            )

        visit = visitor.visit(work)
        new, *rest = visit.result
        assert new != old
        assert rest == [True, True, None, False]
        assert visit.value == new
        assert not exists(backend, old)
        assert not exists(backend, new)

    def test_a_change_after_invalidate_is_saved(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser()
        visitor.put(name="Ada")

        def work(session: Any) -> None:
            session.invalidate()
            session["name"] = "Grace"
            session.save()

        visit = visitor.visit(work)
        assert exists(backend, visit.value)
        assert visitor.read() == {"name": "Grace"}

    def test_a_session_found_by_id_is_saved_and_deleted_on_its_own(
        self, browser: Browsers, backend: Backend
    ) -> None:
        other = browser()
        other.put(name="Ada")

        def rename(session: Any) -> None:
            found = session.get_by_id(other.id)
            found["name"] = "Grace"
            found.save()

        browser().visit(rename)
        assert other.read() == {"name": "Grace"}
        browser().visit(lambda session: session.get_by_id(other.id).delete())
        assert not exists(backend, other.id)

    def test_a_save_begun_before_a_logout_does_not_revive_the_session(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser()
        visitor.put(name="Ada")

        def work(session: Any) -> None:
            session["name"] = "Grace"
            opened(backend, session.id).delete()
            session.save()

        with pytest.warns(BeakerWarning, match="was ended") as caught:
            visitor.visit(work)
        assert all(visitor.id not in str(warning.message) for warning in caught)
        assert not exists(backend, visitor.id)

    def test_a_read_begun_before_a_logout_does_not_revive_the_session(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser()
        visitor.put(name="Ada", nested=[1])

        def work(session: Any) -> None:
            assert session["name"] == "Ada"
            opened(backend, session.id).delete()

        visitor.visit(work)
        assert not exists(backend, visitor.id)

    def test_a_session_ended_meanwhile_is_not_revived_under_a_new_id(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        old = visitor.id

        def work(session: Any) -> None:
            assert session["name"] == "Ada"
            opened(backend, session.id).delete()
            session.regenerate_id()
            session.save()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BeakerWarning)
            visitor.visit(work)
        assert not exists(backend, old)
        assert not exists(backend, visitor.id)

    def test_a_session_that_was_saved_and_then_invalidated_keeps_nothing(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        old = visitor.id

        def work(session: Any) -> None:
            session._session().save()
            session.invalidate()

        visitor.visit(work)
        assert not exists(backend, old)
        assert not exists(backend, visitor.id)

    def test_delete_removes_the_record(self, backend: Backend, encoding: dict[str, Any]) -> None:
        session = opened(backend, "chosen", **encoding)
        session["name"] = "Ada"
        session.save()
        session.delete()
        assert not exists(backend, "chosen", **encoding)
        session.save()
        assert not exists(backend, "chosen", **encoding)

    def test_invalidate_removes_the_record(self, backend: Backend) -> None:
        session = opened(backend, "chosen")
        session.save()
        session.invalidate()
        assert not exists(backend, "chosen")
        session.save()
        assert not exists(backend, "chosen")
        assert exists(backend, session.id)

    def test_a_renewal_after_somebody_else_deleted_is_no_news(
        self, backend: Backend, encoding: dict[str, Any]
    ) -> None:
        session = opened(backend, "chosen", **encoding)
        session["name"] = "Ada"
        session.save()
        late = opened(backend, "chosen", **encoding)
        opened(backend, "chosen", **encoding).delete()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            late.save(accessed_only=True)
        assert not exists(backend, "chosen", **encoding)
