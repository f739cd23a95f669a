"""Replies of Redis that are cut, late or lost: a change is made once, or the application hears of it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import OutcomeUnknownError, StoreUnavailableError
from beaker.ext.redisnm import RedisNamespaceManager
from beaker.session import Session
from tests.support.proxy import Trouble, troubled
from tests.support.redis_server import new_url
from tests.support.sessions import ID

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_REPLY = 320
"""More bytes than a reply has in these tests."""


@pytest.fixture
def url() -> str:
    """The URL of an empty database, without a proxy before it."""
    return new_url()


@pytest.fixture
def proxied(url: str) -> Iterator[tuple[str, Trouble]]:
    """The same behind a proxy, and the trouble that the proxy makes."""
    with troubled(url) as proxied:
        yield proxied


def opened(url: str, **options: Any) -> Any:
    return Session({}, id=ID, use_cookies=False, type="ext:redis", url=url, **options)


def cut_one(trouble: Trouble, after: int, length: int) -> None:
    """One of the next replies is cut: the one after so many others."""
    left = [after]

    def cut(_reply: bytes) -> int | None:
        left[0] -= 1
        return length if left[0] == -1 else None

    trouble.cut = cut


def begin(url: str) -> None:
    session = opened(url)
    session["count"] = 0
    session.save()


def test_a_count_is_exact_however_replies_are_cut(url: str, proxied: tuple[str, Trouble]) -> None:
    address, trouble = proxied
    begin(url)
    outcomes = {"counted": 0, "unavailable": 0, "unknown": 0}
    for after in range(3):
        for length in [*range(12), *range(12, LONGEST_REPLY, 7)]:
            before = opened(url)["count"]
            cut_one(trouble, after, length)
            try:
                session = opened(address)
                assert session["count"] == before, "it is not taken for a new session"
                session["count"] += 1
                session.save()
            except OutcomeUnknownError:
                outcomes["unknown"] += 1
                assert opened(url)["count"] in {before, before + 1}
            except StoreUnavailableError:
                outcomes["unavailable"] += 1
                assert opened(url)["count"] == before
            else:
                outcomes["counted"] += 1
                assert opened(url)["count"] == before + 1
    # A lost reply to a save is looked after by the session itself; one to a load is an error.
    assert outcomes["counted"] > 0, outcomes
    assert outcomes["unavailable"] > 0, outcomes


def test_a_logout_or_a_rotation_is_done_or_not_however_replies_are_cut(
    url: str, proxied: tuple[str, Trouble]
) -> None:
    address, trouble = proxied
    for after in range(3):
        for length in [0, 1, 2, 3, 4, 5, 100]:
            begin(url)
            cut_one(trouble, after, length)
            with contextlib.suppress(StoreUnavailableError):
                opened(address).delete()
                assert "count" not in opened(url)
            begin(url)
            session = None
            cut_one(trouble, after, length)
            with contextlib.suppress(StoreUnavailableError):
                session = opened(address)
                session.regenerate_id()
                session.save()
                assert "count" not in opened(url)
                moved = Session({}, id=session.id, use_cookies=False, type="ext:redis", url=url)
                assert moved["count"] == 0
                moved.delete()


def test_a_server_that_is_slow_is_waited_for_no_longer_than_its_time_limit(
    url: str, proxied: tuple[str, Trouble]
) -> None:
    address, trouble = proxied
    begin(url)
    address += "?socket_timeout=0.2"
    session = opened(address)
    trouble.delay = 2
    session["count"] += 1
    since = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        session.save()
    assert time.monotonic() - since < 30
    assert "200ms" in str(caught.value) or "reached" in str(caught.value)
    trouble.delay = 0
    session["name"] = "Ada"
    session.save()
    assert (opened(url)["count"], opened(url)["name"]) == (1, "Ada")


def test_a_page_is_served_though_its_renewal_is_lost(
    url: str, proxied: tuple[str, Trouble], caplog: pytest.LogCaptureFixture
) -> None:
    address, trouble = proxied
    begin(url)
    opened(address)
    trouble.cut = lambda reply: 0 if reply.startswith(b":") else None
    session = opened(address)
    session.save(accessed_only=True)
    assert [record.name for record in caplog.records] == ["beaker.session"]
    assert ID not in caplog.text
    trouble.cut = lambda _reply: None
    assert opened(address)["count"] == 0


def test_a_swap_whose_reply_is_lost_is_in_doubt(url: str, proxied: tuple[str, Trouble]) -> None:
    address, trouble = proxied
    values = RedisNamespaceManager("numbers", address)
    values["one"] = "1"
    # The first reply is the value, and the second that to the change.
    cut_one(trouble, 1, 0)
    with pytest.raises(OutcomeUnknownError):
        values.swap("one", "1", "2")
    assert RedisNamespaceManager("numbers", url)["one"] == "2"


def test_a_creation_lock_whose_reply_is_lost_is_released(url: str, proxied: tuple[str, Trouble]) -> None:
    address, trouble = proxied
    values = RedisNamespaceManager("numbers", address)
    assert "one" not in values
    cut_one(trouble, 0, 0)
    with pytest.raises(OutcomeUnknownError):
        values.get_creation_lock("one").acquire()
    lock = RedisNamespaceManager("numbers", url).get_creation_lock("one")
    assert lock.acquire(wait=False)
    lock.release()
