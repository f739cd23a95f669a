"""A backend that compares and changes in one step is used by that step alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import LockError, OutcomeUnknownError
from tests.support.dict_namespace import DictNamespace, SwappingNamespace, namespace_class
from tests.support.sessions import ID, Backend, opened, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Clock


class Spying(SwappingNamespace):
    """Remembers the arguments of each swap, and does something before each."""

    swaps: list[tuple[Any, ...]]
    before: Callable[[Spying], None]

    def acquire_write_lock(self, wait: bool = True, replace: bool = False) -> bool:
        self.calls.append("write lock")
        return True

    def swap(
        self, key: str, expected: str | None, value: str | None, expiretime: float | None = None
    ) -> bool:
        self.swaps.append((key, expected, value, expiretime))
        type(self).before(self)
        return super().swap(key, expected, value, expiretime)


@pytest.fixture
def spying() -> Backend:
    """Sessions in a backend that looks on."""
    backend: Any = namespace_class(Spying)
    backend.swaps, backend.before = [], lambda _: None
    return Backend("swap", {"namespace_class": backend})


def calls(backend: Backend) -> list[str]:
    """The calls since the last time."""
    made: list[str] = list(backend.options["namespace_class"].calls)
    backend.options["namespace_class"].calls.clear()
    return made


def elsewhere(backend: Backend) -> Backend:
    """The same sessions as another machine uses them, which shares no lock of the process."""
    kind = backend.options["namespace_class"]
    members = {"contents": kind.contents, "calls": [], "mutex": kind.mutex}
    return Backend("swap", {"namespace_class": type("Elsewhere", (SwappingNamespace,), members)})


def once(backend: Backend, work: Callable[[], Any]) -> None:
    """Does something before the next swap, as another machine would."""
    kind = backend.options["namespace_class"]

    def before(_: Spying) -> None:
        kind.before = lambda _: None
        work()

    kind.before = before


def change(session: Any) -> None:
    session["name"] = "Ada"
    session.save()


def save_twice(session: Any) -> None:
    change(session)
    session["name"] = "Grace"
    session.save()


def rotate(session: Any) -> None:
    session.regenerate_id()
    session.save()


VERBS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "save": (change, ["get", "swap"]),
    "save twice": (save_twice, ["get", "swap", "swap"]),
    "access": (lambda session: session.save(accessed_only=True), ["get", "swap"]),
    "delete": (lambda session: session.delete(), ["get", "swap", "get"]),
    "rotate": (rotate, ["get", "get", "get", "swap", "swap"]),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_change_is_a_swap_of_the_text_that_was_read(spying: Backend, verb: str, clock: Clock) -> None:
    work, expected = VERBS[verb]
    stored(spying, visits=1)
    (before,) = spying.texts().values()
    calls(spying)
    spying.options["namespace_class"].swaps.clear()
    clock.advance(1)
    work(opened(spying, ID))
    assert calls(spying) == expected
    assert before in [swap[1] for swap in spying.options["namespace_class"].swaps]


def test_a_first_save_expects_no_text(spying: Backend) -> None:
    stored(spying, name="Ada")
    ((key, expected, text, expiry),) = spying.options["namespace_class"].swaps
    assert (key, expected, expiry) == ("session", None, None)
    assert spying.texts() == {ID: text}


@pytest.mark.parametrize("concurrency", ["merge", "lock"])
def test_a_change_of_another_machine_in_the_last_moment_is_kept(spying: Backend, concurrency: str) -> None:
    stored(spying, visits=1)
    session = opened(spying, ID, concurrency=concurrency)
    session["name"] = "Ada"
    once(spying, lambda: stored(elsewhere(spying), cart=["tea"]))
    session.save()
    session = opened(spying, ID)
    assert (session["name"], session["cart"]) == ("Ada", ["tea"])


def test_a_logout_of_another_machine_in_the_last_moment_ends_the_session(spying: Backend) -> None:
    stored(spying, visits=1)
    session = opened(spying, ID)
    session["name"] = "Ada"
    once(spying, lambda: opened(elsewhere(spying), ID).delete())
    with pytest.warns(match="ended"):
        session.save()
    assert spying.texts() == {}


def test_an_access_time_leaves_what_another_machine_saved_in_the_last_moment(
    spying: Backend, clock: Clock
) -> None:
    stored(spying, visits=1)
    clock.advance(1)
    session = opened(spying, ID)
    once(spying, lambda: stored(elsewhere(spying), name="Ada"))
    session.save(accessed_only=True)
    assert opened(spying, ID)["name"] == "Ada"


@pytest.mark.parametrize("locked", [False, True])
def test_a_rotation_of_a_session_that_ended_in_the_last_moment_brings_nothing_back(
    spying: Backend, locked: bool
) -> None:
    stored(spying, visits=1)
    session = opened(spying, ID)
    if locked:
        session.lock()
    session.regenerate_id()
    once(spying, spying.options["namespace_class"].contents.clear)
    with pytest.warns(match="ended"):
        session.save()
    assert spying.texts() == {}


def test_a_locked_session_rotates_with_its_lock(spying: Backend) -> None:
    stored(spying, visits=1)
    session = opened(spying, ID)
    session.lock()
    session.regenerate_id()
    session.save()
    other = opened(spying, session.id, lock_timeout=0)
    with pytest.raises(LockError):
        other.lock()
    session.unlock()
    other.lock()
    assert set(spying.texts()) == {session.id}


def test_a_lifetime_of_its_own_reaches_the_swap(spying: Backend) -> None:
    session = opened(spying, ID, timeout=600)
    session.set_timeout(10_000)
    session.save()
    assert spying.options["namespace_class"].swaps[-1][3] == 10_000 + 120


def test_the_last_save_wins_where_that_is_asked_for(spying: Backend) -> None:
    stored(spying, visits=1)
    session = opened(spying, ID, concurrency="beaker")
    session["name"] = "Ada"
    once(spying, lambda: stored(elsewhere(spying), cart=["tea"]))
    session.save()
    assert "cart" not in opened(spying, ID)


def test_a_change_that_others_overtake_without_end_is_busy(spying: Backend) -> None:
    stored(spying, visits=1)
    kind = spying.options["namespace_class"]
    session = opened(spying, ID, concurrency="beaker")
    others = iter(range(10_000))

    def overtake(namespace: Spying) -> None:
        kind.contents[ID] = {"session": f"{next(others)}"}

    kind.before = overtake
    with pytest.raises(LockError, match="256"):
        session.save()
    assert 256 <= len(kind.swaps) < 600


@pytest.mark.parametrize("value", [7, ["no text"]])
def test_a_record_that_is_no_text_can_be_ended(spying: Backend, value: Any) -> None:
    spying.options["namespace_class"].contents[ID] = {"session": value}
    with pytest.warns(match="cannot be decoded"):
        session = opened(spying, ID, invalidate_corrupt=True)
    session.delete()
    with pytest.warns(match="cannot be decoded"):
        opened(spying, ID, invalidate_corrupt=True)
    stored_before = opened(spying, "another")
    stored_before.save()
    assert "another" in spying.texts()


@pytest.mark.parametrize("is_made", [True, False], ids=["made", "not made"])
def test_a_swap_whose_reply_is_lost_is_made_once(spying: Backend, is_made: bool) -> None:
    stored(spying, visits=1)
    kind = spying.options["namespace_class"]
    session = opened(spying, ID)
    session["visits"] += 1

    def lose(namespace: Spying) -> None:
        kind.before = lambda _: None
        if is_made:
            kind.contents[ID] = {"session": kind.swaps[-1][2]}
        raise OutcomeUnknownError

    kind.before = lose
    session.save()
    assert opened(spying, ID)["visits"] == 2


def test_a_swap_that_an_object_alone_has_is_not_used() -> None:
    class Own(DictNamespace):
        def __init__(self, namespace: str, **arguments: Any) -> None:
            super().__init__(namespace, **arguments)
            self.swap = lambda *_: pytest.fail("the object's attribute was called")

    backend = Backend("python", {"namespace_class": namespace_class(Own)})
    stored(backend, name="Ada")
    assert "set" in calls(backend)
    assert opened(backend, ID)["name"] == "Ada"
