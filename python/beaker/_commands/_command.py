"""The interface of a command."""

import argparse
from typing import Any, Protocol

__all__ = ["Command", "Failure", "SubParsers", "seconds"]

SubParsers = Any
"""The result of ``add_subparsers``, a class without a public name in :mod:`argparse`."""


class Failure(Exception):  # noqa: N818 - the user may have made no error
    """A command failed. The text is for the user and never contains a key."""


class Command(Protocol):
    """A module that is a command."""

    def add_to(self, commands: SubParsers, /) -> argparse.ArgumentParser:
        """Adds the command's parser, whose default ``run`` takes the parsed arguments or fails."""
        ...


def seconds(text: str) -> int:
    """A number of seconds on the command line."""
    # `int` also takes signs, spaces and underscores, and has its own error for very long numbers.
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise argparse.ArgumentTypeError(f"must be a whole number of seconds, got {text!r}")
    return int(text)
