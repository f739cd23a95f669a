"""What the tests of the Python modules share."""

import dbm.dumb
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beaker.container import DBMNamespaceManager, FileNamespaceManager, MemoryNamespaceManager
from tests.api.namespaces import Make
from tests.support.environment import ROOT


def _oracle_python() -> str | None:
    """The interpreter of an environment with Beaker 1.14.1, if there is one."""
    for candidate in (os.environ.get("BEAKER_ORACLE"), str(ROOT / ".oracle" / "bin" / "python")):
        if candidate and Path(candidate).exists():
            return candidate
    return None


@pytest.fixture
def oracle() -> Callable[..., str]:
    """Runs a program with Beaker 1.14.1 and gives back what it prints."""
    python = _oracle_python()
    if python is None:
        pytest.skip("no environment with Beaker 1.14.1 (BEAKER_ORACLE or .oracle)")

    def run(program: str, *args: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            [python, "-c", program, *args],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
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
