"""Fixtures of the tests of the Python modules."""

import dbm.dumb
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beaker.cache import CacheManager, cache_managers, cache_regions
from beaker.container import DBMNamespaceManager, FileNamespaceManager, MemoryNamespaceManager
from tests.api.namespaces import Make
from tests.support.environment import environ_of_another_python
from tests.support.fixtures import store_options
from tests.support.tables import NAMES, TABLES, table_backend


@pytest.fixture
def in_beaker(oracle: Path) -> Callable[..., str]:
    """Runs a program with Beaker 1.14.1 and returns what it prints."""

    def run(program: str, *args: str) -> str:
        done = subprocess.run(
            [oracle, "-c", program, *args],
            capture_output=True,
            text=True,
            timeout=60,
            env=environ_of_another_python(),
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def memory() -> Iterator[type[MemoryNamespaceManager]]:
    """The memory backend, empty before and after."""
    MemoryNamespaceManager.namespaces.clear()
    yield MemoryNamespaceManager
    MemoryNamespaceManager.namespaces.clear()


@pytest.fixture
def no_caches(memory: type[MemoryNamespaceManager]) -> Iterator[None]:
    """No cache is open and no region is configured, before and after."""
    cache_managers.clear()
    cache_regions.clear()
    yield
    cache_managers.clear()
    cache_regions.clear()


@pytest.fixture(params=["memory", "file", "dbm", "sqlite"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, no_caches: None) -> CacheManager:
    """Opens caches on every backend."""
    return CacheManager(type=request.param, data_dir=str(tmp_path))


@pytest.fixture(params=["memory", "file", "dbm", "sqlite", "redis", "memcached", *TABLES])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path, no_caches: None) -> CacheManager:
    """Opens caches in every store."""
    if request.param in NAMES:
        return CacheManager(**table_backend(request, request.param).options)
    options = store_options(request.param, tmp_path)
    return CacheManager(**{"data_dir": str(tmp_path), **options})


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test moves. It is today's, since servers have a clock of their own."""
    moment = [float(int(time.time()))]
    monkeypatch.setattr(time, "time", lambda: moment[0])
    return moment


@pytest.fixture
def renewed() -> Iterator[Callable[[], None]]:
    """Waits until no thread renews a value."""

    def wait() -> None:
        for thread in threading.enumerate():
            if thread.name == "beaker-renewal":
                thread.join(60)
                assert not thread.is_alive()

    yield wait
    wait()


@pytest.fixture
def warnings_of_caches(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings in the log so far."""
    caplog.set_level(logging.WARNING, "beaker.cache")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "beaker.cache"]


@pytest.fixture(params=["memory", "file", "dbm", "dumb dbm"])
def make(request: pytest.FixtureRequest, tmp_path: Path, memory: type[MemoryNamespaceManager]) -> Make:
    """Opens a namespace by name, on every backend."""
    if request.param == "memory":
        return memory
    if request.param == "file":
        return lambda name: FileNamespaceManager(name, data_dir=str(tmp_path), digest_filenames=False)

    module = dbm.dumb if request.param == "dumb dbm" else None
    return lambda name: DBMNamespaceManager(
        name, dbmmodule=module, data_dir=str(tmp_path), digest_filenames=False
    )
