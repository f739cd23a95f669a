"""Leases in any place that compares and changes: when they lapse, and what a lost reply does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from beaker import _lease
from beaker._lease import LEASE, LeaseLock
from beaker.exceptions import OutcomeUnknownError, StoreUnavailableError


class Place:
    """A place in memory. While it is away, it makes the first change and loses the reply."""

    server = "the server"

    def __init__(self) -> None:
        self.text: str | None = None
        self.is_away = False

    def look(self) -> str | None:
        if self.is_away:
            raise StoreUnavailableError("away")
        return self.text

    def swap(self, expected: str | None, text: str | None) -> bool:
        is_expected = self.text == expected
        if is_expected:
            self.text = text
        if self.is_away:
            raise OutcomeUnknownError("lost")
        return is_expected


class Now:
    """The time of this process, which a test passes."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    """The time. Nothing is renewed by itself."""
    clock = Now()
    monkeypatch.setattr(_lease, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(_lease, "renewals", SimpleNamespace(add=lambda _: None, discard=lambda _: None))
    monkeypatch.setattr(_lease, "_sightings", _lease._Sightings())
    return clock


def is_free(place: Place) -> bool:
    """Whether a new lock takes the lease at once. It is left to lapse, as that of a process that died."""
    return LeaseLock(place).acquire(wait=False)


def test_a_lease_lapses_where_each_look_is_made_by_another_lock(now: Now) -> None:
    place = Place()
    assert is_free(place)
    assert not is_free(place)
    now.seconds += LEASE - 1
    assert not is_free(place)
    now.seconds += 1
    assert is_free(place)
    assert not is_free(place), "the new holder has a whole lease"


def test_a_renewed_lease_is_seen_anew(now: Now) -> None:
    place = Place()
    holder = LeaseLock(place)
    assert holder.acquire()
    for _ in range(5):
        assert not is_free(place)
        now.seconds += LEASE - 1
        holder.state.held.renew()
    holder.release()
    assert place.text is None


def test_the_leases_of_two_places_lapse_each_by_itself(now: Now) -> None:
    one, other = Place(), Place()
    assert is_free(one)
    assert not is_free(one)
    now.seconds += LEASE
    assert is_free(other)
    assert not is_free(other)
    assert is_free(one)


def test_a_process_remembers_a_limited_number_of_leases(now: Now) -> None:
    old = Place()
    old.text = "the one that is looked at 0"
    for number in range(_lease._MOST_SEEN + 10):
        place = Place()
        place.text = f"{number} 0"
        assert not is_free(place)
        assert not is_free(old)
    assert len(_lease._sightings._since) == _lease._MOST_SEEN
    now.seconds += LEASE
    assert is_free(old)


@pytest.mark.parametrize("renewals", [1, 3])
def test_a_holder_keeps_a_lease_whose_renewals_lost_their_replies(now: Now, renewals: int) -> None:
    place = Place()
    lock = LeaseLock(place)
    assert lock.acquire()
    lease, first = lock.state.held, place.text
    place.is_away = True
    for _ in range(renewals):
        lease.renew()
    assert place.text != first
    place.is_away = False
    lease.renew()
    lease.renew()
    assert lease._text == place.text
    lock.release()
    assert place.text is None


def test_a_lease_ends_also_where_the_reply_to_its_last_renewal_was_lost(now: Now) -> None:
    place = Place()
    lock = LeaseLock(place)
    assert lock.acquire()
    place.is_away = True
    lock.state.held.renew()
    place.is_away = False
    lock.release()
    assert place.text is None


def test_a_holder_does_not_renew_or_end_the_lease_of_another(now: Now) -> None:
    place = Place()
    lock = LeaseLock(place)
    assert lock.acquire()
    lease = lock.state.held
    place.text = "another 7"
    lease.renew()
    lease.renew()
    lock.release()
    assert place.text == "another 7"
