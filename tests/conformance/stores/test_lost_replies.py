"""A store whose reply is lost has made the change or not. A session neither loses it nor makes it twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import OutcomeUnknownError, StoreUnavailableError
from beaker.session import Session
from tests.support.dict_namespace import DictNamespace
from tests.support.sessions import ID

if TYPE_CHECKING:
    from tests.support.sessions import Clock


class Losing(DictNamespace):
    """Loses the replies to the next writes, before or after they are made."""

    lost: int
    is_made: bool

    def __setitem__(self, key: str, value: Any) -> None:
        is_lost = type(self).lost > 0
        if is_lost:
            type(self).lost -= 1
        if not is_lost or self.is_made:
            super().__setitem__(key, value)
        if is_lost:
            raise OutcomeUnknownError


@pytest.fixture(params=[True, False], ids=["made", "not made"])
def backend(request: pytest.FixtureRequest) -> type[Losing]:
    """Backends that lose a reply after and before the change."""
    members = {"contents": {}, "calls": [], "lost": 0, "is_made": request.param}
    return type("Namespace", (Losing,), members)


def opened(backend: type[Losing]) -> Any:
    return Session({}, id=ID, use_cookies=False, namespace_class=backend)


def visits(backend: type[Losing]) -> int:
    session = opened(backend)
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    return int(opened(backend)["visits"])


def test_a_save_whose_reply_is_lost_is_made_once(backend: type[Losing]) -> None:
    assert visits(backend) == 1
    for number in range(2, 6):
        backend.lost = 1
        assert visits(backend) == number


def test_a_save_that_meets_another_one_after_a_lost_reply_keeps_both(backend: type[Losing]) -> None:
    visits(backend)
    slow = opened(backend)
    slow["name"] = "Ada"
    quick = opened(backend)
    quick["cart"] = ["tea"]
    quick.save()
    backend.lost = 1
    slow.save()
    session = opened(backend)
    assert (session["name"], session["cart"], session["visits"]) == ("Ada", ["tea"], 1)


def test_a_save_whose_replies_are_all_lost_is_found_stored(backend: type[Losing]) -> None:
    visits(backend)
    backend.is_made, backend.lost = True, 1000
    assert visits(backend) == 2


def test_a_store_that_makes_no_change_is_an_error_and_no_logout(backend: type[Losing]) -> None:
    visits(backend)
    backend.is_made = False
    backend.lost = 1000
    session = opened(backend)
    session["name"] = "Ada"
    with pytest.raises(OutcomeUnknownError) as caught:
        session.save()
    assert isinstance(caught.value, StoreUnavailableError)
    backend.lost = 0
    assert opened(backend)["visits"] == 1
    session.save()
    assert opened(backend)["name"] == "Ada"


def test_a_rotation_whose_reply_is_lost_leaves_one_session(backend: type[Losing]) -> None:
    visits(backend)
    session = opened(backend)
    session.regenerate_id()
    backend.lost = 1
    session.save()
    assert set(backend.contents) == {session.id}
    assert backend.contents[session.id]["session"]


def test_an_expired_session_whose_deletion_has_no_reply_is_a_new_session(clock: Clock) -> None:
    class Forgetful(DictNamespace):
        lost = 1

        def __delitem__(self, key: str) -> None:
            super().__delitem__(key)
            if type(self).lost:
                type(self).lost -= 1
                raise OutcomeUnknownError

    Forgetful.contents, Forgetful.calls = {}, []
    session = Session({}, id=ID, use_cookies=False, namespace_class=Forgetful, timeout=60)
    session["name"] = "Ada"
    session.save()
    clock.advance(61)
    assert "name" not in Session({}, id=ID, use_cookies=False, namespace_class=Forgetful, timeout=60)
    assert Forgetful.contents == {}
