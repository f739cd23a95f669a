"""The published laws on Redis behind a Sentinel, with failovers between tests and in the middle of one."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import StoreUnavailableError
from beaker.testing import Backend, StoreLaws
from tests.support.environment import skipped_where_impossible
from tests.support.redis_server import PREFIX
from tests.support.sentinel import SentinelServers, client_of
from tests.support.sessions import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS_BETWEEN_FAILOVERS = 200


@pytest.fixture(scope="module")
def servers() -> Iterator[SentinelServers]:
    """The servers of this module."""
    with skipped_where_impossible():
        servers = SentinelServers()
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def client(servers: SentinelServers) -> Iterator[Any]:
    """The client that the sessions use."""
    client = client_of(servers.port)
    yield client
    client.close()


class BehindSentinel(Backend):
    """Sessions in the server that the Sentinel names."""

    def __init__(self, port: int, client: Any) -> None:
        super().__init__({"type": "ext:redis", "url": client})
        self.port, self.client = port, client

    def names(self) -> list[str]:
        return [key.decode() for key in self.client.scan_iter()]

    def lifetime(self, session_id: str) -> float | None:
        milliseconds = self.client.pttl(f"{PREFIX}{session_id}:session")
        return None if milliseconds == -1 else milliseconds / 1000

    def __getstate__(self) -> int:
        """The port of the Sentinel, for another process, which needs a client of its own."""
        return self.port

    def __setstate__(self, port: int) -> None:
        """Connects."""
        self.__init__(port, client_of(port))  # type: ignore[misc]


class TestRedisSentinel(StoreLaws):
    lacks = frozenset({"locks", "down", "sweep"})
    numbers = itertools.count(1)

    @pytest.fixture
    def backend(self, servers: SentinelServers, client: Any) -> Backend:
        if next(self.numbers) % TESTS_BETWEEN_FAILOVERS == 0:
            servers.fail_over()
            servers.repair()
            # Each connection to the killed server would be the error of one command.
            client.connection_pool.disconnect()
        client.flushdb()
        return BehindSentinel(servers.port, client)


def answer_of(visitor: Browser, name: int) -> str:
    """What becomes of two requests."""
    try:
        found = visitor.read()
        visitor.put(visits=found["visits"] + 1)
    except StoreUnavailableError:
        time.sleep(0.01)
        return "refused"
    return "answered" if found["name"] == name else "logged out"


def test_a_failover_in_the_middle_of_requests_logs_nobody_out(servers: SentinelServers, client: Any) -> None:
    options = {"type": "ext:redis", "url": client}
    visitors = [Browser(options) for _ in range(4)]
    for number, visitor in enumerate(visitors):
        visitor.put(name=number, visits=0)
    before = [visitor.jar for visitor in visitors]
    killed = servers.master()
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
    assert servers.master() is not killed
    assert {answer for given in answers for answer in given} <= {"answered", "refused"}
    assert any("refused" in given for given in answers)
    assert [visitor.jar for visitor in visitors] == before
    assert [visitor.read()["name"] for visitor in visitors] == list(range(len(visitors)))
