"""What a command is."""

import argparse
from typing import Any, Protocol

__all__ = ["Command", "Failure", "SubParsers"]

SubParsers = Any
"""What ``add_subparsers`` returns: a class that :mod:`argparse` has no public name for."""


class Failure(Exception):  # noqa: N818 - it is told to a user, who has made no error necessarily
    """A command that cannot be carried out. Its text is for the user; it never holds a key."""


class Command(Protocol):
    """A module that is a command."""

    def add_to(self, commands: SubParsers, /) -> argparse.ArgumentParser:
        """Adds the command's parser, whose default ``run`` takes the parsed arguments or fails."""
        ...
