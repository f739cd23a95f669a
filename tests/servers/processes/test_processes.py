"""Several processes and several servers on one folder of sessions."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.client import Response, connect, cookie_of, get
from tests.support.environment import need_distribution
from tools.serving import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.processes.conftest import Serve
    from tools.serving import Kind, Serving

ROUNDS = 40
FEWEST_VISITS = 10
MOST_VISITS = 500


def process_and_count(response: Response) -> tuple[int, int]:
    assert response.status == "200 OK"
    process, count = response.body.split()
    return int(process), int(count)


@contextlib.contextmanager
def held(server: Serving) -> Iterator[None]:
    """Keeps one process busy, so that the next visit goes to another."""
    with connect(server.port, "/hold") as connection:
        assert connection.recv(1)
        yield


def test_every_process_reads_the_saves_of_the_others(kind: Kind, serve: Serve, tmp_path: Path) -> None:
    server = serve(kind, {"type": "file", "data_dir": str(tmp_path / "sessions")})
    first = get(server.port, "/count")
    cookie = cookie_of(first)
    processes = {process_and_count(first)[0]}
    with ThreadPoolExecutor(8) as visitors:
        for _ in range(ROUNDS):
            responses = visitors.map(lambda _: get(server.port, "/read", cookie), range(16))
            for process, count in map(process_and_count, responses):
                processes.add(process)
                assert count == 1
            if len(processes) == kind.processes:
                break
    assert len(processes) == kind.processes


def test_visits_are_counted_one_by_one_whichever_process_serves_them(
    kind: Kind, serve: Serve, tmp_path: Path
) -> None:
    server = serve(kind, {"type": "file", "data_dir": str(tmp_path / "sessions")})
    first = get(server.port, "/count")
    cookie = cookie_of(first)
    processes = [process_and_count(first)[0]]
    for visit in range(2, MOST_VISITS):
        with held(server) if kind.processes > 1 else contextlib.nullcontext():
            response = get(server.port, "/count", cookie)
        process, count = process_and_count(response)
        processes.append(process)
        assert count == visit
        assert response.every("set-cookie") == []
        # A process of several threads may serve on while one of them is held.
        if visit > FEWEST_VISITS and len(set(processes)) >= min(2, kind.processes):
            return
    pytest.fail(f"one process has served {MOST_VISITS} visits")


def test_servers_of_every_kind_share_one_folder(serve: Serve, tmp_path: Path) -> None:
    options = {"type": "file", "data_dir": str(tmp_path / "sessions"), "secret": "a shared secret"}
    servers = []
    for kind in KINDS:
        need_distribution(kind.distribution)
        servers.append(serve(kind, options))
    cookie = None
    count = 0
    for _ in range(3):
        for server in servers:
            response = get(server.port, "/count", cookie)
            count += 1
            assert process_and_count(response)[1] == count
            cookie = cookie or cookie_of(response)
