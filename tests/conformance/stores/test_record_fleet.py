"""Processes that write format 1 and processes that write format 2 share a store.

Nobody is logged out, nothing is lost, and no record goes back.
"""

from __future__ import annotations

import itertools
import random
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import CorruptSessionError
from tests.support import record2
from tests.support.fixtures import SECRETS
from tests.support.sessions import ID, START, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


@pytest.fixture
def one_way(serializer: dict[str, Any], secrecy: dict[str, Any]) -> dict[str, Any]:
    """Each way to serialize, with encryption and without, whatever the format."""
    return {**serializer, **secrecy}


def format_of(text: str) -> int:
    return 2 if text.startswith((record2.PLAIN, record2.SEALED)) else 1


def formats(backend: Backend) -> list[int]:
    """The formats of the records that there are."""
    return sorted(format_of(text) for text in backend.texts().values())


class Fleet:
    """One browser, and processes of both formats that serve it."""

    def __init__(self, browser: Browsers, options: dict[str, Any]) -> None:
        self.processes = {n: browser(**{**options, "record_format": n}) for n in (1, 2)}
        self.jar: str | None = None

    def visit(self, process: int, work: Callable[[Any], Any] | None = None) -> Any:
        """One request to a process of that format."""
        visitor = self.processes[process]
        visitor.jar = self.jar
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = visitor.visit(work or dict).result
        self.jar = visitor.jar
        return result

    def put(self, process: int, **values: Any) -> None:
        def work(session: Any) -> None:
            session.update(values)
            session.save()

        self.visit(process, work)

    def read(self, process: int) -> dict[str, Any]:
        found: dict[str, Any] = self.visit(process, dict)
        return {key: value for key, value in found.items() if not key.startswith("_")}


@pytest.fixture
def fleet(browser: Browsers, one_way: dict[str, Any]) -> Fleet:
    """Processes of both formats."""
    return Fleet(browser, one_way)


def test_each_begins_sessions_in_its_own_format(fleet: Fleet, backend: Backend) -> None:
    for process in (1, 2):
        fleet.put(process, name="Ada")
        assert formats(backend) == [process]
        fleet.visit(process, lambda session: session.delete())


@pytest.mark.parametrize("order", list(itertools.product((1, 2), repeat=4)))
def test_no_order_of_processes_ends_a_session_or_reverts_a_record(
    fleet: Fleet, backend: Backend, order: tuple[int, ...], clock: Clock
) -> None:
    expected: dict[str, Any] = {}
    newest = 1
    for turn, process in enumerate(order):
        clock.advance(10)
        expected[f"key-{turn}"] = [turn]
        fleet.put(process, **{f"key-{turn}": [turn]})
        newest = max(newest, process)
        assert formats(backend) == [newest]
        for reader in (process, 1):
            clock.advance(10)
            assert fleet.read(reader) == expected
            assert formats(backend) == [newest]


@pytest.mark.parametrize("keeps_time", [True, False])
def test_a_process_of_format_2_upgrades_what_it_only_reads(
    browser: Browsers, one_way: dict[str, Any], backend: Backend, keeps_time: bool, clock: Clock
) -> None:
    fleet = Fleet(browser, {**one_way, "save_accessed_time": keeps_time})
    fleet.put(1, name="Ada", cart=[1])
    clock.advance(10)
    assert fleet.read(2) == {"name": "Ada", "cart": [1]}
    assert formats(backend) == [2]
    clock.advance(10)
    assert fleet.visit(1, lambda session: (session["cart"], session.last_accessed)) == ([1], START + 10)
    assert formats(backend) == [2]


def test_a_request_that_does_not_use_its_session_upgrades_nothing(fleet: Fleet, backend: Backend) -> None:
    fleet.put(1, name="Ada")
    before = backend.texts()
    fleet.visit(2, lambda _session: None)
    assert backend.texts() == before


def test_an_upgraded_record_is_not_upgraded_again(
    browser: Browsers, one_way: dict[str, Any], backend: Backend
) -> None:
    fleet = Fleet(browser, {**one_way, "save_accessed_time": False})
    fleet.put(1, name="Ada")
    fleet.read(2)
    upgraded = backend.texts()
    for process in (2, 1, 2):
        assert fleet.read(process) == {"name": "Ada"}
    assert backend.texts() == upgraded


def test_an_upgrade_takes_no_unsaved_change_along(fleet: Fleet, backend: Backend) -> None:
    fleet.put(1, name="Ada")
    fleet.visit(2, lambda session: session.update(name="Eve"))
    assert formats(backend) == [2]
    assert fleet.read(1) == {"name": "Ada"}


def test_a_value_changed_in_place_is_stored_by_both(fleet: Fleet, backend: Backend) -> None:
    fleet.put(1, cart=[])
    for turn, process in enumerate([1, 2, 1, 2, 2, 1]):

        def append(session: Any, turn: int = turn) -> None:
            session["cart"].append(turn)

        fleet.visit(process, append)
    assert fleet.read(1) == {"cart": [0, 1, 2, 3, 4, 5]}


@pytest.mark.parametrize("order", list(itertools.permutations([1, 1, 2])))
def test_a_rotation_keeps_the_newest_format(fleet: Fleet, backend: Backend, order: tuple[int, ...]) -> None:
    fleet.put(1, name="Ada")
    newest = 1
    for process in order:
        fleet.visit(process, lambda session: session.regenerate_id())
        newest = max(newest, process)
        assert formats(backend) == [newest]
    assert fleet.read(1) == {"name": "Ada"}


def test_a_new_session_has_the_format_of_its_process(fleet: Fleet, backend: Backend) -> None:
    fleet.put(2, name="Ada")

    def again(session: Any) -> None:
        session.invalidate()
        session["name"] = "Grace"
        session.save()

    fleet.visit(1, again)
    assert formats(backend) == [1]
    assert fleet.read(2) == {"name": "Grace"}


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("begun", [1, 2])
def test_changes_in_both_formats_merge_into_the_newer_format(
    backend: Backend, one_way: dict[str, Any], begun: int, first: int, second: int
) -> None:
    session = opened(backend, ID, **one_way, record_format=begun)
    session["kept"] = 0
    session.save()
    one = opened(backend, ID, **one_way, record_format=first)
    other = opened(backend, ID, **one_way, record_format=second)
    one["one"], other["other"] = [1], [2]
    one.save()
    other.save()
    assert formats(backend) == [2]
    # A save in the same request does not go back either.
    other["more"] = 3
    other.save()
    assert formats(backend) == [2]
    found = opened(backend, ID, **one_way, record_format=1)
    assert (found["kept"], found["one"], found["other"], found["more"]) == (0, [1], [2], 3)


@pytest.mark.parametrize("process", [1, 2])
@pytest.mark.parametrize("concurrency", ["lock", "beaker"])
def test_the_other_ways_of_concurrency_know_both_formats(
    browser: Browsers, one_way: dict[str, Any], backend: Backend, concurrency: str, process: int
) -> None:
    fleet = Fleet(browser, {**one_way, "concurrency": concurrency})
    fleet.put(process, count=0)
    for turn in range(4):

        def count(session: Any) -> None:
            session["count"] += 1
            session.save()

        fleet.visit(1 + turn % 2, count)
    assert fleet.read(1) == {"count": 4}
    assert formats(backend) == [2]


def test_a_session_that_is_locked_by_hand_is_upgraded_and_rotated(
    backend: Backend, one_way: dict[str, Any]
) -> None:
    session = opened(backend, ID, **one_way)
    session["count"] = 0
    session.save()
    for record_format in (2, 1):
        session = opened(backend, ID, **one_way, record_format=record_format)
        session.lock()
        session.load()
        session["count"] += 1
        session.save()
        session.unlock()
        assert formats(backend) == [2]
    session.lock()
    session.load()
    session.regenerate_id()
    session["count"] += 1
    session.save()
    session.unlock()
    assert opened(backend, session.id, **one_way)["count"] == 3
    assert list(backend.texts()) == [session.id]


def test_a_timeout_counts_from_the_last_use_by_any_process(
    browser: Browsers, one_way: dict[str, Any], clock: Clock
) -> None:
    fleet = Fleet(browser, {**one_way, "timeout": 60})
    fleet.put(1, name="Ada")
    for process in (2, 1, 1, 2, 2, 1):
        clock.advance(50)
        assert fleet.read(process) == {"name": "Ada"}
    clock.advance(61)
    assert fleet.read(2) == {}


def test_processes_of_both_profiles_share_a_store(backend: Backend, browser: Browsers) -> None:
    secret = {"secret": "s" * 32}
    name = "__Host-beaker.session.id"
    unswitched = browser(**secret, key_fallbacks=name)
    switched = browser(**secret, profile="hardened")
    unswitched.put(visits=0)
    jar = unswitched.jar
    for visits, process in enumerate([unswitched, switched, unswitched, switched, switched, unswitched]):
        process.jar = jar
        assert process.read() == {"visits": visits}
        process.put(visits=visits + 1)
        jar = process.jar
        assert formats(backend) == [1 if visits == 0 else 2]


def test_keys_and_format_change_together(backend: Backend, browser: Browsers, clock: Clock) -> None:
    old, new = SECRETS["encrypt_key"], "a newer key of the tests, of some length"
    options = {"validate_key": SECRETS["validate_key"]}
    visitor = browser(**options, encrypt_key=old)
    visitor.put(name="Ada")
    jar = visitor.jar
    both = [new, old]
    for record_format, keys in [(1, both[::-1]), (2, both[::-1]), (1, both), (2, both), (2, [new])]:
        process = browser(**options, encrypt_key=keys, record_format=record_format)
        process.jar = jar
        assert process.read() == {"name": "Ada"}
    assert formats(backend) == [2]
    process = browser(**options, encrypt_key=old, record_format=2, invalidate_corrupt=False)
    process.jar = jar
    with pytest.raises(CorruptSessionError):
        process.read()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.slow
def test_any_sequence_of_visits_leaves_what_a_dictionary_would_hold(
    fleet: Fleet, backend: Backend, seed: int, clock: Clock
) -> None:
    choose = random.Random(seed)
    expected: dict[str, Any] = {}
    for turn in range(60):
        clock.advance(choose.random())
        process = choose.choice([1, 2])
        key = choose.choice("abcd")
        before = max(formats(backend), default=1)

        def change(session: Any, key: str = key, turn: int = turn) -> None:
            session[key] = [turn]
            session.save()

        def drop(session: Any, key: str = key) -> None:
            session.pop(key, None)
            session.save()

        def append(session: Any, key: str = key, turn: int = turn) -> None:
            if key in session:
                session[key].append(turn)

        def rotate(session: Any) -> None:
            session.regenerate_id()

        what = choose.choice([change, change, drop, append, append, rotate, None])
        # A new session that is only read is not stored, and then there is nothing to rotate.
        if not expected and what is not change:
            continue
        fleet.visit(process, what or dict)
        if what is change:
            expected[key] = [turn]
        elif what is drop:
            expected.pop(key, None)
        elif what is append and key in expected:
            expected[key].append(turn)
        # A session whose last key was dropped is there all the same.
        assert formats(backend) == [max(before, process)]
        assert fleet.read(choose.choice([1, 2])) == expected
