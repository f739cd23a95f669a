"""The commands of ``python -m beaker``, a module each."""

from typing import Final

from beaker._commands import key, migrate, sweep
from beaker._commands._command import Command, Failure

__all__ = ["COMMANDS", "Failure"]

COMMANDS: Final[tuple[Command, ...]] = (key, migrate, sweep)
"""In the order of the help."""
