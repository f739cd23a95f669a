"""Sessions under gevent and eventlet: greenlets of one thread wait for each other, without a hang."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import greenlet_libraries
from tests.support.environment import ROOT
from tests.support.memcached_server import make_memcached_backend
from tests.support.proxy import slow_proxy
from tests.support.redis_server import new_url

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 120
STORES = ["memory", "file", "sqlite", "python", "dbm", "redis", "memcached"]


@pytest.fixture(params=greenlet_libraries.LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    """Each library, if it works with this Python."""
    name: str = request.param
    greenlet_libraries.need(name)
    return name


def options_of(store: str, folder: Path) -> dict[str, Any]:
    if store == "python":
        return {"python": True}
    if store == "memory":
        return {"type": "memory"}
    if store == "redis":
        return {"type": "ext:redis", "url": new_url()}
    if store == "memcached":
        return make_memcached_backend().options
    return {"type": store, "data_dir": str(folder)}


def start(library: str, task: str, options: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.servers.workers.greenlets", library, task, json.dumps(options)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The output of the program. Its end is half of the law."""
    try:
        output, complaints = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail(f"it hangs: {process.args!r}")
    assert process.returncode == 0, complaints
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("task", ["counted", "by_hand", "beside"])
def test_greenlets_of_one_thread_wait_for_each_other(
    library: str, store: str, task: str, tmp_path: Path
) -> None:
    result = outcome(start(library, task, options_of(store, tmp_path)))
    assert result["count"] == result["expected"]


@pytest.mark.parametrize("store", ["file", "dbm", "redis", "memcached"])
def test_greenlets_of_several_processes_count_exactly(library: str, store: str, tmp_path: Path) -> None:
    options = {**options_of(store, tmp_path), "lock_timeout": PATIENCE}
    begun = start(library, "begin", options)
    assert outcome(begun)["count"] == 0
    running = [start(library, "joined", options) for _ in range(3)]
    counts = [outcome(process) for process in running]
    assert max(result["count"] for result in counts) == 3 * counts[0]["expected"]


# Locks of backends written in Python belong to the thread, or greenlet, that took them.
@pytest.mark.parametrize("store", ["memory", "file", "python", "redis", "memcached"])
def test_greenlets_that_share_a_proxy_share_one_session(library: str, store: str, tmp_path: Path) -> None:
    result = outcome(start(library, "shared", options_of(store, tmp_path)))
    assert result["count"] == result["expected"]


@pytest.mark.parametrize("store", ["memory", "file", "python", "redis", "memcached"])
def test_a_greenlet_that_is_stopped_while_it_waits_holds_nothing(
    library: str, store: str, tmp_path: Path
) -> None:
    result = outcome(start(library, "given_up", options_of(store, tmp_path)))
    assert result["count"] == result["expected"]


@pytest.mark.parametrize("task", ["slow_sessions", "slow_values"])
def test_other_greenlets_run_while_one_waits_for_a_slow_server(library: str, task: str) -> None:
    with slow_proxy(new_url(), delay=0.3) as url:
        result = outcome(start(library, task, {"type": "ext:redis", "url": url}))
    # While the slow calls lasted, the other greenlet had its turns every ten milliseconds.
    assert result["turns"] > 10, result


def test_a_change_that_is_abandoned_before_a_thread_begins_it_is_not_made(library: str) -> None:
    with slow_proxy(new_url(), delay=0.3) as url:
        result = outcome(start(library, "abandoned", {"type": "ext:redis", "url": url}))
    assert result["count"] == result["expected"]
