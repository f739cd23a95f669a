"""A value that is renewed in the background, whatever becomes of the thread, the process or the greenlet."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.cache import CacheManager, cache_managers
from beaker.container import MemoryNamespaceManager
from tests.support import greenlet_libraries
from tests.support.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
"""Python warns of what these tests are about."""
OPTIONS = {"expire": 5, "stale_while_revalidate": 100_000}

A_PROCESS = """
import sys, time
from pathlib import Path
from beaker.cache import CacheManager

kind, folder = sys.argv[1:]

def create():
    Path(folder, "making").touch()
    time.sleep(60)

cache = CacheManager(type=kind, data_dir=folder).get_cache("n", expire=5, stale_while_revalidate=100_000)
assert cache.get("k", createfunc=create) == "old"
time.sleep(60)
"""

PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}
A_PROGRAM = """
import sys, threading, time
from beaker.cache import CacheManager

cache = CacheManager(type=sys.argv[1], data_dir=sys.argv[2]).get_cache(
    "n", expire=5, stale_while_revalidate=100_000
)
cache._get_value("k").set_value("old", storedtime=time.time() - 10)
making, go_on = threading.Event(), threading.Event()

def create():
    making.set()
    assert go_on.wait(60)
    return "new"

# The creator waits, and the program goes on in the same thread of the machine.
assert cache.get("k", createfunc=create) == "old"
assert making.wait(60)
assert cache.get("k", createfunc=create) == "old"
go_on.set()
while cache.get("k", createfunc=create) == "old":
    time.sleep(0.001)
print(cache["k"])
"""


@pytest.fixture(autouse=True)
def _no_caches() -> Iterator[None]:
    MemoryNamespaceManager.namespaces.clear()
    cache_managers.clear()
    yield
    MemoryNamespaceManager.namespaces.clear()
    cache_managers.clear()


def expired(kind: str, folder: Path) -> Any:
    """A cache with a value that has expired."""
    cache: Any = CacheManager(type=kind, data_dir=str(folder)).get_cache("n", **OPTIONS)
    cache._get_value("k").set_value("old", storedtime=time.time() - 10)
    return cache


def until(is_so: Any) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "dbm", "sqlite"])
def test_another_process_goes_on_where_one_that_renews_a_value_is_killed(kind: str, tmp_path: Path) -> None:
    cache = expired(kind, tmp_path)
    process = subprocess.Popen([sys.executable, "-c", A_PROCESS, kind, str(tmp_path)], cwd=ROOT)
    try:
        until((tmp_path / "making").exists)
        made: list[int] = []

        def create() -> str:
            made.append(1)
            return "new"

        for _ in range(3):
            assert cache.get("k", createfunc=create) == "old"
        assert made == []
    finally:
        process.kill()
        process.communicate()
    # The thread waits for the lock, which is free now.
    until(lambda: cache.get("k", createfunc=lambda: "of a later one") == "new")
    assert made == [1]


@FORKS
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_renews_the_value_that_its_parent_was_about_to_renew(tmp_path: Path) -> None:
    cache = expired("memory", tmp_path)
    making, go_on = threading.Event(), threading.Event()

    def create() -> str:
        making.set()
        assert go_on.wait(60)
        return "of the parent"

    assert cache.get("k", createfunc=create) == "old"
    assert making.wait(60)
    child = os.fork()
    if child == 0:
        try:
            assert cache.get("k", createfunc=lambda: "of the child") == "old"
            until(lambda: cache.get("k", createfunc=lambda: "later") == "of the child")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    go_on.set()
    until(lambda: cache.get("k", createfunc=create) == "of the parent")


@pytest.mark.slow
@pytest.mark.parametrize("library", greenlet_libraries.LIBRARIES)
@pytest.mark.parametrize("kind", ["memory", "file", "sqlite"])
def test_a_greenlet_renews_while_others_are_served(library: str, kind: str, tmp_path: Path) -> None:
    greenlet_libraries.need(library)
    # eventlet says that it is going away.
    program = f"import warnings; warnings.simplefilter('ignore')\n{PATCHES[library]}\n{A_PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", program, kind, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("new\n", 0), done.stderr


@pytest.mark.slow
def test_a_process_ends_while_a_value_is_renewed(tmp_path: Path) -> None:
    expired("file", tmp_path)
    program = A_PROCESS.removesuffix("time.sleep(60)\n")
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program, "file", str(tmp_path)], cwd=ROOT, check=True, timeout=50)
    assert time.monotonic() - began < 50
