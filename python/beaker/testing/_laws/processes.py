"""Processes that share the store: forked ones, and new interpreters."""

from typing import Any

import pytest

from beaker.exceptions import BeakerWarning, LockError
from beaker.testing._backend import Backend, needs
from beaker.testing._laws._fixtures import Laws
from beaker.testing._processes import Method, Started, in_process
from beaker.testing._sessions import ID, content, exists, opened, stored

_held: list[Any] = []
"""Sessions that a process keeps locked to its end."""


def _read(backend: Backend) -> object:
    return content(backend)


def _save(backend: Backend, key: str) -> None:
    stored(backend, **{key: True})


def _save_many(backend: Backend, name: str, count: int) -> None:
    for number in range(count):
        _save(backend, f"{name}{number}")
        session = opened(backend, f"{name}{number}")
        session["number"] = number
        session.save()
        if opened(backend, f"{name}{number}")["number"] != number:
            raise AssertionError(f"{name}{number} is another session")


def _log_out(backend: Backend) -> None:
    opened(backend, ID).delete()


def _count(backend: Backend, turns: int) -> None:
    for _ in range(turns):
        session = opened(backend, ID)
        session.lock()
        session.load()
        session["count"] += 1
        session.save()
        session.unlock()


def _is_free(backend: Backend) -> bool:
    try:
        session = opened(backend, ID, lock_timeout=0)
        session.lock()
    except LockError:
        return False
    session.unlock()
    return True


def _hold_for_ever(backend: Backend) -> None:
    session = opened(backend, ID)
    session.lock()
    _held.append(session)


def _check_that_another_sees_and_changes(backend: Backend, how: Method) -> None:
    """Another process, started in this way, sees the session and changes it."""
    stored(backend, name="Ada")
    assert in_process(how, _read, backend) == {"name": "Ada"}
    in_process(how, _save, backend, "theirs")
    assert content(backend) == {"name": "Ada", "theirs": True}


def _check_that_a_logout_is_final(backend: Backend, how: Method) -> None:
    """A save does not revive a session that another process has ended."""
    stored(backend, name="Ada")
    late = opened(backend, ID)
    in_process(how, _log_out, backend)
    late["name"] = "Grace"
    with pytest.warns(BeakerWarning, match="was ended"):
        late.save()
    assert not exists(backend, ID)


def _check_that_a_lock_excludes(backend: Backend, how: Method) -> None:
    """A lock excludes another process until it is released."""
    stored(backend, name="Ada")
    session = opened(backend, ID)
    session.lock()
    assert in_process(how, _is_free, backend) is False
    session.unlock()
    assert in_process(how, _is_free, backend) is True


class Processes(Laws):
    """Processes that share the store."""

    @needs("processes", "pickle")
    def test_a_new_interpreter_sees_and_changes_the_session(self, backend: Backend) -> None:
        _check_that_another_sees_and_changes(backend, "spawn")

    @needs("processes", "pickle")
    def test_a_logout_in_a_new_interpreter_is_final(self, backend: Backend) -> None:
        _check_that_a_logout_is_final(backend, "spawn")

    @needs("processes")
    def test_a_forked_process_sees_and_changes_the_session(self, backend: Backend) -> None:
        _check_that_another_sees_and_changes(backend, "fork")

    @needs("processes")
    def test_a_logout_in_a_forked_process_is_final(self, backend: Backend) -> None:
        _check_that_a_logout_is_final(backend, "fork")

    @needs("processes")
    def test_a_process_and_its_children_use_the_store_at_once(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        children = [Started("fork", _save_many, backend, f"child{number}-", 8) for number in range(3)]
        _save_many(backend, "parent-", 8)
        for child in children:
            child.result()
        names = ["parent-", *(f"child{number}-" for number in range(3))]
        expected = {f"{name}{number}": True for name in names for number in range(8)}
        assert content(backend) == {"name": "Ada", **expected}

    @needs("processes", "locks")
    def test_processes_that_lock_count_right(self, backend: Backend) -> None:
        stored(backend, count=0)
        children = [Started("fork", _count, backend, 8) for _ in range(3)]
        _count(backend, 8)
        for child in children:
            child.result()
        assert content(backend) == {"count": 32}

    @needs("processes", "locks")
    def test_a_lock_excludes_a_forked_process(self, backend: Backend) -> None:
        _check_that_a_lock_excludes(backend, "fork")

    @needs("processes", "locks", "pickle")
    def test_a_lock_excludes_a_new_interpreter(self, backend: Backend) -> None:
        _check_that_a_lock_excludes(backend, "spawn")

    @needs("processes", "locks")
    def test_a_process_that_ends_with_a_lock_harms_nobody(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        in_process("fork", _hold_for_ever, backend)
        # A lease may last for a while.
        session = opened(backend, ID, lock_timeout=60)
        session.lock()
        session.unlock()
        assert content(backend) == {"name": "Ada"}
