"""Measures requests to a store of a million sessions, beside those to a store of a thousand, by turns.

The stores are filled by requests. Each measured request is of another session, and what is told is a mean,
which has the checkpoints of a database in it. `./dev bench-million` installs what this needs and runs it; the
files take some minutes and 5 GB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from beaker.middleware import SessionMiddleware
from benches.applications import application, environ_of
from benches.arguments import parse_with_stores
from benches.report import environment
from benches.worker import Server
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

STORES = ("sqlite", "redis", "file")
REQUESTS = ("read", "write")
FEW = 1000
IN_A_ROUND = 200


class Filled:
    """A store with sessions, each of an hour."""

    def __init__(self, options: dict[str, Any], sessions: int) -> None:
        config = {"session.timeout": 3600, "session.sweep_interval": 0}
        self.app = SessionMiddleware(application, config | options)
        self.server = Server()
        self.cookies = [self.new() for _ in range(sessions)]
        self.random = random.Random(sessions)
        self.took = dict.fromkeys(REQUESTS, 0.0)

    def new(self) -> str:
        """The cookie of a new session."""
        self.server.call(self.app, environ_of("/new", None, "small"))
        cookie = self.server.cookie()
        assert cookie is not None, "a new session sends its cookie"
        return cookie

    def round(self, request: str) -> None:
        """Visits some sessions."""
        cookies = self.random.sample(self.cookies, IN_A_ROUND)
        environs = [environ_of(f"/{request}", cookie, "small") for cookie in cookies]
        call, app = self.server.call, self.app
        began = time.perf_counter()
        bodies = [call(app, environ) for environ in environs]
        self.took[request] += time.perf_counter() - began
        assert all(bodies), "every session is there"
        assert self.server.cookie() is None, "no session is new"


@contextlib.contextmanager
def options_in(store: str, folder: Path) -> Iterator[Iterator[dict[str, Any]]]:
    """The options of one store after the other, of one kind."""
    if store == "redis":
        # A server on another core may take longer to wake than to answer.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        server = RedisServer(["--appendonly", "no"])
        try:
            yield ({"session.type": "ext:redis", "session.url": server.url(number)} for number in count())
        finally:
            server.stop()
    else:
        yield ({"session.type": store, "session.data_dir": str(folder / str(number))} for number in count())


def row(store: str, request: str, few: Filled, many: Filled, visits: int) -> str:
    """A row of the table."""
    less, more = (filled.took[request] / visits * 1e6 for filled in (few, many))
    return f"| {store}, {request} | {less:.0f} us | {more:.0f} us | {more / less:.2f} |"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument(
        "--rounds",
        type=int,
        default=100,
        help=f"of {IN_A_ROUND} requests of each kind (default: %(default)s)",
    )
    options = parse_with_stores(parser, STORES)
    print(environment(options.data_dir))
    print(f"\n| | of {FEW} | of {options.sessions} | times |\n| --- | --- | --- | --- |", flush=True)
    for store in options.stores or STORES:
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=options.data_dir) as name,
            options_in(store, Path(name)) as stores,
        ):
            few, many = (Filled(next(stores), sessions) for sessions in (FEW, options.sessions))
            turns = [(filled, request) for filled in (few, many) for request in REQUESTS]
            for _ in range(options.rounds):
                # Otherwise the checkpoints of a database would always fall into the same turn.
                random.shuffle(turns)
                for filled, request in turns:
                    filled.round(request)
            for request in REQUESTS:
                print(row(store, request, few, many, options.rounds * IN_A_ROUND), flush=True)


if __name__ == "__main__":
    main()
