"""Sessions and caches in a Redis Cluster of three nodes, by themselves and beside Beaker."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.cluster import RedisCluster as Client

from beaker.cache import CacheManager
from beaker.exceptions import OutcomeUnknownError, StoreUnavailableError
from beaker.ext.redisclusternm import RedisClusterNamespaceManager, RedisClusterSynchronizer
from beaker.session import Session
from tests.compat.interop.original import original
from tests.compat.interop.visits import visit
from tests.support.environment import skipped_where_impossible
from tests.support.redis_server import RedisCluster
from tests.support.sessions import ID
from tests.support.threads import in_thread, together

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_700_000_000.5


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """The cluster of this module."""
    with skipped_where_impossible():
        cluster = RedisCluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def client(cluster: RedisCluster) -> Iterator[Client]:
    """A client of another library in the empty cluster."""
    client = Client.from_url(cluster.urls.partition(",")[0])
    client.flushall()
    yield client
    client.close()


@pytest.fixture(params=["urls", "url", "client", "client of ext:redis"])
def options(request: pytest.FixtureRequest, cluster: RedisCluster, client: Client) -> dict[str, Any]:
    """Each way to name a cluster."""
    ways: dict[str, dict[str, Any]] = {
        "urls": {"type": "ext:rediscluster", "urls": cluster.urls},
        "url": {"type": "ext:rediscluster", "url": cluster.urls},
        "client": {"type": "ext:rediscluster", "urls": client},
        "client of ext:redis": {"type": "ext:redis", "url": client},
    }
    return ways[request.param]


def opened(options: dict[str, Any], session_id: str = ID) -> Any:
    return Session({}, id=session_id, use_cookies=False, timeout=600, **options)


def test_a_session_lives_and_ends(options: dict[str, Any], client: Client) -> None:
    first, second = opened(options), opened(options)
    first["first"] = 1
    first.save()
    second["second"] = 2
    second.save()
    session = opened(options)
    assert (session["first"], session["second"]) == (1, 2)
    assert 700 < client.ttl(f"beaker_cache:{ID}:session") <= 720
    session.save(accessed_only=True)
    session.regenerate_id()
    session.save()
    assert not opened(options).get("first")
    assert opened(options, session.id)["second"] == 2
    opened(options, session.id).delete()
    assert list(client.scan_iter()) == []


def test_sessions_are_spread_over_the_nodes(options: dict[str, Any], cluster: RedisCluster) -> None:
    for number in range(30):
        session = opened(options, f"session-{number}")
        session["number"] = number
        session.save()
    assert [opened(options, f"session-{number}")["number"] for number in range(30)] == list(range(30))
    sizes = []
    for server in cluster.servers:
        with redis.Redis(port=server.port) as node:
            sizes.append(node.dbsize())
    assert sum(sizes) == 30
    assert min(sizes) > 0


def test_concurrent_counts_are_all_kept(options: dict[str, Any]) -> None:
    begun = opened(options)
    begun["begun"] = True
    begun.save()

    def count(number: int) -> None:
        for turn in range(10):
            session = opened(options)
            session[f"{number}-{turn}"] = True
            session.save()

    together(count, 4)
    assert len([key for key in opened(options) if "-" in key]) == 40


def test_caches_and_their_locks_are_in_the_cluster(cluster: RedisCluster, client: Client) -> None:
    made = itertools.count()
    cache = CacheManager(type="ext:rediscluster", urls=cluster.urls).get_cache("numbers", expire=60)
    assert [cache.get("one", createfunc=lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    values = RedisClusterNamespaceManager("numbers", cluster.urls)
    assert values.keys() == [b"beaker_cache:numbers:one"]
    lock = values.get_creation_lock("two")
    assert isinstance(lock, RedisClusterSynchronizer)
    assert lock.acquire()
    assert not in_thread(lambda: values.get_creation_lock("two").acquire(wait=False))
    lock.release()
    values.remove()
    assert list(client.scan_iter()) == []


def test_a_change_whose_reply_is_lost_is_not_made_again(
    cluster: RedisCluster, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, sent = Client._execute_command, []

    def lose(self: Client, node: Any, *words: Any, **options: Any) -> Any:
        reply = execute(self, node, *words, **options)  # type: ignore[no-untyped-call]
        if words[0] == "EVAL":
            sent.append(words)
            raise redis.ConnectionError("the reply is lost")
        return reply

    client.flushall()
    values = RedisClusterNamespaceManager("numbers", cluster.urls)
    assert values.swap("one", None, "1")
    monkeypatch.setattr(Client, "_execute_command", lose)
    with pytest.raises(OutcomeUnknownError):
        values.swap("one", "1", "2")
    assert len(sent) == 1
    assert values["one"] == "2"


@pytest.mark.parametrize("ours_begins", [True, False])
def test_beaker_and_ours_use_the_same_sessions(
    cluster: RedisCluster, client: Client, oracle: Path, ours_begins: bool
) -> None:
    options = {"type": "ext:rediscluster", "urls": cluster.urls, "timeout": 600}
    with original(oracle) as theirs:

        def both(now: float, action: str, cookie: str | None, ours: bool) -> dict[str, Any]:
            if ours:
                return visit(options, "", now, action, cookie)
            answer: dict[str, Any] = theirs.call(visit, options, "", now, action, cookie)
            return answer

        cookie = both(NOW, "count", None, ours_begins)["cookie"]
        for number in range(2, 6):
            ours = (number % 2 == 0) != ours_begins
            assert both(NOW + number, "count", cookie, ours)["answer"] == number
        both(NOW + 9, "log out", cookie, not ours_begins)
        assert both(NOW + 10, "look", cookie, ours_begins)["answer"][0] is None


def test_a_cluster_has_no_database_and_may_be_down(cluster: RedisCluster) -> None:
    with pytest.raises(Exception, match="database"):
        RedisClusterNamespaceManager("numbers", f"{cluster.urls.partition(',')[0]}/3")
    with pytest.raises(StoreUnavailableError):
        opened({"type": "ext:rediscluster", "urls": "redis://127.0.0.1:1"})
