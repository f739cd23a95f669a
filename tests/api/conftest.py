"""Fixtures of the tests of the Python modules."""

import dbm.dumb
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beaker.cache import CacheManager, cache_managers, cache_regions
from beaker.container import DBMNamespaceManager, FileNamespaceManager, MemoryNamespaceManager
from tests.api.namespaces import Make
from tests.support.environment import environ_of_another_python


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
