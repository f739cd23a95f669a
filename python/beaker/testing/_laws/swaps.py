"""The method ``swap`` of a backend: it compares and changes in one step."""

import time
from collections.abc import Callable
from typing import Any

from beaker.testing._backend import Backend, needs
from beaker.testing._laws._fixtures import Laws
from beaker.testing._sessions import ID, exists, opened, text
from beaker.testing._threads import together


def _namespaces(backend: Backend) -> Callable[[], Any]:
    """Makes namespaces of one session."""
    session = opened(backend, ID)
    namespace = session.namespace
    arguments = {"data_dir": backend.options.get("data_dir"), **session.namespace_args}
    return lambda: type(namespace)(namespace.namespace, **arguments)


def _swap(namespace: Any, expected: str | None, value: str | None) -> bool:
    namespace.acquire_read_lock()
    try:
        is_made: bool = namespace.swap("session", expected, value)
        return is_made
    finally:
        namespace.release_read_lock()


class Swaps(Laws):
    """The method ``swap`` of a backend."""

    @needs("swap")
    def test_a_swap_from_nothing_needs_that_nothing_is_there(self, backend: Backend) -> None:
        make = _namespaces(backend)
        assert _swap(make(), None, "one") is True
        assert _swap(make(), None, "two") is False
        assert text(make()) == "one"

    @needs("swap")
    def test_a_swap_of_another_text_changes_nothing(self, backend: Backend) -> None:
        make = _namespaces(backend)
        assert _swap(make(), "one", "two") is False
        assert text(make()) is None
        assert _swap(make(), None, "one") is True
        for expected in ("two", "on", "one ", "One", ""):
            assert _swap(make(), expected, "three") is False
        assert text(make()) == "one"

    @needs("swap")
    def test_a_swap_of_the_text_that_is_there_is_made(self, backend: Backend) -> None:
        make = _namespaces(backend)
        namespace = make()
        assert _swap(namespace, None, "one") is True
        for expected, value in (("one", "two"), ("two", "two"), ("two", "x" * 100_000)):
            assert _swap(namespace, expected, value) is True
            assert text(make()) == value
            assert text(namespace) == value

    @needs("swap")
    def test_a_swap_for_nothing_removes_the_record(self, backend: Backend) -> None:
        make = _namespaces(backend)
        _swap(make(), None, "one")
        assert _swap(make(), "two", None) is False
        assert text(make()) == "one"
        assert _swap(make(), "one", None) is True
        assert text(make()) is None
        assert not exists(backend, ID)
        assert _swap(make(), "one", "two") is False
        assert _swap(make(), None, "two") is True

    @needs("swap", "names")
    def test_a_swap_for_nothing_leaves_nothing(self, backend: Backend) -> None:
        make = _namespaces(backend)
        _swap(make(), None, "one")
        assert backend.names()
        _swap(make(), "one", None)
        assert list(backend.names()) == []

    @needs("swap")
    def test_after_a_refusal_the_namespace_shows_what_is_there(self, backend: Backend) -> None:
        make = _namespaces(backend)
        slow = make()
        _swap(slow, None, "one")
        assert text(slow) == "one"
        _swap(make(), "one", "two")
        assert _swap(slow, "one", "three") is False
        assert text(slow) == "two"

    @needs("swap")
    def test_of_swaps_by_threads_one_is_made(self, backend: Backend) -> None:
        make = _namespaces(backend)
        namespaces = [make() for _ in range(4)]
        before: str | None = None
        for turn in range(20):
            at = time.monotonic() + 0.002

            def swap(number: int, before: str | None = before, turn: int = turn, at: float = at) -> bool:
                while time.monotonic() < at:
                    pass
                return _swap(namespaces[number], before, f"{turn}-{number}")

            made = together(swap, 4)
            assert sum(made) == 1
            before = f"{turn}-{made.index(True)}"
            assert text(make()) == before
