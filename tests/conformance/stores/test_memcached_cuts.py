"""Replies of memcached that come late, in part or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import StoreUnavailableError
from tests.support.memcached_server import make_memcached_backend, shared
from tests.support.proxy import Trouble, troubled
from tests.support.sessions import Backend, Browser, name, opened

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def memcached() -> Backend:
    return make_memcached_backend()


class Cut:
    """Cuts one reply after so many bytes."""

    def __init__(self, number: int, length: int) -> None:
        self.left = number
        self.length = length
        self.has_cut = False

    def __call__(self, reply: bytes) -> int | None:
        self.left -= 1
        if self.left != -1 or self.length >= len(reply):
            return None
        self.has_cut = True
        return self.length


@pytest.fixture
def proxy(memcached: Backend) -> Iterator[tuple[dict[str, Any], Trouble]]:
    """The options of sessions behind a proxy to the server of the backend, and its trouble."""
    with troubled(f"tcp://{shared().address}") as (url, trouble):
        yield {"type": "ext:memcached", "url": url.removeprefix("tcp://")}, trouble


def test_a_reply_that_is_cut_at_any_byte_is_neither_a_lost_save_nor_a_double_one(
    memcached: Backend, proxy: tuple[dict[str, Any], Trouble]
) -> None:
    options, trouble = proxy
    visitor = Browser(options)
    visitor.put(count=0, name="Ada")
    session_id = visitor.id
    count = cuts = 0

    def add(session: Any) -> Any:
        assert session["name"] == "Ada"
        session["count"] += 1
        session.save()
        return session["count"]

    for number in range(3):
        for length in range(60):
            trouble.cut = cut = Cut(number, length)
            try:
                told = visitor.visit(add).result
            except StoreUnavailableError:
                told = None
            trouble.cut = lambda _reply: None
            found = opened(memcached, session_id)["count"]
            # A load that failed changes nothing, and a change whose reply was lost is looked for.
            assert found == (count if told is None else count + 1), (number, length)
            assert told in (None, count + 1)
            assert told is not None or cut.has_cut
            count = found
            cuts += cut.has_cut
            if not cut.has_cut:
                break
    assert visitor.id == session_id
    assert cuts > 60


def test_a_logout_whose_reply_is_lost_is_an_error_or_a_logout(
    memcached: Backend, proxy: tuple[dict[str, Any], Trouble]
) -> None:
    options, trouble = proxy
    for number in range(2):
        for length in range(4):
            visitor = Browser(options)
            visitor.put(name="Ada")
            session_id = visitor.id
            trouble.cut = Cut(number, length)
            try:
                visitor.visit(lambda session: session.delete())
            except StoreUnavailableError:
                ended = number > 0
            else:
                ended = True
            trouble.cut = lambda _reply: None
            assert opened(memcached, session_id).is_new == ended


def test_a_server_that_answers_too_late_is_an_error(proxy: tuple[dict[str, Any], Trouble]) -> None:
    options, trouble = proxy
    visitor = Browser(options, operation_timeout=0.2)
    visitor.put(name="Ada")
    trouble.delay = 1
    with pytest.raises(StoreUnavailableError, match="timed out"):
        visitor.visit(name)
    trouble.delay = 0
    assert visitor.visit(name).result == "Ada"
