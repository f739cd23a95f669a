"""The original, running beside the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compat.interop.original import Original, original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def gcm(oracle: Path) -> Iterator[Original]:
    """The original that encrypts with AES-GCM."""
    with original(oracle) as running:
        yield running


@pytest.fixture(scope="module")
def ctr(oracle_ctr: Path) -> Iterator[Original]:
    """The original that encrypts with AES-CTR."""
    with original(oracle_ctr) as running:
        yield running
