"""Reads and ages the files of sessions."""

from __future__ import annotations

import gc
import os
import pickle
import time
from pathlib import Path

from beaker import _core

EXPIRY = "beaker expiry"
"""The key under which the record of a session carries the end of its lifetime."""

SWEEP_NOTE = ".beaker-sweep"
"""The file with the time of the last sweep."""


def files_in(folder: Path) -> list[Path]:
    """All files in and below a folder except the sweep note."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SWEEP_NOTE)


def open_files() -> int:
    """The number of open files of this process, or 0 where the system does not say."""
    gc.collect()
    listing = Path("/proc/self/fd")
    return len(list(listing.iterdir())) if listing.is_dir() else 0


def lifetime(record: Path) -> float:
    """The seconds until the record in a file expires."""
    return float(pickle.loads(record.read_bytes())[EXPIRY] - time.time())


def age(path: Path, seconds: float) -> None:
    """Makes a file look unused for so many seconds."""
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
