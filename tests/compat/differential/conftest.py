"""The original, playing the same scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compat.interop.original import Original, original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def theirs(oracle: Path) -> Iterator[Original]:
    """The original in a process of its own."""
    with original(oracle) as running:
        yield running
