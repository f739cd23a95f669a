"""The published laws on Redis behind a Sentinel, with failovers between tests and in the middle of one."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from redis.sentinel import Sentinel

from beaker.exceptions import StoreUnavailableError
from beaker.testing import Backend, StoreLaws
from tests.support.environment import skipped_where_impossible
from tests.support.redis_sentinels import SERVICE, WatchedRedis
from tests.support.redis_server import PREFIX
from tests.support.sessions import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS_BETWEEN_FAILOVERS = 200


@pytest.fixture(scope="module")
def servers() -> Iterator[WatchedRedis]:
    """The servers of this module."""
    with skipped_where_impossible():
        servers = WatchedRedis()
    yield servers
    servers.stop()


def client_of(ports: list[int]) -> Any:
    """A client of redis-py that asks the sentinels for the primary."""
    make: Any = Sentinel
    return make([("127.0.0.1", port) for port in ports], socket_timeout=5).master_for(
        SERVICE, socket_timeout=5
    )


@pytest.fixture(scope="module")
def client(servers: WatchedRedis) -> Iterator[Any]:
    """A client of another library."""
    client = client_of(servers.ports)
    yield client
    client.close()


class BehindSentinel(Backend):
    """Sessions in the primary, which the sentinels name."""

    def __init__(self, options: dict[str, Any], client: Any) -> None:
        super().__init__(options)
        self.client = client
        client.flushdb()

    def names(self) -> list[str]:
        return [key.decode() for key in self.client.scan_iter()]

    def lifetime(self, session_id: str) -> float | None:
        milliseconds = self.client.pttl(f"{PREFIX}{session_id}:session")
        return None if milliseconds == -1 else milliseconds / 1000

    def __getstate__(self) -> dict[str, Any]:
        """The options, for another process."""
        return {"options": self.options}


@pytest.fixture
def watched(servers: WatchedRedis, client: Any, count: Iterator[int]) -> WatchedRedis:
    """The servers, of which another one is the primary now and then."""
    if next(count) % TESTS_BETWEEN_FAILOVERS == 0:
        servers.fail_over()
        servers.repair()
        # Each connection to the killed server would be the error of one command.
        client.connection_pool.disconnect()
    return servers


@pytest.fixture(scope="module")
def count() -> Iterator[int]:
    """The number of the test."""
    return itertools.count(1)


class TestRedisSentinel(StoreLaws):
    lacks = frozenset({"down", "sweep"})

    @pytest.fixture
    def backend(self, watched: WatchedRedis, client: Any) -> Backend:
        return BehindSentinel({"type": "ext:redis", "url": watched.url}, client)


class TestRedisSentinelByObject(StoreLaws):
    """By a client of redis-py, with locks for the threads of a process alone. No pickle takes it along."""

    lacks = frozenset({"pickle", "locks", "down", "sweep"})

    @pytest.fixture
    def backend(self, watched: WatchedRedis, client: Any) -> Backend:
        return BehindSentinel({"type": "ext:redis", "url": client}, client)


def answer_of(visitor: Browser, name: int) -> str:
    """What becomes of two requests."""
    try:
        found = visitor.read()
        visitor.put(visits=found["visits"] + 1)
    except StoreUnavailableError:
        time.sleep(0.01)
        return "refused"
    return "answered" if found["name"] == name else "logged out"


@pytest.mark.parametrize("by", ["url", "object"])
def test_a_failover_in_the_middle_of_requests_logs_nobody_out(
    servers: WatchedRedis, client: Any, by: str
) -> None:
    options = {"type": "ext:redis", "url": servers.url if by == "url" else client}
    visitors = [Browser(options) for _ in range(4)]
    for number, visitor in enumerate(visitors):
        visitor.put(name=number, visits=0)
    before = [visitor.jar for visitor in visitors]
    killed = servers.primary()
    done = threading.Event()
    answers: list[list[str]] = [[] for _ in visitors]

    def visit(number: int) -> None:
        while not done.is_set():
            answers[number].append(answer_of(visitors[number], number))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(len(visitors))]
    for thread in threads:
        thread.start()
    try:
        servers.fail_over()
        # Every visitor has to be served by the other server.
        counts = [len(given) for given in answers]
        begin = time.monotonic()
        while any("answered" not in given[count:] for given, count in zip(answers, counts, strict=True)):
            assert time.monotonic() - begin < 60, answers
            time.sleep(0.01)
    finally:
        done.set()
        for thread in threads:
            thread.join(60)
    servers.repair()
    assert servers.primary() != killed
    assert {answer for given in answers for answer in given} <= {"answered", "refused"}
    assert any("refused" in given for given in answers)
    assert [visitor.jar for visitor in visitors] == before
    assert [visitor.read()["name"] for visitor in visitors] == list(range(len(visitors)))
