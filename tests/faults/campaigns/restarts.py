"""Servers that are killed while browsers use them, and started again."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from beaker.exceptions import StoreUnavailableError
from tests.faults.campaigns.report import Report, Size
from tests.support.databases import QUICK, SERVERS
from tests.support.redis_server import RedisServer
from tests.support.sessions import Browser
from tests.support.tables import on_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STORES = ("redis", *SERVERS)
BROWSERS = 6
KILLS = {Size.SHORT: 2, Size.FULL: 25}
PATIENCE = 120.0
"""In seconds, until each browser has met the dead server, or the one that is up again."""


@contextmanager
def _server(store: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A server of its own, which keeps what it has acknowledged, and the options that lead to it."""
    if store == "redis":
        redis = RedisServer()
        try:
            yield redis, {"type": "ext:redis", "url": redis.url()}
        finally:
            redis.stop()
        return
    with SERVERS[store](*QUICK[store]) as server:
        yield server, on_server(store, server).options


class Visitor(threading.Thread):
    """A browser that counts its visits in its session, and remembers what it was told."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self.browser = Browser(options, timeout=3600, secret="a secret of the campaigns, of some length")
        self.browser.put(count=0)
        self.stops = False
        self.acknowledged = self.failed = 0
        self.most = 0
        """More than this cannot be stored."""
        self.broken: list[str] = []

    def run(self) -> None:
        while not self.stops:
            self.visit()
            time.sleep(0.001)

    def visit(self) -> None:
        """One visit."""
        self.most += 1
        try:
            count = self.browser.visit(_count).result
        except StoreUnavailableError:
            self.failed += 1
        except Exception as error:  # reported
            self.broken.append(f"an error of another kind: {error!r}")
        else:
            self.acknowledged += 1
            if count is None:
                self.broken.append("a silent logout")

    def judge(self) -> None:
        """Compares what is stored in the end with what was acknowledged."""
        count = self.browser.read().get("count")
        if count is None or not self.acknowledged <= count <= self.most:
            self.broken.append(f"the counter is {count}, and not from {self.acknowledged} to {self.most}")


def _count(session: Any) -> int | None:
    count: int | None = session.get("count")
    session["count"] = (count or 0) + 1
    session.save()
    return count


def _until_each(visitors: list[Visitor], number: Callable[[Visitor], int]) -> bool:
    """Waits until a number of each visitor has grown."""
    before, end = [number(visitor) for visitor in visitors], time.monotonic() + PATIENCE
    while not all(number(visitor) > least for visitor, least in zip(visitors, before, strict=True)):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _kill_and_start(store: str, size: Size, report: Report) -> None:
    with _server(store) as (server, options):
        visitors = [Visitor(options) for _ in range(BROWSERS)]
        for visitor in visitors:
            visitor.start()
        for _ in range(KILLS[size]):
            time.sleep(0.1)
            server.kill()
            report.count("servers killed")
            if not _until_each(visitors, lambda visitor: visitor.failed):
                report.breaks(f"{store}: a browser does not hear that the server is down")
            server.start()
            if not _until_each(visitors, lambda visitor: visitor.acknowledged):
                report.breaks(f"{store}: a browser is not served by the server that is up again")
        for visitor in visitors:
            visitor.stops = True
        for visitor in visitors:
            visitor.join()
            visitor.judge()
    for visitor in visitors:
        report.count("visits acknowledged", visitor.acknowledged)
        report.count("answered by an exception", visitor.failed)
        report.count("answered as logged out", visitor.broken.count("a silent logout"))
        for law in visitor.broken:
            report.breaks(f"{store}: {law}")


def campaign(size: Size) -> Report:
    """Tries each server."""
    report = Report("restarts")
    for store in STORES:
        _kill_and_start(store, size, report)
    return report
