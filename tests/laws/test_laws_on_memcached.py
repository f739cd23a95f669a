"""The published laws on two servers of memcached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beaker.testing import Backend, StoreLaws
from tests.laws.served import Served, proxy_of
from tests.support.memcached_server import LISTING, SUFFIX, MemcachedServer, servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[MemcachedServer]]:
    """Two servers."""
    with servers(2, *LISTING) as started:
        yield started


@pytest.fixture(scope="module")
def proxies(nodes: list[MemcachedServer]) -> Iterator[list[Proxy]]:
    """A proxy before each server."""
    proxies = [proxy_of(node.port) for node in nodes]
    yield proxies
    for proxy in proxies:
        proxy.close()


class InMemcached(Served):
    """Sessions on several servers."""

    def __init__(self, nodes: list[MemcachedServer], proxies: list[Proxy]) -> None:
        url = ";".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
        super().__init__({"type": "ext:memcached", "url": url}, *proxies)
        self.nodes = nodes
        for node in nodes:
            node.ask("flush_all")

    def names(self) -> list[str]:
        return [key for node in self.nodes for key in node.listed()]

    def lifetime(self, session_id: str) -> float | None:
        for node in self.nodes:
            (answer,) = node.ask(f"mg {session_id}{SUFFIX} t")
            if answer.startswith("HD"):
                seconds = int(answer.removeprefix("HD t"))
                return None if seconds == -1 else seconds
        raise KeyError(session_id)


class TestMemcached(StoreLaws):
    lacks = frozenset({"sweep", "clear"})

    @pytest.fixture
    def backend(self, nodes: list[MemcachedServer], proxies: list[Proxy]) -> Backend:
        return InMemcached(nodes, proxies)


def test_each_server_has_sessions(nodes: list[MemcachedServer]) -> None:
    counts = [int(line.split()[2]) for one in nodes for line in one.ask("stats") if "total_items" in line]
    assert all(counts)
    assert len(counts) == 2
