"""A primary that dies, and the replica that sentinels choose in its place."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import StoreUnavailableError
from beaker.session import Session
from tests.support.counted_visits import PATIENCE, Visitor, counting, wait_until
from tests.support.environment import skipped_where_impossible
from tests.support.redis_sentinels import WatchedRedis
from tests.support.sessions import ID

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.servers
VISITORS = 4


@pytest.fixture
def watched() -> Iterator[WatchedRedis]:
    """A primary, a replica and sentinels."""
    with skipped_where_impossible():
        watched = WatchedRedis()
    yield watched
    watched.stop()


def test_a_failover_under_load_logs_nobody_out(watched: WatchedRedis) -> None:
    early: Any = Session({}, id=ID, use_cookies=False, type="ext:redis", url=watched.url)
    early["name"] = "Ada"
    early.save()
    app, until = counting(watched.url), threading.Event()
    visitors = [Visitor(app, until) for _ in range(VISITORS)]
    for visitor in visitors:
        visitor.visit()
    for visitor in visitors:
        visitor.start()
    # Replication is asynchronous, so what was counted in the last moment may be lost.
    wait_until(lambda: all(visitor.count > 20 for visitor in visitors))
    time.sleep(1)
    replicated = [visitor.count for visitor in visitors]
    time.sleep(1)
    first = watched.primary()
    watched.servers[0].kill()
    wait_until(lambda: all(visitor.failed for visitor in visitors))
    wait_until(lambda: watched.primary() != first)
    done = [visitor.answered for visitor in visitors]
    wait_until(lambda: all(v.answered > d for v, d in zip(visitors, done, strict=True)))
    until.set()
    for visitor in visitors:
        visitor.join(PATIENCE)
    assert [visitor.logged_out for visitor in visitors] == [0] * VISITORS
    assert all(v.count > count for v, count in zip(visitors, replicated, strict=True))
    found: Any = Session({}, id=ID, use_cookies=False, type="ext:redis", url=watched.url)
    assert found["name"] == "Ada"


def test_the_first_primary_that_comes_back_as_a_replica_is_not_written_to(watched: WatchedRedis) -> None:
    session: Any = Session({}, id=ID, use_cookies=False, type="ext:redis", url=watched.url)
    session["name"] = "Ada"
    session.save()
    time.sleep(1)
    first = watched.primary()
    watched.servers[0].kill()
    wait_until(lambda: watched.primary() != first)
    watched.servers[0].start()
    session["name"] = "Grace"
    wait_until(lambda: is_saved(session))
    again: Any = Session({}, id=ID, use_cookies=False, type="ext:redis", url=watched.url)
    assert again["name"] == "Grace"


def is_saved(session: Any) -> bool:
    """Whether a save succeeds: not while the sentinels choose."""
    try:
        session.save()
    except StoreUnavailableError:
        return False
    return True
