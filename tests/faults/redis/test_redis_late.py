"""Requests to Redis that the server gets late, after their sender has looked what is stored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import OutcomeUnknownError
from beaker.session import Session
from tests.support.proxy import Trouble, troubled
from tests.support.redis_server import PREFIX, new_url
from tests.support.sessions import ID

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "a key of the tests, which is longer than it has to be"
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "replacing": {"concurrency": "beaker"},
    "json": {"data_serializer": "json"},
    "encrypted": {"encrypt_key": KEY, "validate_key": KEY},
    "format 2": {"hash_ids": True, "record_format": 2},
}


class Late:
    """A session behind a proxy whose rotation is kept back."""

    def __init__(self, url: str, address: str, trouble: Trouble, options: dict[str, Any]) -> None:
        self.options = {"use_cookies": False, "type": "ext:redis", **options}
        self.url, self.address, self.trouble = url, address, trouble
        # The server learns the scripts.
        other = self.begun("another")
        other.regenerate_id()
        other.save()
        self.begun(ID)

    def begun(self, session_id: str) -> Any:
        for count in range(2):
            session = self.opened(session_id)
            session["count"] = count
            session.save()
        return session

    def opened(self, session_id: str, by: str | None = None) -> Any:
        return Session({}, id=session_id, url=by or self.url, **self.options)

    def count(self, session_id: str) -> int | None:
        count: int | None = self.opened(session_id).get("count")
        return count

    def rotating(self, most: int) -> Any:
        """The session, whose rotations are kept back, so many of them at the most."""
        session = self.opened(ID, self.address)
        session["count"] += 1
        session.regenerate_id()
        left = [most]

        def keep(request: bytes) -> bool:
            left[0] -= is_rotation(request)
            return is_rotation(request) and left[0] >= 0

        self.trouble.keep = keep
        return session


def is_rotation(request: bytes) -> bool:
    return b"EVALSHA" in request and request.count(PREFIX.encode()) == 2


@pytest.fixture(params=VARIANTS)
def late(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Late]:
    url = new_url()
    # No record differs from another by its time alone.
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    with troubled(url) as (address, trouble):
        yield Late(url, address, trouble, VARIANTS[request.param])


def test_a_rotation_that_failed_and_is_made_late_ends_no_session(late: Late) -> None:
    session = late.rotating(most=100)
    with pytest.raises(OutcomeUnknownError):
        session.save()
    assert len(late.trouble.kept) > 1
    late.trouble.deliver()
    assert late.count(ID) == 1, "the browser has this id"
    assert late.count(session.id) is None


def test_a_rotation_that_was_made_again_is_not_made_a_second_time(late: Late) -> None:
    session = late.rotating(most=1)
    session.save()
    again = late.opened(session.id)
    again["count"] += 1
    again.save()
    late.trouble.deliver()
    assert late.count(session.id) == 3
    assert late.count(ID) is None


def test_a_rotation_that_is_made_while_it_is_looked_for_is_found(late: Late) -> None:
    session = late.rotating(most=1)
    keep = late.trouble.keep

    def deliver_before_a_change(request: bytes) -> bool:
        if late.trouble.kept and b"EVALSHA" in request:
            late.trouble.deliver()
        return keep(request)

    late.trouble.keep = deliver_before_a_change
    session.save()
    assert late.count(session.id) == 2
    assert late.count(ID) is None
