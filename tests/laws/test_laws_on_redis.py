"""The published laws on Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis

from beaker.testing import Backend, StoreLaws
from tests.laws.served import Served, proxy_of
from tests.support.environment import skipped_where_impossible
from tests.support.redis_server import PREFIX, RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """The server of this module."""
    with skipped_where_impossible():
        server = RedisServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(server: RedisServer) -> Iterator[Proxy]:
    """A proxy before the server."""
    proxy = proxy_of(server.port)
    yield proxy
    proxy.close()


class InRedis(Served):
    """Sessions in Redis, and a look at them by redis-py."""

    def __init__(self, server: RedisServer, proxy: Proxy, **options: Any) -> None:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        super().__init__({"type": "ext:redis", "url": url, **options}, proxy)
        self.client = redis.Redis(port=server.port)
        self.client.flushdb()

    def names(self) -> list[str]:
        return [key.decode() for key in self.client.scan_iter()]

    def lifetime(self, session_id: str) -> float | None:
        milliseconds = self.client.pttl(f"{PREFIX}{session_id}:session")
        return None if milliseconds == -1 else milliseconds / 1000


class TestRedis(StoreLaws):
    lacks = frozenset({"sweep"})

    @pytest.fixture
    def backend(self, server: RedisServer, proxy: Proxy) -> Backend:
        return InRedis(server, proxy)


class TestRedisWithHashedIds(StoreLaws):
    lacks = frozenset({"sweep", "lifetime"})

    @pytest.fixture
    def backend(self, server: RedisServer, proxy: Proxy) -> Backend:
        return InRedis(server, proxy, hash_ids=True)
