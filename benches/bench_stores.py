"""Measures sessions in stores by turns: Beaker 1.14.1 with the store that it has, and ours.

As `bench_wsgi` does it: each runs in a process of its own by the same CPython, rounds are short and
alternate, and what is told are medians. Beside Redis and memcached, the requests that ours sends are sent
again by a plain socket, which is the least that they can cost. `./dev bench-stores` installs what this
needs and runs it.
"""

from __future__ import annotations

import argparse
import contextlib
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
from benches.bench_wsgi import ROOT, Worker
from benches.cases import SECRET, Configuration
from benches.report import environment, file_system
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


def sent(configuration: Configuration, port: int, request: str) -> list[bytes]:
    """What ours sends to the server at a port for one request, in the order of the replies."""
    heard: list[bytes] = []
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
            heard.append(data)
            return False

        proxy.trouble.keep = hear
        server.call(app, environ_of(f"/{request}", cookie, "small"))
    finally:
        proxy.close()
    return heard


class Bare:
    """Sends the same requests over and over by a plain socket."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.requests = requests
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def cost(self, turns: int) -> float:
        """The microseconds of all of them once."""
        send, receive = self.socket.sendall, self.socket.recv
        began = time.perf_counter()
        for _ in range(turns):
            for request in self.requests:
                send(request)
                receive(MOST_REPLY)
        return (time.perf_counter() - began) / turns * 1e6


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
                bare[request] = Bare(subject.port, sent(configuration, subject.port, request))
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
        "stores", nargs="*", metavar="STORE", help=f"some of {', '.join(STORES)} (default: all)"
    )
    parser.add_argument(
        "--rounds", type=int, default=40, help="rounds of each request (default: %(default)s)"
    )
    parser.add_argument("--milliseconds", type=float, default=10, help="how long a round lasts, about")
    parser.add_argument("--oracle", type=Path, default=ROOT / ".oracle" / "bin" / "python")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "target", help="a folder on a real disk")
    options = parser.parse_args()
    if unknown := set(options.stores) - set(STORES):
        parser.error(f"unknown store {', '.join(sorted(unknown))}; use some of {', '.join(STORES)}")
    if file_system(options.data_dir) in {"tmpfs", "ramfs"}:
        sys.exit(f"{options.data_dir} is in memory: name a folder on a disk by --data-dir")
    print(environment(options.data_dir))
    for store in options.stores or STORES:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.data_dir) as name:
            folder = Path(name)
            with subject(store, folder) as compared:
                measure(compared, options.oracle, folder, options.rounds, options.milliseconds / 1000)
        print(f"\n{table(store, compared)}", flush=True)


if __name__ == "__main__":
    main()
