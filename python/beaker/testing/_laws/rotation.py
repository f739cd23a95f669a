"""Sessions that get a new id: all that they have is under the new one, and nothing under the old."""

from typing import Any

import pytest

from beaker.exceptions import BeakerWarning
from beaker.session import Session
from beaker.testing._backend import Backend
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import exists, opened


class Rotation(Laws):
    """Sessions that get a new id."""

    def test_regenerate_id_keeps_the_data_under_a_new_id(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        old = visitor.id

        def work(session: Any) -> tuple[str, bool]:
            session.regenerate_id()
            session["level"] = "admin"
            session.save()
            return session.id, session.is_new

        visit = visitor.visit(work)
        assert visit.result == (visit.value, False)
        assert visit.value != old
        assert not exists(backend, old)
        assert visitor.read() == {"name": "Ada", "level": "admin"}

    @pytest.mark.parametrize("keeps_time", [True, False])
    def test_regenerate_id_without_save_moves_what_was_loaded(
        self, browser: Browsers, backend: Backend, keeps_time: bool
    ) -> None:
        visitor = browser(save_accessed_time=keeps_time)
        visitor.put(name="Ada")
        old = visitor.id

        def work(session: Any) -> None:
            session.regenerate_id()
            session["level"] = "admin"

        assert visitor.visit(work).value != old
        assert not exists(backend, old)
        assert visitor.read() == {"name": "Ada"}

    def test_the_id_of_a_new_session_may_be_regenerated(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser()

        def work(session: Any) -> str:
            first: str = session.id
            session["name"] = "Ada"
            session.regenerate_id()
            session.save()
            return first

        assert not exists(backend, visitor.visit(work).result)
        assert visitor.read() == {"name": "Ada"}

    @pytest.mark.parametrize("stored_before", [True, False])
    def test_an_explicit_save_moves_to_a_new_id(
        self, browser: Browsers, backend: Backend, stored_before: bool
    ) -> None:
        visitor = browser()
        if stored_before:
            visitor.put(name="Ada")

        def work(session: Any) -> str:
            session["name"] = "Grace"
            session._session().save()
            old: str = session.id
            session.regenerate_id()
            return old

        assert not exists(backend, visitor.visit(work).result)
        assert visitor.read() == {"name": "Grace"}

    def test_a_new_id_that_a_subclass_chooses_takes_the_place_of_the_old(self, backend: Backend) -> None:
        class Chooses(Session):
            def _create_id(self, set_new: bool = True) -> None:
                self.id = "chosen"

        session: Any = Chooses({}, id="one", use_cookies=False, **backend.options)
        session["name"] = "Ada"
        session.save()
        session.regenerate_id()
        session.save()
        assert opened(backend, "one").is_new
        assert opened(backend, "chosen")["name"] == "Ada"

    def test_a_rotated_session_reloads_without_its_old_id(
        self,
        browser: Browsers,
    ) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        before: list[str] = []

        def work(session: Any) -> None:
            before.append(session.id)
            session.regenerate_id()
            session.load()
            assert session["name"] == "Ada"
            session.save()

        visitor.visit(work)
        assert visitor.read() == {"name": "Ada"}
        assert visitor.visit(lambda session: session.get_by_id(before[0])).result is None

    def test_regenerating_leaves_nothing_under_the_old_id(
        self, backend: Backend, encoding: dict[str, Any]
    ) -> None:
        session = opened(backend, "chosen", **encoding)
        session["name"] = "Ada"
        session.save()
        session.regenerate_id()
        session.save()
        assert not exists(backend, "chosen", **encoding)
        assert opened(backend, session.id, **encoding)["name"] == "Ada"

    def test_regenerating_many_times_leaves_one_record(self, backend: Backend) -> None:
        session = opened(backend, "chosen")
        session["name"] = "Ada"
        session.save()
        ids = ["chosen"]
        for _ in range(5):
            session.regenerate_id()
            ids.append(session.id)
            session.regenerate_id()
            session.save()
            ids.append(session.id)
        assert [exists(backend, session_id) for session_id in ids] == [False] * 10 + [True]

    def test_a_save_after_somebody_else_renamed_is_refused_with_a_warning(self, backend: Backend) -> None:
        session = opened(backend, "chosen")
        session["name"] = "Ada"
        session.save()
        late = opened(backend, "chosen")
        session.regenerate_id()
        session.save()
        late["name"] = "Grace"
        with pytest.warns(BeakerWarning, match="was ended"):
            late.save()
        assert not exists(backend, "chosen")
        assert opened(backend, session.id)["name"] == "Ada"
