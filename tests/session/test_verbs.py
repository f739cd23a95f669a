"""What a program does to its session: saving, ending, renaming, going back, looking another one up."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning
from beaker.session import Session, SessionObject
from tests.session.kit import UNKNOWN_ID, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.session.kit import Backend, Browser, Clock

    Browsers = Callable[..., Browser]


def test_what_was_saved_is_there_in_the_next_request(browser: Browsers, encoding: dict[str, Any]) -> None:
    visitor = browser(**encoding)
    visitor.put(name="Ada", number=7, nested={"list": [1, 2]}, nothing=None)
    assert visitor.read() == {"name": "Ada", "number": 7, "nested": {"list": [1, 2]}, "nothing": None}


def test_a_change_that_was_not_saved_is_dropped(browser: Browsers, encoding: dict[str, Any]) -> None:
    visitor = browser(**encoding)
    visitor.put(one=1, two=2)

    def work(session: Any) -> None:
        session["one"] = "changed"
        session["three"] = "new"
        del session["two"]

    visitor.visit(work)
    assert visitor.read() == {"one": 1, "two": 2}


def test_with_auto_every_change_is_saved(browser: Browsers) -> None:
    visitor = browser(auto=True)
    visitor.visit(lambda session: session.update(one=1))
    visitor.visit(lambda session: session.update(two=2))
    assert visitor.read() == {"one": 1, "two": 2}


def test_save_alone_saves_a_session_that_nothing_else_was_asked_of(browser: Browsers) -> None:
    visitor = browser()
    visit = visitor.visit(lambda session: session.save())
    assert len(visit.cookies) == 1
    assert visitor.visit(lambda session: session.is_new).result is False


def test_save_alone_saves_with_auto_too(browser: Browsers, backend: Backend) -> None:
    visit = browser(auto=True).visit(lambda session: session.save())
    assert list(backend.texts()) == [visit.value]


def test_save_on_the_proxy_marks_and_persist_writes(backend: Backend) -> None:
    proxy: Any = SessionObject({}, **backend.options)
    assert proxy.accessed() is False
    assert proxy.dirty() is False
    proxy["key"] = 1
    assert proxy.accessed() is True
    assert proxy.dirty() is False
    proxy.save()
    assert proxy.dirty() is True
    assert backend.texts() == {}
    proxy.persist()
    assert list(backend.texts()) == [proxy.id]


def test_persist_without_save_stores_no_new_session(backend: Backend) -> None:
    proxy: Any = SessionObject({}, **backend.options)
    proxy["key"] = 1
    proxy.persist()
    assert backend.traces() == []


def test_persist_with_auto_stores_everything(backend: Backend) -> None:
    proxy: Any = SessionObject({}, **backend.options, auto=True)
    proxy["key"] = 1
    proxy.persist()
    assert opened(backend, proxy.id)["key"] == 1


def test_delete_removes_the_record_and_expires_the_cookie(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")
    visit = visitor.visit(lambda session: session.delete())
    assert backend.texts() == {}
    assert "; expires=" in visit.cookie
    assert visitor.read() == {}


def test_delete_ends_the_cookie_a_year_ago(browser: Browsers, clock: Clock) -> None:
    visitor = browser()
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


def test_deleting_a_session_that_was_never_stored_stores_nothing(browser: Browsers, backend: Backend) -> None:
    browser().visit(lambda session: session.delete())
    assert backend.texts() == {}


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


def test_what_is_put_into_a_session_after_invalidate_is_saved(browser: Browsers, backend: Backend) -> None:
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


def test_revert_goes_back_to_what_was_loaded(browser: Browsers) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> dict[str, Any]:
        session["name"] = "Grace"
        session["more"] = 1
        session.revert()
        session.save()
        return dict(session)

    content = visitor.visit(work).result
    assert content["name"] == "Ada"
    assert set(content) == {"name", "_accessed_time", "_creation_time", "_domain", "_path"}
    assert visitor.read() == {"name": "Ada"}


def test_a_new_session_reverts_to_nothing(browser: Browsers) -> None:
    def work(session: Any) -> dict[str, Any]:
        session["name"] = "Grace"
        session.revert()
        return dict(session)

    assert browser().visit(work).result == {"_domain": None, "_path": "/"}


def test_the_accessed_dict_is_what_was_loaded(browser: Browsers, clock: Clock) -> None:
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


def test_an_addition_to_the_accessed_dict_is_stored_with_the_access(browser: Browsers) -> None:
    visitor = browser()
    visitor.put(name="Ada")
    visitor.visit(lambda session: session.accessed_dict.update(more=1))
    assert visitor.read() == {"name": "Ada", "more": 1}


def test_get_by_id_finds_a_stored_session_and_nothing_else(browser: Browsers, backend: Backend) -> None:
    other = browser()
    other.put(name="Ada")

    def work(session: Any) -> tuple[Any, Any]:
        return session.get_by_id(other.id), session.get_by_id(UNKNOWN_ID)

    before = backend.traces()
    found, missing = browser().visit(work).result
    assert isinstance(found, Session)
    assert found["name"] == "Ada"
    assert found.id == other.id
    assert missing is None
    assert backend.traces() == before


def test_get_by_id_does_not_use_the_request_and_sends_no_cookie(browser: Browsers) -> None:
    other = browser()
    other.put(name="Ada")
    visit = browser().visit(lambda session: session.get_by_id(other.id)["name"])
    assert visit.result == "Ada"
    assert visit.cookies == []


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


def test_lock_and_unlock_surround_what_a_program_does_to_the_record(backend: Backend) -> None:
    session = opened(backend, "locked")
    session.lock()
    session["name"] = "Ada"
    session.save()
    session.unlock()
    assert opened(backend, "locked")["name"] == "Ada"
    session["name"] = "Grace"
    session.save()
    assert opened(backend, "locked")["name"] == "Grace"


def test_the_id_is_a_version_4_uuid_in_32_digits(browser: Browsers) -> None:
    ids = {browser().visit(lambda session: session.id).result for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", id) for id in ids)


def test_a_save_that_began_before_a_logout_does_not_bring_the_session_back(
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


def test_a_read_that_began_before_a_logout_does_not_bring_the_session_back(
    browser: Browsers, backend: Backend
) -> None:
    visitor = browser()
    visitor.put(name="Ada", nested=[1])

    def work(session: Any) -> None:
        assert session["name"] == "Ada"
        opened(backend, session.id).delete()

    visitor.visit(work)
    assert backend.texts() == {}


def test_a_session_that_was_ended_meanwhile_is_not_revived_under_a_new_id(
    browser: Browsers, backend: Backend
) -> None:
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


@pytest.mark.parametrize("keeps_time", [True, False])
def test_what_was_saved_at_once_is_not_undone_at_the_end_of_the_request(
    browser: Browsers, encoding: dict[str, Any], keeps_time: bool
) -> None:
    visitor = browser(save_accessed_time=keeps_time, **encoding)
    visitor.put(count=0, nested=[1])

    def work(session: Any) -> None:
        session["count"] = session["count"] + 1
        session["nested"].append(2)
        session._session().save()
        session["unsaved"] = True

    visitor.visit(work)
    assert visitor.read() == {"count": 1, "nested": [1, 2]}


@pytest.mark.parametrize("stored_before", [True, False])
def test_what_was_saved_at_once_moves_to_a_new_id(
    browser: Browsers, backend: Backend, stored_before: bool
) -> None:
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


def test_a_new_session_that_was_saved_at_once_sends_its_cookie(browser: Browsers) -> None:
    def work(session: Any) -> None:
        session["name"] = "Ada"
        session._session().save()

    visitor = browser()
    assert len(visitor.visit(work).cookies) == 1
    assert visitor.read() == {"name": "Ada"}


def test_a_session_that_was_saved_and_then_invalidated_keeps_nothing(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session._session().save()
        session.invalidate()

    visitor.visit(work)
    assert backend.texts() == {}
