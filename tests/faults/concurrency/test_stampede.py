"""A missing value is made by one caller, whoever asks meanwhile, and whatever becomes of that caller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.cache import CacheManager, cache_managers
from beaker.container import MemoryNamespaceManager
from tests.support.databases import SERVERS
from tests.support.environment import ROOT
from tests.support.redis_server import new_url
from tests.support.tables import table_backend
from tests.support.threads import in_thread, together

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVED = [pytest.param(name, marks=pytest.mark.servers) for name in ("redis", *SERVERS)]
SHARED = ["file", "dbm", "sqlite", "database", *SERVED]
KINDS = ["memory", *SHARED]
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
"""Python warns of what these tests are about."""

A_VISITOR = """
import json, sys, time
from pathlib import Path
from beaker.cache import CacheManager

options, folder, number = sys.argv[1:]

def create():
    with open(f"{folder}/made", "a") as made:
        made.write(number + "\\n")
    time.sleep(0.3)
    if number == "dying":
        Path(folder, "dying").touch()
        time.sleep(60)
    if number == "failing":
        Path(folder, "failing").touch()
        time.sleep(1)
        raise ZeroDivisionError
    return "made"

cache = CacheManager(**json.loads(options)).get_cache("n", expire=600)
Path(folder, f"ready{number}").touch()
while number not in ("dying", "failing") and not Path(folder, "go").exists():
    time.sleep(0.001)
print(cache.get("k", createfunc=create))
"""


@pytest.fixture(autouse=True)
def _no_caches() -> Iterator[None]:
    MemoryNamespaceManager.namespaces.clear()
    cache_managers.clear()
    yield
    MemoryNamespaceManager.namespaces.clear()
    cache_managers.clear()


@pytest.fixture
def options(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> dict[str, Any]:
    """The options of an empty cache of that kind."""
    if kind == "redis":
        return {"type": "ext:redis", "url": new_url()}
    if kind == "database" or kind in SERVERS:
        return dict(table_backend(request, kind).options)
    return {"type": kind, "data_dir": str(tmp_path)}


def visitor(
    options: dict[str, Any], folder: Path, number: str, python: Path | str = sys.executable
) -> subprocess.Popen[str]:
    """A process that asks for the value as soon as there is a file `go`."""
    command = [str(python), "-c", A_VISITOR, json.dumps(options), str(folder), number]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_for(*paths: Path) -> None:
    """Waits until there are files of these names."""
    end = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < end, f"no {paths}"
        time.sleep(0.005)


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_many_threads_makes_a_missing_value(options: dict[str, Any]) -> None:
    made: list[int] = []
    manager = CacheManager(**options)

    @manager.cache("load")
    def load(term: str) -> str:
        made.append(1)
        time.sleep(0.1)
        return term

    assert together(lambda _: load("k"), 64) == ["k"] * 64
    assert made == [1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHARED)
def test_one_of_many_processes_makes_a_missing_value(options: dict[str, Any], tmp_path: Path) -> None:
    visitors = [visitor(options, tmp_path, str(number)) for number in range(4)]
    wait_for(*(tmp_path / f"ready{number}" for number in range(4)))
    (tmp_path / "go").touch()
    assert [each.communicate(timeout=60)[0] for each in visitors] == ["made\n"] * 4
    assert len((tmp_path / "made").read_text().split()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", pytest.param("redis", marks=pytest.mark.servers)])
def test_one_of_the_processes_of_a_mixed_fleet_makes_a_missing_value(
    options: dict[str, Any], oracle: Path, tmp_path: Path
) -> None:
    pythons: list[Path | str] = [sys.executable, oracle] * 2
    visitors = [visitor(options, tmp_path, str(number), python) for number, python in enumerate(pythons)]
    wait_for(*(tmp_path / f"ready{number}" for number in range(4)))
    (tmp_path / "go").touch()
    assert [each.communicate(timeout=60)[0] for each in visitors] == ["made\n"] * 4
    assert len((tmp_path / "made").read_text().split()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("fate", ["dying", "failing"])
def test_a_process_that_fails_or_dies_while_it_makes_a_value_frees_the_others(
    options: dict[str, Any], fate: str, tmp_path: Path
) -> None:
    first = visitor(options, tmp_path, fate)
    wait_for(tmp_path / fate)
    others = [visitor(options, tmp_path, str(number)) for number in range(2)]
    wait_for(*(tmp_path / f"ready{number}" for number in range(2)))
    (tmp_path / "go").touch()
    if fate == "dying":
        time.sleep(0.3)
        assert [other.poll() for other in others] == [None, None]
        first.kill()
    assert first.communicate(timeout=60)[0] == ""
    # The lock of a process that is killed is free at once, or lapses after ten seconds.
    assert [other.communicate(timeout=60)[0] for other in others] == ["made\n"] * 2
    assert len((tmp_path / "made").read_text().split()) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_reaches_its_caller_and_the_next_one_makes_the_value(options: dict[str, Any]) -> None:
    made: list[int] = []
    cache = CacheManager(**options).get_cache("n")

    def create() -> str:
        made.append(1)
        time.sleep(0.05)
        if len(made) == 1:
            raise ZeroDivisionError
        return "made"

    def ask(_number: int) -> str:
        try:
            return str(cache.get("k", createfunc=create))
        except ZeroDivisionError:
            return "failed"

    assert sorted(together(ask, 8)) == ["failed"] + ["made"] * 7
    assert len(made) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_making_a_value_may_need_another_value_of_the_cache(options: dict[str, Any]) -> None:
    cache = CacheManager(**options).get_cache("n")

    def outer() -> str:
        return f"outer and {cache.get('inner', createfunc=lambda: 'inner')}"

    assert in_thread(lambda: cache.get("outer", createfunc=outer)) == "outer and inner"


@pytest.mark.parametrize("kind", KINDS)
def test_an_expired_value_is_served_while_one_makes_another(options: dict[str, Any]) -> None:
    cache: Any = CacheManager(**options).get_cache("n")
    cache._get_value("k", expiretime=600).set_value("old", storedtime=1.0)
    making, go_on = threading.Event(), threading.Event()

    def create() -> str:
        making.set()
        assert go_on.wait(60)
        return "new"

    thread = threading.Thread(target=lambda: cache.get("k", createfunc=create, expiretime=600))
    thread.start()
    assert making.wait(60)
    assert in_thread(lambda: cache.get("k", createfunc=lambda: "never")) == "old"
    go_on.set()
    thread.join(60)
    assert cache.get("k") == "new"


@FORKS
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kind", KINDS)
def test_a_forked_process_does_not_wait_for_a_thread_that_it_does_not_have(
    kind: str, options: dict[str, Any]
) -> None:
    cache = CacheManager(**options).get_cache("n")
    making, go_on = threading.Event(), threading.Event()

    def create() -> str:
        making.set()
        assert go_on.wait(60)
        return "of the parent"

    thread = threading.Thread(target=lambda: cache.get("k", createfunc=create))
    thread.start()
    assert making.wait(60)
    child = os.fork()
    if child == 0:
        # Outside of memory the child waits for its parent, as any other process does.
        expected = "of the child" if kind == "memory" else "of the parent"
        os._exit(0 if cache.get("k", createfunc=lambda: "of the child") == expected else 1)
    time.sleep(0.2)
    go_on.set()
    thread.join(60)
    assert os.waitpid(child, 0)[1] == 0
    assert cache.get("k") == "of the parent"


@FORKS
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_forks_while_it_makes_a_value_still_has_the_lock() -> None:
    cache = CacheManager(type="memory").get_cache("n")

    def create() -> str:
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
        return "made"

    process = os.getpid()
    found = cache.get("k", createfunc=create)
    if os.getpid() != process:
        os._exit(0 if found == "made" and in_thread(lambda: cache.get("k")) == "made" else 1)
    assert found == "made"
