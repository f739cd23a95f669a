"""Fixtures that every folder of tests may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.environment import ORACLE, need_file
from tests.support.fixtures import (
    backend,
    browser,
    clock,
    dbm,
    empty_memory,
    encoding,
    files,
    memory,
    record_format,
    secrecy,
    serializer,
    stores,
    visitors,
    written_in_python,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "backend",
    "browser",
    "clock",
    "dbm",
    "empty_memory",
    "encoding",
    "files",
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


@pytest.fixture(scope="session")
def oracle() -> Path:
    """The interpreter that has the original with `cryptography`: it encrypts with AES-GCM."""
    return need_file(ORACLE / "bin" / "python", "oracle")


@pytest.fixture(scope="session")
def oracle_ctr() -> Path:
    """The interpreter that has the original with pycryptodome only: it encrypts with AES-CTR."""
    return need_file(ORACLE / "ctr" / "bin" / "python", "oracle")
