"""Servers that load the application before they fork: sessions continue in every worker, without a hang."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session
from tests.support.client import connect, get
from tests.support.folders import age
from tests.support.servers import each_server
from tests.support.sessions import UNKNOWN_ID as COUNTED
from tools.serving import GEVENT_PRELOADED, GTHREAD_PRELOADED, SYNC_PRELOADED, UWSGI_THREADS, Kind, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.client import Response
    from tools.serving import Serving

APPLICATION = "tests.servers.workers.preloaded:wsgi_app"
COOKIE = f"beaker.session.id={COUNTED}"
KINDS = (SYNC_PRELOADED, GTHREAD_PRELOADED, GEVENT_PRELOADED, UWSGI_THREADS)
VISITORS, VISITS = 8, 10
PATIENCE = 60


kind = each_server(KINDS)


@pytest.fixture
def server(kind: Kind, tmp_path: Path) -> Iterator[Serving]:
    """A server whose application was used before the fork, with a session in a file."""
    options = {
        "session.type": "file",
        "session.data_dir": str(tmp_path / "sessions"),
        "session.timeout": 3600,
        "session.sweep_interval": 1,
        "session.lock_timeout": PATIENCE,
    }
    environment = {
        "OPTIONS": json.dumps(options),
        "HOLDER": str(tmp_path / "holder"),
        "TMPDIR": str(tmp_path),
    }
    with serving(kind, APPLICATION, tmp_path, environment) as running:
        yield running


def body(response: Response) -> tuple[int, str]:
    """The process, and what it says."""
    assert response.status == "200 OK"
    process, _, said = response.body.decode().partition(" ")
    return int(process), said


def count(server: Serving, path: str = "/") -> int:
    return int(body(get(server.port, path, COOKIE))[1])


def test_a_session_from_before_the_fork_counts_on_exactly(kind: Kind, server: Serving) -> None:
    with ThreadPoolExecutor(VISITORS) as visitors:
        seen = list(
            visitors.map(lambda _: body(get(server.port, "/count", COOKIE)), range(VISITORS * VISITS))
        )
    # It stood at two before the fork.
    assert sorted(int(said) for _, said in seen) == list(range(3, VISITORS * VISITS + 3))
    assert count(server) == VISITORS * VISITS + 2


def test_no_key_that_a_worker_sets_is_lost(kind: Kind, server: Serving, tmp_path: Path) -> None:
    names = [f"/own/{number}" for number in range(VISITORS * VISITS)]
    with ThreadPoolExecutor(VISITORS) as visitors:
        for response in visitors.map(lambda name: get(server.port, name, COOKIE), names):
            body(response)
    session: Any = Session(
        {}, id=COUNTED, use_cookies=False, type="file", data_dir=str(tmp_path / "sessions")
    )
    assert [name for name in ["/own/before", *names] if name not in session] == []


def test_no_thread_of_ours_is_there_before_the_fork(kind: Kind, server: Serving) -> None:
    told = json.loads(body(get(server.port, "/threads"))[1])
    assert told["before"] == 1


def test_a_worker_sweeps_after_the_fork(kind: Kind, server: Serving, tmp_path: Path) -> None:
    count(server)
    old = tmp_path / "sessions" / "container_file" / "f" / "ff" / f"{'f' * 32}.cache"
    kept = tmp_path / "sessions" / "container_file" / COUNTED[0] / COUNTED[:2] / f"{COUNTED}.cache"
    old.parent.mkdir(parents=True)
    old.write_bytes(kept.read_bytes())
    age(old, 5000)
    deadline = time.monotonic() + PATIENCE
    while old.exists():
        assert time.monotonic() < deadline, "it is not swept"
        assert count(server, "/count") > 0
        time.sleep(0.1)
    assert kept.exists()


def test_a_worker_that_is_killed_lets_its_session_go(kind: Kind, server: Serving, tmp_path: Path) -> None:
    before = count(server)
    holder = tmp_path / "holder"
    with connect(server.port, "/hold", COOKIE) as connection:
        deadline = time.monotonic() + PATIENCE
        while not (holder.exists() and holder.read_text().endswith("\n")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process = int(holder.read_text())
        with ThreadPoolExecutor(1) as visitors:
            waiting = visitors.submit(_counted_in_the_end, server)
            os.kill(process, signal.SIGKILL)
            answered_by, counted = waiting.result(PATIENCE)
        with contextlib.suppress(OSError):
            connection.recv(1)
    assert counted == before + 1
    assert answered_by != process


def _counted_in_the_end(server: Serving) -> tuple[int, int]:
    """Asks until an answer comes. None does from the process that is killed."""
    deadline = time.monotonic() + PATIENCE
    answer = None
    while answer is None:
        assert time.monotonic() < deadline
        with contextlib.suppress(OSError, AssertionError):
            answer = body(get(server.port, "/count", COOKIE))
    return answer[0], int(answer[1])


def test_all_workers_take_part(kind: Kind, server: Serving) -> None:
    seen: Counter[int] = Counter()
    deadline = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(VISITORS) as visitors:
        while len(seen) < kind.processes:
            assert time.monotonic() < deadline, seen
            for process, _ in visitors.map(lambda _: body(get(server.port, "/count", COOKIE)), range(16)):
                seen[process] += 1
    assert count(server) == 2 + sum(seen.values())
