"""What is in a folder of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOTES = (".beaker-sweep", ".beaker-keeps-")
"""How the names of the files begin in which applications leave each other notes about sweeping."""


def files_in(folder: Path) -> list[Path]:
    """All files in and below a folder, but for those notes."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(NOTES))
