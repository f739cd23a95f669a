"""The places where the original and ours keep the same sessions, each on a real server where it has one."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from tests.support.databases import QUICK, SERVERS
from tests.support.memcached_server import servers
from tests.support.redis_server import RedisCluster, new_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Place:
    """Where sessions are kept."""

    options: Callable[[], dict[str, Any]]
    """Makes the options of a place that is empty, besides the folder that every session has."""
    lacks: frozenset[str] = field(default=frozenset())
    """The contents that the original cannot store there."""


@contextmanager
def _always(**options: Any) -> Iterator[Place]:
    yield Place(lambda: dict(options))


@contextmanager
def _redis() -> Iterator[Place]:
    yield Place(lambda: {"type": "ext:redis", "url": new_url()})


@contextmanager
def _cluster() -> Iterator[Place]:
    cluster = RedisCluster()

    def options() -> dict[str, Any]:
        for server in cluster.servers:
            with redis.Redis(port=server.port) as client:
                client.flushall()
        return {"type": "ext:rediscluster", "urls": cluster.urls}

    try:
        yield Place(options)
    finally:
        cluster.stop()


@contextmanager
def _memcached() -> Iterator[Place]:
    # A file may be as large.
    with servers(2, "-I", "32m") as nodes:
        url = ";".join(node.address for node in nodes)

        def options() -> dict[str, Any]:
            for node in nodes:
                node.ask("flush_all")
            return {"type": "ext:memcached", "url": url}

        yield Place(options)


def _table(kind: str, url: str, lacks: frozenset[str] = frozenset()) -> Place:
    return Place(lambda: {"type": kind, "url": url, "table_name": f"matrix{next(_NUMBERS)}"}, lacks)


@contextmanager
def _sqlite(kind: str) -> Iterator[Place]:
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield _table(kind, f"sqlite:///{folder}/sessions.db")


@contextmanager
def _server(name: str) -> Iterator[Place]:
    with SERVERS[name](*QUICK[name]) as server:
        # Beaker's table has a column of 64 KiB in MariaDB.
        yield _table("ext:database", server.url, frozenset({"large"} if name == "mariadb" else ()))


PLACES: Mapping[str, Callable[[], AbstractContextManager[Place]]] = {
    "file": _always,
    "dbm": lambda: _always(type="dbm"),
    "redis": _redis,
    "rediscluster": _cluster,
    "memcached": _memcached,
    "database-sqlite": lambda: _sqlite("ext:database"),
    "sqla-sqlite": lambda: _sqlite("ext:sqla"),
    "database-postgresql": lambda: _server("postgresql"),
    "database-mariadb": lambda: _server("mariadb"),
    "mongodb-double": lambda: _always(type="ext:mongodb"),
}
