"""The threads that renew leases."""

import threading
from collections.abc import Callable

import pytest

from beaker import _lease

LONG = 60


class Held:
    """A lease whose renewals are counted."""

    def __init__(self, server: object, renewed: Callable[[], object] = bool) -> None:
        self.server = server
        self.renewed = threading.Semaphore(0)
        self._then = renewed

    def renew(self) -> None:
        self.renewed.release()
        self._then()


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> _lease._Renewals:
    monkeypatch.setattr(_lease, "LEASE", 0.02)
    return _lease._Renewals()


def fail() -> None:
    raise RuntimeError("a renewal failed")


def test_a_server_that_hangs_keeps_no_lease_on_another_from_being_renewed(renewals: _lease._Renewals) -> None:
    answer = threading.Event()
    hanging, other = Held("hanging", lambda: answer.wait(LONG)), Held("other")
    renewals.add(hanging)
    assert hanging.renewed.acquire(timeout=LONG)
    renewals.add(other)
    try:
        for _ in range(3):
            assert other.renewed.acquire(timeout=LONG / 4)
    finally:
        renewals.discard(hanging)
        renewals.discard(other)
        answer.set()


def test_a_renewal_that_fails_ends_no_other(renewals: _lease._Renewals) -> None:
    server = object()
    held = [Held(server, fail), Held(server, fail), Held(server)]
    for lease in held:
        renewals.add(lease)
    for lease in held * 3:
        assert lease.renewed.acquire(timeout=LONG)
    for lease in held:
        renewals.discard(lease)


def test_a_thread_ends_with_the_last_lease_and_begins_with_the_next(renewals: _lease._Renewals) -> None:
    for _ in range(2):
        lease = Held("server")
        before = set(threading.enumerate())
        renewals.add(lease)
        assert lease.renewed.acquire(timeout=LONG)
        (thread,) = {one for one in threading.enumerate() if one.name == "beaker-leases"} - before
        renewals.discard(lease)
        thread.join(LONG)
        assert not thread.is_alive()
