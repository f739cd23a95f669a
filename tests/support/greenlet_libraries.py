"""The libraries whose greenlets take the place of threads."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from tests.support.environment import missing

LIBRARIES = ["gevent", "eventlet"]


def need(name: str) -> None:
    """Ends the test if the library does not work with this Python."""
    if importlib.util.find_spec(name) is None:
        missing(f"{name} is not installed (./dev setup)")
    tried = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import {name}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"{name} cannot be imported by this Python: {tried.stderr.strip().splitlines()[-1]}")
