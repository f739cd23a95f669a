"""Tells whether an environment is up to date."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Stamp:
    """A note in an environment about the packages, the interpreter and the path that made it."""

    def __init__(self, environment: Path, requirements: Path, *further: object) -> None:
        self._note = environment / ".key"
        made_with = repr((*further, sys.version, environment)).encode()
        self._key = hashlib.sha256(requirements.read_bytes() + made_with).hexdigest()

    def is_current(self) -> bool:
        """Whether the environment is complete and was made from the same."""
        return self._note.is_file() and self._note.read_text() == self._key

    def write(self) -> None:
        """Notes that the environment is complete."""
        self._note.write_text(self._key)
