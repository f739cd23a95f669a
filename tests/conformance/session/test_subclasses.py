"""Classes that derive from `Session`: what they override is called where it always was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, BeakerWarning
from beaker.session import Session, _ConfigurableSession
from tests.conformance.session import hooks
from tests.conformance.session.hooks import names
from tests.support.sessions import KEY, UNKNOWN_ID, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]


@pytest.fixture
def noting() -> Any:
    """A session class that overrides every hook and notes what was called."""
    return hooks.noting(Session, *hooks.OF_SESSION)


@pytest.mark.parametrize("saves", [1, 2])
def test_a_session_that_was_renewed_is_saved_without_being_read_again(
    noting: Any, backend: Backend, saves: int
) -> None:
    first = opened(backend, UNKNOWN_ID)
    first["name"] = "Ada"
    first.save()
    session = noting({}, id=UNKNOWN_ID, use_cookies=False, **backend.options)
    for _ in range(saves):
        session.save(accessed_only=True)
    session["name"] = "Grace"
    session.save()
    called = names(noting)
    assert called.count("_decrypt_data") == 1
    assert called.count("_encrypt_data") == saves + 1
    assert opened(backend, UNKNOWN_ID)["name"] == "Grace"


def test_a_session_that_is_encoded_as_before_is_not_read_again(noting: Any, backend: Backend) -> None:
    first = opened(backend, UNKNOWN_ID)
    first["nested"] = [1]
    first.save()
    session = noting({}, id=UNKNOWN_ID, use_cookies=False, **backend.options)
    assert session["nested"] == [1]
    session.save(accessed_only=True)
    assert names(noting).count("_decrypt_data") == 1
    session["nested"].append(2)
    session.save(accessed_only=True)
    assert opened(backend, UNKNOWN_ID)["nested"] == [1, 2]


def test_a_new_session_makes_its_id_and_cookie_through_the_hooks(noting: Any, empty_memory: None) -> None:
    noting({})
    called = names(noting)
    assert called[:2] == ["clear", "_set_serializer"]
    assert called[2:] == ["_create_id", "_update_cookie_out", "_set_cookie_values", "_set_cookie_expires"]


def test_a_stored_session_is_loaded_and_decoded_through_the_hooks(browser: Browsers, noting: Any) -> None:
    visitor = browser(session_class=noting)
    visitor.put(name="Ada")
    names(noting)
    visitor.visit(lambda session: session["name"])
    called = names(noting)
    assert called[:5] == ["clear", "_set_serializer", "load", "clear", "_decrypt_data"]
    assert called[5:] == ["save", "_encrypt_data"]


def test_verbs_reach_the_hooks(browser: Browsers, noting: Any) -> None:
    visitor = browser(session_class=noting)
    visitor.put(name="Ada")

    def work(verb: str) -> list[str]:
        def run(session: Any) -> None:
            assert "name" in session
            names(noting)
            getattr(session, verb)()
            visitor.called = names(noting)  # type: ignore[attr-defined]

        visitor.visit(run)
        return visitor.called  # type: ignore[attr-defined,no-any-return]

    cookie = ["_update_cookie_out", "_set_cookie_values", "_set_cookie_expires"]
    assert work("regenerate_id") == ["_create_id", *cookie]
    assert work("revert") == ["clear"]
    assert work("invalidate")[:6] == ["invalidate", "clear", "_create_id", *cookie]
    visitor.put(name="Ada")
    assert work("delete") == [
        "delete",
        "_delete_cookie",
        "_set_cookie_values",
        "_set_cookie_expires",
        *cookie,
        "clear",
    ]


def test_a_corrupt_session_is_replaced_through_invalidate(
    browser: Browsers, backend: Backend, noting: Any
) -> None:
    backend.plant(UNKNOWN_ID, "no session at all")
    with pytest.warns(BeakerWarning, match="cannot be decoded"):
        browser(session_class=noting).visit(lambda session: session.id, cookie=f"{KEY}={UNKNOWN_ID}")
    assert "invalidate" in names(noting)


def test_ids_may_be_of_the_programs_own_making(browser: Browsers, backend: Backend) -> None:
    class Own(Session):
        number = 0

        def _create_id(self, set_new: bool = True) -> None:
            Own.number += 1
            self.id = f"own-{Own.number}"
            if set_new:
                self.is_new = True
                self.last_accessed = None
            if self.use_cookies:
                self._update_cookie_out(set_cookie=not set_new)

    visitor = browser(session_class=Own)
    visit = visitor.put(name="Ada")
    assert visit.value == "own-1"
    assert list(backend.texts()) == ["own-1"]
    assert visitor.read() == {"name": "Ada"}
    assert visitor.visit(lambda session: session.regenerate_id()).value == "own-2"
    assert list(backend.texts()) == ["own-2"]


def test_an_override_may_change_the_morsel(browser: Browsers) -> None:
    class Own(Session):
        def _set_cookie_values(self, expires: Any = None) -> None:
            super()._set_cookie_values(expires)
            self.cookie[self.key]["comment"] = "mine"
            self.cookie[self.key]["samesite"] = "Strict"

    visit = browser(session_class=Own).put(name="Ada")
    assert visit.cookie == f" {KEY}={visit.session.id}; Comment=mine; Path=/; SameSite=Strict"


def test_an_override_may_write_the_whole_header(browser: Browsers) -> None:
    class Own(Session):
        def _update_cookie_out(self, set_cookie: bool = True) -> None:
            super()._update_cookie_out(set_cookie)
            self.request["cookie_out"] += "; Priority=High"

    visit = browser(session_class=Own).put(name="Ada")
    assert visit.cookie.endswith("; Path=/; SameSite=Lax; Priority=High")


def test_an_override_may_encode_in_a_way_of_its_own(browser: Browsers, backend: Backend) -> None:
    class Own(Session):
        def _encrypt_data(self, session_data: Any = None) -> str:
            return "own:" + super()._encrypt_data(session_data)[::-1]

        def _decrypt_data(self, session_data: Any) -> Any:
            assert session_data.startswith("own:")
            return super()._decrypt_data(session_data[4:][::-1])

    visitor = browser(session_class=Own)
    visitor.put(name="Ada", nested=[1])
    (text,) = backend.texts().values()
    assert text.startswith("own:")
    visitor.visit(lambda session: session["nested"].append(2))
    assert visitor.read() == {"name": "Ada", "nested": [1, 2]}


def test_an_override_may_keep_more_when_it_is_cleared(browser: Browsers) -> None:
    class Own(Session):
        def clear(self) -> None:
            kept = self.get("kept")
            super().clear()
            if kept is not None:
                self["kept"] = kept

    def work(session: Any) -> list[str]:
        session.update(kept=1, lost=2)
        session.clear()
        return sorted(session)

    assert browser(session_class=Own).visit(work).result == ["_domain", "_path", "kept"]


def test_an_override_may_refuse_to_be_invalidated(browser: Browsers) -> None:
    class Own(Session):
        def invalidate(self) -> None:
            self["asked"] = True

    visitor = browser(session_class=Own, timeout=10)
    visitor.put(name="Ada")

    def work(session: Any) -> list[str]:
        session.invalidate()
        return [key for key in session if not key.startswith("_")]

    assert visitor.visit(work).result == ["name", "asked"]


def test_a_subclass_may_have_a_constructor_and_missing_keys(browser: Browsers) -> None:
    class Own(Session):
        def __init__(self, request: Any, **options: Any) -> None:
            self.early = 1
            super().__init__(request, **options)
            self.late = 2

        def __missing__(self, key: str) -> str:
            return f"no {key}"

    def work(session: Any) -> tuple[Any, ...]:
        return session.early, session.late, session["name"], session.get("name")

    assert browser(session_class=Own).visit(work).result == (1, 2, "no name", None)


def test_a_session_class_that_is_none_is_refused(memory: Backend) -> None:
    with pytest.raises((TypeError, BeakerException)):
        Browser(memory.options, {"session_class": dict}).read()


def test_a_configurable_session_keeps_what_it_was_configured_with() -> None:
    bare: Any = _ConfigurableSession("example.org", "/app")
    bare["name"] = "Ada"
    bare.clear()
    assert bare == {"_domain": "example.org", "_path": "/app"}
    assert issubclass(Session, _ConfigurableSession)
