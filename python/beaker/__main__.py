"""``python -m beaker``: commands for the administrator of an application.

Each command is a module of :mod:`beaker._commands`. Errors go to standard error. The exit status is 2 for a
wrong command line, and 1 for a command that failed.
"""

import argparse
import sys
from collections.abc import Sequence

from beaker import __version__
from beaker._commands import COMMANDS, Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the arguments name, and returns its exit status."""
    parser = argparse.ArgumentParser(
        "python -m beaker", description="Tools for sessions.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"beaker-rs {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except Failure as failure:
        sys.stderr.write(f"{parser.prog}: {failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
