"""A session that ends or gets a new id leaves nothing behind and does not come back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import StoreUnavailableError
from beaker.session import Session
from tests.support.dict_namespace import DictNamespace, namespace_class
from tests.support.sessions import ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Browser, Clock

    Browsers = Callable[..., Browser]


def test_delete_ends_the_cookie_a_year_ago(visitors: Browsers, clock: Clock) -> None:
    visitor = visitors()
    visitor.put(name="Ada")
    visit = visitor.visit(lambda session: session.delete())
    assert "; expires=Mon, 14-Nov-2022 22:13:20 GMT" in visit.cookie


def test_the_id_is_a_version_4_uuid_in_32_digits(browser: Browsers) -> None:
    ids = {browser().visit(lambda session: session.id).result for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", session_id) for session_id in ids)


class Overtaken(DictNamespace):
    """Another request saves the session between the load and the next call of this one."""

    saved: str | None = None

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if self.saved is not None:
            self.contents[self.namespace][key], type(self).saved = self.saved, None
        return value


def test_a_save_at_the_moment_of_expiry_is_not_deleted(clock: Clock) -> None:
    backend: Any = namespace_class(Overtaken)

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


class Refusing(DictNamespace):
    """Removes nothing while it is down."""

    is_down = False

    def __delitem__(self, key: str) -> None:
        if self.is_down:
            raise OSError("no answer")
        super().__delitem__(key)

    def do_remove(self) -> None:
        if self.is_down:
            raise OSError("no answer")
        super().do_remove()


@pytest.mark.parametrize("has_new_id", [True, False])
@pytest.mark.parametrize("again", ["delete", "invalidate"])
def test_a_logout_that_failed_is_made_by_the_next_try(has_new_id: bool, again: str) -> None:
    backend: Any = namespace_class(Refusing)
    session = Session({}, id=ID, use_cookies=False, namespace_class=backend)
    session["name"] = "Ada"
    session.save()
    if has_new_id:
        session.regenerate_id()
    backend.is_down = True
    with pytest.raises(StoreUnavailableError):
        session.delete()
    assert list(backend.contents) == [ID]
    backend.is_down = False
    getattr(session, again)()
    assert backend.contents == {}


def test_a_logout_that_failed_does_not_tell_a_request_with_an_old_id_the_new_one() -> None:
    backend: Any = namespace_class(Refusing)
    options = {"namespace_class": backend, "destroy_old": "grace:30"}
    session = Session({}, id=ID, use_cookies=False, **options)
    session["name"] = "Ada"
    session.save()
    session.regenerate_id()
    session.save()
    request: dict[str, Any] = {"cookie": f"beaker.session.id={ID}"}
    late = Session(request, **options)
    assert (late["name"], late.id) == ("Ada", session.id)
    backend.is_down = True
    with pytest.raises(StoreUnavailableError):
        late.delete()
    late.path = "/shop"
    assert request["cookie_out"] is None
    backend.is_down = False
    late.delete()
    assert session.id not in backend.contents
    assert "; expires=" in str(request["cookie_out"])


class Interrupted(DictNamespace):
    """A signal comes while something is removed for the second time."""

    removed = 0

    def __delitem__(self, key: str) -> None:
        type(self).removed += 1
        if self.removed == 2:
            raise KeyboardInterrupt
        super().__delitem__(key)


def test_a_signal_while_a_logout_tidies_up_is_raised_and_the_session_is_gone() -> None:
    backend: Any = namespace_class(Interrupted)
    options = {"namespace_class": backend, "destroy_old": "grace:30", "use_cookies": False}
    first = Session({}, id=ID, **options)
    first["name"] = "Ada"
    first.save()
    other = Session({}, id=ID, **options)
    other.regenerate_id()
    other.save()
    with pytest.raises(KeyboardInterrupt):
        first.delete()
    assert list(backend.contents) == [ID]
    first.delete()
    assert backend.contents == {}
