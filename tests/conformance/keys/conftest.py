"""Each kind of session whose keys can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.keys.keyed import OTHER, Keyed
from tests.support.sessions import COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = {"type": "file", "secret": OTHER, "validate_key": OTHER}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "a signed id": ("secret", {"type": "memory"}),
    "a stamped id": ("secret", {"type": "memory", "cookie_format": 2}),
    "an encrypted record": ("encrypt_key", {"type": "memory", "secret": OTHER, "validate_key": OTHER}),
    "an encrypted file": ("encrypt_key", FILE),
    "a sealed record": (
        "encrypt_key",
        {"type": "memory", "secret": OTHER, "validate_key": OTHER, "record_format": 2},
    ),
    "a sealed file": ("encrypt_key", {**FILE, "record_format": 2}),
    "a sealed record that was salted": (
        "validate_key",
        {"type": "memory", "encrypt_key": OTHER, "record_format": 2},
    ),
    "a record that was salted": ("validate_key", {"type": "memory", "encrypt_key": OTHER}),
    "a signed session": ("validate_key", COOKIE),
    "a salted session": ("validate_key", {**COOKIE, "encrypt_key": OTHER}),
    "an encrypted session": ("encrypt_key", COOKIE),
    "a sealed session": ("validate_key", {**COOKIE, "cookie_format": 2}),
    "a sealed and salted session": ("validate_key", {**COOKIE, "cookie_format": 2, "encrypt_key": OTHER}),
    "a sealed session with a key for that": ("encrypt_key", {**COOKIE, "cookie_format": 2}),
}


@pytest.fixture(params=KINDS)
def keyed(request: pytest.FixtureRequest, empty_memory: None, tmp_path: Path) -> Keyed:
    """A kind of session, and the option for the key that protects it."""
    option, options = KINDS[request.param]
    if options.get("type") == "file":
        options = {**options, "data_dir": str(tmp_path / "sessions")}
    return Keyed(option, options)


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., str]:
    """Makes files of keys, a line each."""

    def make(*lines: str, mode: int = 0o600) -> str:
        path = tmp_path / "keys"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(mode)
        return str(path)

    return make
