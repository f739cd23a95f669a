"""Fixtures of every folder of tests, and how the tests are distributed over processes."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import running
from tests.support.environment import ORACLE, need_file
from tests.support.fixtures import (
    backend,
    browser,
    clock,
    dbm,
    empty_memory,
    encoding,
    files,
    make_lock,
    memory,
    record_format,
    secrecy,
    serializer,
    stores,
    visitors,
    written_in_python,
)
from tests.support.tables import database_servers

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "backend",
    "browser",
    "clock",
    "database_servers",
    "dbm",
    "empty_memory",
    "encoding",
    "files",
    "make_lock",
    "memory",
    "oracle",
    "oracle_ctr",
    "record_format",
    "secrecy",
    "serializer",
    "stores",
    "visitors",
    "written_in_python",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-encoding",
        action="store_true",
        help="try all encodings of sessions on slow stores, too, not three of six",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("every_encoding"):
        items[:], others = running.few_encodings(items)
        config.hook.pytest_deselected(items=others)
    running.mark(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distributes the parts of the tests over processes, in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = running.part
    return scheduling


@pytest.fixture(scope="module", autouse=True)
def _frozen_heap() -> None:
    """Keeps the tests and their reports, which stay to the end, out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def oracle() -> Path:
    """The interpreter that has the original with `cryptography`: it encrypts with AES-GCM."""
    return need_file(ORACLE / "bin" / "python", "oracle")


@pytest.fixture(scope="session")
def oracle_ctr() -> Path:
    """The interpreter that has the original with pycryptodome only: it encrypts with AES-CTR."""
    return need_file(ORACLE / "ctr" / "bin" / "python", "oracle")
