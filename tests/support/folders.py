"""What is in a folder of sessions."""

from __future__ import annotations

import os
import pickle
import time
from typing import TYPE_CHECKING

from beaker import _core

if TYPE_CHECKING:
    from pathlib import Path

EXPIRY = "beaker expiry"
"""The key under which the record of a session carries the end of its lifetime."""

SWEEP_NOTE = ".beaker-sweep"
"""The file that says when the folder was swept."""


def files_in(folder: Path) -> list[Path]:
    """All files in and below a folder, but for that note."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SWEEP_NOTE)


def lifetime(record: Path) -> float:
    """How many seconds the record in a file still lives."""
    return float(pickle.loads(record.read_bytes())[EXPIRY] - time.time())


def age(path: Path, seconds: float) -> None:
    """Makes a file look as if nobody had used it for so long."""
    data = path.read_bytes()
    try:
        envelope = _core.read_envelope(data)
    except ValueError:
        envelope = None
    text, owner, expires_at = envelope or ("", None, None)
    if expires_at is not None:
        path.write_bytes(_core.write_envelope(text, owner, expires_at - seconds))
    then = time.time() - seconds
    os.utime(path, (then, then))
