"""A session that ends or gets a new id leaves nothing behind and does not come back."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning
from beaker.session import Session
from tests.support.dict_namespace import DictNamespace
from tests.support.sessions import ID, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser, Clock

    Browsers = Callable[..., Browser]


def test_delete_removes_the_record_and_expires_the_cookie(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")
    visit = visitor.visit(lambda session: session.delete())
    assert backend.texts() == {}
    assert "; expires=" in visit.cookie
    assert visitor.read() == {}


def test_delete_ends_the_cookie_a_year_ago(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors()
    visitor.put(name="Ada")
    visit = visitor.visit(lambda session: session.delete())
    assert "; expires=Mon, 14-Nov-2022 22:13:20 GMT" in visit.cookie


def test_a_deleted_session_is_empty_and_marked(browser: Browsers) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> tuple[bool, bool, dict[str, Any]]:
        session.delete()
        return session.dirty(), session.accessed(), dict(session)

    assert visitor.visit(work).result == (True, True, {"_domain": None, "_path": "/"})


def test_invalidate_begins_an_empty_session_under_a_new_id(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")
    old = visitor.id

    def work(session: Any) -> tuple[Any, ...]:
        session.invalidate()
        return session.id, session.is_new, session.was_invalidated, session.last_accessed, "name" in session

    visit = visitor.visit(work)
    new, *rest = visit.result
    assert new != old
    assert rest == [True, True, None, False]
    assert visit.value == new
    assert backend.texts() == {}


def test_a_change_after_invalidate_is_saved(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session.invalidate()
        session["name"] = "Grace"
        session.save()

    visit = visitor.visit(work)
    assert list(backend.texts()) == [visit.value]
    assert visitor.read() == {"name": "Grace"}


def test_regenerate_id_keeps_the_data_under_a_new_id(browser: Browsers, backend: Backend) -> None:
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
    assert list(backend.texts()) == [visit.value]
    assert visitor.read() == {"name": "Ada", "level": "admin"}


@pytest.mark.parametrize("keeps_time", [True, False])
def test_regenerate_id_without_save_moves_what_was_loaded(
    browser: Browsers, backend: Backend, keeps_time: bool
) -> None:
    visitor = browser(save_accessed_time=keeps_time)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session.regenerate_id()
        session["level"] = "admin"

    visit = visitor.visit(work)
    assert list(backend.texts()) == [visit.value]
    assert visitor.read() == {"name": "Ada"}


def test_the_id_of_a_new_session_may_be_regenerated(browser: Browsers, backend: Backend) -> None:
    visitor = browser()

    def work(session: Any) -> None:
        session["name"] = "Ada"
        session.regenerate_id()
        session.save()

    visit = visitor.visit(work)
    assert list(backend.texts()) == [visit.value]
    assert visitor.read() == {"name": "Ada"}


def test_a_session_found_by_id_is_saved_and_deleted_on_its_own(browser: Browsers, backend: Backend) -> None:
    other = browser()
    other.put(name="Ada")

    def rename(session: Any) -> None:
        found = session.get_by_id(other.id)
        found["name"] = "Grace"
        found.save()

    browser().visit(rename)
    assert other.read() == {"name": "Grace"}
    browser().visit(lambda session: session.get_by_id(other.id).delete())
    assert backend.texts() == {}


def test_the_id_is_a_version_4_uuid_in_32_digits(browser: Browsers) -> None:
    ids = {browser().visit(lambda session: session.id).result for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", session_id) for session_id in ids)


def test_a_save_begun_before_a_logout_does_not_revive_the_session(
    browser: Browsers, backend: Backend
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
    assert backend.texts() == {}


def test_a_read_begun_before_a_logout_does_not_revive_the_session(
    browser: Browsers, backend: Backend
) -> None:
    visitor = browser()
    visitor.put(name="Ada", nested=[1])

    def work(session: Any) -> None:
        assert session["name"] == "Ada"
        opened(backend, session.id).delete()

    visitor.visit(work)
    assert backend.texts() == {}


def test_a_session_ended_meanwhile_is_not_revived_under_a_new_id(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        assert session["name"] == "Ada"
        opened(backend, session.id).delete()
        session.regenerate_id()
        session.save()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BeakerWarning)
        visitor.visit(work)
    assert backend.texts() == {}


@pytest.mark.parametrize("stored_before", [True, False])
def test_an_explicit_save_moves_to_a_new_id(browser: Browsers, backend: Backend, stored_before: bool) -> None:
    visitor = browser()
    if stored_before:
        visitor.put(name="Ada")

    def work(session: Any) -> None:
        session["name"] = "Grace"
        session._session().save()
        session.regenerate_id()

    visit = visitor.visit(work)
    assert list(backend.texts()) == [visit.value]
    assert visitor.read() == {"name": "Grace"}


def test_a_session_that_was_saved_and_then_invalidated_keeps_nothing(
    browser: Browsers, backend: Backend
) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session._session().save()
        session.invalidate()

    visitor.visit(work)
    assert backend.texts() == {}


class Overtaken(DictNamespace):
    """Another request saves the session between the load and the next call of this one."""

    saved: str | None = None

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if self.saved is not None:
            self.contents[self.namespace][key], type(self).saved = self.saved, None
        return value


def test_a_save_at_the_moment_of_expiry_is_not_deleted(clock: Clock) -> None:
    backend: Any = type("Namespace", (Overtaken,), {"contents": {}, "calls": []})

    def session() -> Any:
        return Session({}, id=ID, use_cookies=False, timeout=60, namespace_class=backend)

    first = session()
    first["name"] = "Ada"
    first.save()
    before = backend.contents[ID]["session"]
    clock.advance(59)
    slow = session()
    slow["cart"] = ["tea"]
    clock.advance(2)
    slow.save()
    backend.saved, backend.contents[ID]["session"] = backend.contents[ID]["session"], before
    found = session()
    assert (found["name"], found["cart"], found.id) == ("Ada", ["tea"], ID)
