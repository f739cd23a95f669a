"""Backends whose contents are opened and closed under a lock."""

from typing import Any

import pytest

from beaker.container import OpenResourceNamespaceManager
from beaker.exceptions import LockError
from beaker.synchronization import ConditionSynchronizer
from tests.support.threads import in_thread


class Recording(OpenResourceNamespaceManager):
    """Notes what is done to its contents, and may fail at it."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.fails = False
        super().__init__("n")

    def get_access_lock(self) -> ConditionSynchronizer:
        return ConditionSynchronizer("n")

    def do_open(self, flags: str, replace: bool) -> None:
        self._do((flags, replace))

    def do_close(self) -> None:
        self._do("close")

    def do_remove(self) -> None:
        self._do("remove")

    def _do(self, work: Any) -> None:
        self.done.append(work)
        if self.fails:
            raise OSError(work)

    def is_free(self) -> bool:
        """Whether another thread can have the lock for writing."""

        def try_it() -> bool:
            if not self.access_lock.acquire_write_lock(wait=False):
                return False
            self.access_lock.release_write_lock()
            return True

        return bool(in_thread(try_it))


def test_contents_are_opened_for_what_they_are_needed_for() -> None:
    namespace = Recording()
    namespace.acquire_read_lock()
    namespace.release_read_lock()
    assert namespace.acquire_write_lock() is True
    namespace.release_write_lock()
    assert namespace.acquire_write_lock(replace=True) is True
    namespace.release_write_lock()
    assert namespace.done == [("r", False), "close", ("c", False), "close", ("c", True), "close"]


@pytest.mark.parametrize(("kind", "flags"), [("read", "r"), ("write", "c")])
def test_contents_are_open_from_the_first_lock_to_the_last_release(kind: str, flags: str) -> None:
    namespace = Recording()
    take, release = (getattr(namespace, f"{verb}_{kind}_lock") for verb in ("acquire", "release"))
    for _ in range(3):
        take()
    for _ in range(2):
        release()
    assert namespace.done == [(flags, False)]
    assert not namespace.is_free()
    release()
    assert namespace.done == [(flags, False), "close"]
    assert namespace.is_free()


def test_contents_that_are_opened_without_a_count_are_opened_again_and_closed_at_once() -> None:
    namespace = Recording()
    for _ in range(2):
        namespace.open("c")
    assert namespace.done == [("c", False)] * 2
    namespace.open("c", checkcount=True)
    for _ in range(2):
        namespace.close()
        assert namespace.done == [("c", False)] * 2 + ["close"]


def test_contents_that_are_opened_without_a_count_are_closed_by_one_release() -> None:
    namespace = Recording()
    namespace.open("c")
    namespace.close(checkcount=True)
    assert namespace.done == [("c", False), "close"]


def test_contents_that_are_not_open_are_not_closed() -> None:
    namespace = Recording()
    namespace.close(checkcount=True)
    namespace.close()
    assert (namespace.done, namespace.openers) == ([], 0)


def test_a_lock_that_is_not_free_opens_nothing() -> None:
    namespace = Recording()
    namespace.access_lock.acquire_read_lock()
    assert in_thread(lambda: namespace.acquire_write_lock(wait=False)) is False
    assert namespace.done == []


def test_a_lock_is_free_after_its_contents_could_not_be_opened() -> None:
    namespace = Recording()
    namespace.fails = True
    for take in (namespace.acquire_read_lock, namespace.acquire_write_lock):
        with pytest.raises(OSError, match="False"):
            take()
        assert namespace.is_free()
    namespace.fails = False
    assert namespace.acquire_write_lock()


def test_a_lock_is_free_after_its_contents_could_not_be_closed() -> None:
    namespace = Recording()
    for take, release in (
        (namespace.acquire_read_lock, namespace.release_read_lock),
        (namespace.acquire_write_lock, namespace.release_write_lock),
    ):
        namespace.fails = False
        take()
        namespace.fails = True
        with pytest.raises(OSError, match="close"):
            release()
        assert namespace.is_free()


def test_a_signal_handler_is_refused_the_namespace_that_it_interrupts() -> None:
    class Interrupted(Recording):
        def _do(self, work: Any) -> None:
            with pytest.raises(LockError, match="a signal interrupted"):
                self.open("r")
            with pytest.raises(LockError, match="a signal interrupted"):
                self.close()
            super()._do(work)

    namespace = Interrupted()
    namespace.open("c")
    namespace.close()
    assert namespace.done == [("c", False), "close"]


def test_a_namespace_that_is_abandoned_is_not_open() -> None:
    namespace = Recording()
    namespace.open("c")
    namespace._is_changing = True
    namespace._abandon()
    namespace.close()
    namespace.open("r", checkcount=True)
    assert namespace.done == [("c", False), ("r", False)]


def test_a_namespace_is_closed_and_removed_under_its_lock() -> None:
    namespace = Recording()
    for _ in range(2):
        namespace.acquire_write_lock()
    namespace.remove()
    assert namespace.done == [("c", False), "close", "remove"]
    for _ in range(2):
        assert not namespace.is_free()
        namespace.release_write_lock()
    assert namespace.is_free()
    namespace.fails = True
    with pytest.raises(OSError, match="remove"):
        namespace.remove()
    assert namespace.is_free()
