"""The published laws on a Redis Cluster of three nodes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from redis.cluster import RedisCluster as Client

from beaker.testing import Backend, StoreLaws
from tests.support.environment import skipped_where_impossible
from tests.support.redis_server import PREFIX, RedisCluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """The cluster of this module."""
    with skipped_where_impossible():
        cluster = RedisCluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def client(cluster: RedisCluster) -> Iterator[Client]:
    """A client of another library."""
    client = Client.from_url(cluster.urls.partition(",")[0])
    yield client
    client.close()


class InCluster(Backend):
    """Sessions in a cluster, which is down while its servers are."""

    def __init__(self, cluster: RedisCluster, client: Client) -> None:
        super().__init__({"type": "ext:rediscluster", "urls": cluster.urls})
        self.cluster, self.client = cluster, client
        client.flushall()

    def names(self) -> list[str]:
        return [key.decode() for key in self.client.scan_iter()]

    def lifetime(self, session_id: str) -> float | None:
        milliseconds = self.client.pttl(f"{PREFIX}{session_id}:session")
        return None if milliseconds == -1 else milliseconds / 1000

    @contextmanager
    def down(self) -> Iterator[None]:
        for server in self.cluster.servers:
            server.kill()
        yield
        for server in self.cluster.servers:
            server.start()
        self.cluster.wait()

    def __getstate__(self) -> dict[str, object]:
        """The options, for another process."""
        return {"options": self.options}


class TestRedisCluster(StoreLaws):
    lacks = frozenset({"locks", "sweep"})

    @pytest.fixture
    def backend(self, cluster: RedisCluster, client: Client) -> Backend:
        return InCluster(cluster, client)
