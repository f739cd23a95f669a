"""Fixtures of the laws of stores."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def encoding_2(serializer: dict[str, Any], secrecy: dict[str, Any]) -> dict[str, Any]:
    """Each way to serialize, with encryption and without, in format 2."""
    return {**serializer, **secrecy, "record_format": 2}
