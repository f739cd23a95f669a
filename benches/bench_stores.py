"""Measures sessions in stores by turns: Beaker 1.14.1 with the store that it has, and ours.

As `bench_wsgi` does it: each runs in a process of its own by the same CPython, rounds are short and
alternate, and what is told are medians. Beside Redis and memcached, the requests that ours sends are sent
again by a plain socket, which is the least that they can cost. `./dev bench-stores` installs what this
needs and runs it.

Clients and servers share one core. On many virtual machines a server on another core takes longer to wake
than to answer, and the system decides anew for each connection which core that is.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from beaker.middleware import SessionMiddleware
from benches.applications import application, environ_of
from benches.arguments import parse_with_stores
from benches.bench_wsgi import ROOT, Worker
from benches.cases import SECRET, Configuration
from benches.report import environment
from benches.worker import Server
from tests.support.databases import SERVERS
from tests.support.memcached_server import MemcachedServer
from tests.support.proxy import Proxy, Trouble
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = ("read", "write", "new")
STORES = ("sqlite", "redis", "memcached", "postgresql")
SIGNED = ("secret", SECRET)
MOST_REPLY = 1 << 16


@dataclass
class Subject:
    """The measured middlewares by their name, Beaker's first, and the port of a server to send to."""

    configurations: dict[str, Configuration]
    port: int | None = None
    costs: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, name: str, request: str, microseconds: float) -> None:
        """Takes in a round."""
        self.costs.setdefault((name, request), []).append(microseconds)


def configured(backend: str, **options: str) -> Configuration:
    """A middleware with signed ids."""
    return Configuration(backend, "signed", (SIGNED, *options.items()))


@contextlib.contextmanager
def subject(store: str, folder: Path) -> Iterator[Subject]:
    """The middlewares that are compared in a store, on a server of their own."""
    if store == "sqlite":
        yield Subject(
            {
                "Beaker": configured("ext:database", url=f"sqlite:///{folder / 'original.db'}"),
                "ours": configured("sqlite", url=f"sqlite:///{folder / 'ours.sqlite'}"),
                "ours, file": configured("file"),
            }
        )
    elif store == "redis":
        server = RedisServer(["--appendonly", "no"])
        try:
            both = configured("ext:redis", url=server.url())
            yield Subject({"Beaker": both, "ours": both}, server.port)
        finally:
            server.stop()
    elif store == "memcached":
        memcached = MemcachedServer()
        try:
            both = configured("ext:memcached", url=memcached.address)
            yield Subject({"Beaker": both, "ours": both}, memcached.port)
        finally:
            memcached.kill()
    else:
        with SERVERS[store]() as database:
            names = {"Beaker": "original", "ours": "ours"}
            yield Subject(
                {
                    name: configured("ext:database", url=database.url, table_name=table)
                    for name, table in names.items()
                }
            )


@dataclass
class Exchange:
    """What ours sends to a server for one request, and what the server answers."""

    requests: list[bytes] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)


def recorded(configuration: Configuration, port: int, request: str) -> Exchange:
    """Lets ours make a request of a session at the server at a port."""
    exchange = Exchange()
    proxy = Proxy("127.0.0.1", port, Trouble())
    try:
        config = {f"session.{name}": value for name, value in configuration.options}
        config |= {"session.type": configuration.backend}
        config["session.url"] = config["session.url"].replace(f":{port}", f":{proxy.port}")
        app = SessionMiddleware(application, config)
        server = Server()
        server.call(app, environ_of("/new", None, "small"))
        cookie = None if request == "new" else server.cookie()
        # The first of a process also introduces itself.
        server.call(app, environ_of(f"/{request}", cookie, "small"))

        def hear(data: bytes) -> bool:
            exchange.requests.append(data)
            return False

        proxy.trouble.keep = hear
        proxy.trouble.cut = exchange.replies.append
        server.call(app, environ_of(f"/{request}", cookie, "small"))
    finally:
        proxy.close()
    return exchange


class Bare:
    """Sends the same requests over and over by a plain socket. The server makes each change every time."""

    def __init__(self, port: int, exchange: Exchange) -> None:
        self.exchange = exchange
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.prepared = self.in_redis if exchange.requests[0].startswith(b"*") else self.in_memcached

    def ask(self, request: bytes) -> bytes:
        """Sends a request; its reply."""
        self.socket.sendall(request)
        return self.socket.recv(MOST_REPLY)

    def in_redis(self) -> list[bytes]:
        """Stores what the first of the requests read, or removes what it stored. The requests to send."""
        first, reply = self.exchange.requests[0], self.exchange.replies[0]
        key = b"\r\n".join(first.split(b"\r\n")[3:5]) + b"\r\n"
        reads = first.startswith(b"*2\r\n$3\r\nGET")
        self.ask(b"*3\r\n$3\r\nSET\r\n" + key + reply if reads else b"*2\r\n$3\r\nDEL\r\n" + key)
        return self.exchange.requests

    def in_memcached(self) -> list[bytes]:
        """Removes what the first of the requests stored. The requests to send, with the present token."""
        *reading, change = self.exchange.requests
        key = change.split(b" ")[1]
        if not reading:
            self.ask(b"md %s\r\n" % key)
            return [change]
        token = self.ask(b"mg %s c\r\n" % key).strip().removeprefix(b"HD c")
        return [*reading, re.sub(rb" C\d+", b" C" + token, change, count=1)]

    def cost(self, turns: int) -> float:
        """The microseconds of all of them once."""
        send, receive, clock = self.socket.sendall, self.socket.recv, time.perf_counter
        took, reply = 0.0, b""
        for _ in range(turns):
            requests = self.prepared()
            began = clock()
            for request in requests:
                send(request)
                reply = receive(MOST_REPLY)
            took += clock() - began
            assert reply.startswith((b":1\r", b"+OK", b"HD")), f"the server made no change: {reply!r}"
        return took / turns * 1e6


def measure(subject: Subject, oracle: Path, folder: Path, rounds: int, seconds: float) -> None:
    """Measures the rounds."""
    with contextlib.ExitStack() as stack:
        workers: dict[str, Worker] = {}
        bare: dict[str, Bare] = {}
        turns: dict[str, int] = {}
        for name, configuration in subject.configurations.items():
            python = oracle if name == "Beaker" else Path(sys.executable)
            workers[name] = Worker(python, configuration, folder / name)
            stack.callback(workers[name].close)
            for request in REQUESTS:
                turns[request] = workers[name].do("calibrate", "small", request, seconds)
        if subject.port is not None:
            for request in REQUESTS:
                bare[request] = Bare(subject.port, recorded(configuration, subject.port, request))
                stack.enter_context(bare[request].socket)
        for number in range(rounds):
            for name, worker in sorted(workers.items(), reverse=bool(number % 2)):
                for request in REQUESTS:
                    measured = worker.do("round", "small", request)
                    subject.add(name, request, (measured["wrapped"][0] - measured["bare"][0]) / 1000)
            for request, connection in bare.items():
                subject.add("bare", request, connection.cost(turns[request]))


def table(store: str, subject: Subject) -> str:
    """What was measured, as Markdown."""
    middle = {case: statistics.median(values) for case, values in subject.costs.items()}
    others = [name for name in (*list(subject.configurations)[2:], "bare") if (name, "read") in middle]
    heads = ["Beaker", "ours", *others, "Beaker / ours", *(f"ours / {other}" for other in others)]
    lines = [f"| {store} | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    for request in REQUESTS:
        costs = {name: middle[name, request] for name in ("Beaker", "ours", *others)}
        ours = costs["ours"]
        cells = [
            *(f"{cost:.0f} us" for cost in costs.values()),
            f"{costs['Beaker'] / ours:.1f}",
            *(f"{ours / costs[other]:.2f}" for other in others),
        ]
        lines.append(f"| {request} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=40, help="rounds of each request (default: %(default)s)"
    )
    parser.add_argument("--milliseconds", type=float, default=10, help="how long a round lasts, about")
    parser.add_argument("--oracle", type=Path, default=ROOT / ".oracle" / "bin" / "python")
    options = parse_with_stores(parser, STORES)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(environment(options.data_dir))
    for store in options.stores or STORES:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.data_dir) as name:
            folder = Path(name)
            with subject(store, folder) as compared:
                measure(compared, options.oracle, folder, options.rounds, options.milliseconds / 1000)
        print(f"\n{table(store, compared)}", flush=True)


if __name__ == "__main__":
    main()
