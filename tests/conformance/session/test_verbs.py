"""The methods of a session: saving, ending, rotating, reverting and finding another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session, SessionObject
from tests.support.sessions import UNKNOWN_ID, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser, Clock

    Browsers = Callable[..., Browser]


def test_a_save_is_there_in_the_next_request(visitors: Browsers, encoding: dict[str, Any]) -> None:
    visitor = visitors(**encoding)
    visitor.put(name="Ada", number=7, nested={"list": [1, 2]}, nothing=None)
    assert visitor.read() == {"name": "Ada", "number": 7, "nested": {"list": [1, 2]}, "nothing": None}


def test_a_change_that_was_not_saved_is_dropped(visitors: Browsers, encoding: dict[str, Any]) -> None:
    visitor = visitors(**encoding)
    visitor.put(one=1, two=2)

    def work(session: Any) -> None:
        session["one"] = "changed"
        session["three"] = "new"
        del session["two"]

    visitor.visit(work)
    assert visitor.read() == {"one": 1, "two": 2}


def test_with_auto_every_change_is_saved(visitors: Browsers) -> None:
    visitor = visitors(auto=True)
    visitor.visit(lambda session: session.update(one=1))
    visitor.visit(lambda session: session.update(two=2))
    assert visitor.read() == {"one": 1, "two": 2}


def test_save_alone_saves_a_session_that_nothing_else_was_asked_of(visitors: Browsers) -> None:
    visitor = visitors()
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


def test_deleting_a_session_that_was_never_stored_stores_nothing(browser: Browsers, backend: Backend) -> None:
    browser().visit(lambda session: session.delete())
    assert backend.texts() == {}


def test_revert_goes_back_to_what_was_loaded(visitors: Browsers) -> None:
    visitor = visitors()
    visitor.put(name="Ada")

    def work(session: Any) -> dict[str, Any]:
        session["name"] = "Grace"
        session["more"] = 1
        session.revert()
        session.save()
        return dict(session)

    content = visitor.visit(work).result
    assert content["name"] == "Ada"
    assert set(content) - {"_id"} == {"name", "_accessed_time", "_creation_time", "_domain", "_path"}
    assert visitor.read() == {"name": "Ada"}


def test_a_new_session_reverts_to_nothing(visitors: Browsers) -> None:
    def work(session: Any) -> dict[str, Any]:
        session["name"] = "Grace"
        session.revert()
        return dict(session)

    content = visitors().visit(work).result
    assert (content["_domain"], content["_path"]) == (None, "/")
    assert [key for key in content if not key.startswith("_")] == []


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


def test_an_addition_to_the_accessed_dict_is_stored_with_the_access(visitors: Browsers) -> None:
    visitor = visitors()
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


def test_an_option_that_is_set_under_the_lock_leaves_the_lock_held(backend: Backend) -> None:
    session = opened(backend, "locked")
    session.lock()
    session.timeout = 60
    session["name"] = "Ada"
    session.save()
    session.unlock()
    assert session.timeout == 60
    assert opened(backend, "locked")["name"] == "Ada"


def test_a_session_whose_lock_was_not_had_goes_on_without_it(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(written_in_python, "locked")
    namespace = session.namespace

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("no locks")

    with monkeypatch.context() as patch:
        patch.setattr(type(namespace), "acquire_write_lock", refuse)
        with pytest.raises(OSError, match="no locks"):
            session.lock()
    session.timeout = 60
    assert session.namespace is not namespace


@pytest.mark.parametrize("keeps_time", [True, False])
def test_the_end_of_a_request_does_not_undo_an_explicit_save(
    visitors: Browsers, encoding: dict[str, Any], keeps_time: bool
) -> None:
    visitor = visitors(save_accessed_time=keeps_time, **encoding)
    visitor.put(count=0, nested=[1])

    def work(session: Any) -> None:
        session["count"] = session["count"] + 1
        session["nested"].append(2)
        session._session().save()
        session["unsaved"] = True

    visitor.visit(work)
    assert visitor.read() == {"count": 1, "nested": [1, 2]}


def test_a_new_session_that_was_saved_at_once_sends_its_cookie(visitors: Browsers) -> None:
    def work(session: Any) -> None:
        session["name"] = "Ada"
        session._session().save()

    visitor = visitors()
    assert len(visitor.visit(work).cookies) == 1
    assert visitor.read() == {"name": "Ada"}


def test_a_session_whose_id_a_program_sets_leaves_the_record_it_had(backend: Backend) -> None:
    session = opened(backend, "one")
    session["name"] = "Ada"
    session.save()
    session.id = "other"
    session["name"] = "Grace"
    session.save()
    assert opened(backend, "one")["name"] == "Ada"
    assert opened(backend, "other")["name"] == "Grace"


def test_a_new_id_that_a_subclass_chooses_takes_the_place_of_the_old(backend: Backend) -> None:
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


def test_backend_arguments_change_for_one_session_only(backend: Backend) -> None:
    session = opened(backend, "one")
    session.namespace_args["dbm_dir"] = "elsewhere"
    assert "dbm_dir" not in opened(backend, "one").namespace_args
