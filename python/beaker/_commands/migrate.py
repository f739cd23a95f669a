"""``python -m beaker migrate``: moves the sessions of one store to another."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Final, TextIO

from beaker import _core
from beaker._commands import _ini
from beaker._commands._command import Failure, SubParsers, seconds
from beaker.exceptions import BeakerException

__all__ = ["add_to"]

_NAMES: Final = (
    ("moved", "sessions moved"),
    ("gone", "ended or moved by others meanwhile"),
    ("corrupt", "left: cannot be read"),
    ("busy", "left: in use all the time"),
    ("refused", "left: refused by the new store"),
    ("unlisted", "left: the file does not tell the id; moves when used"),
)
# Seconds between two lines of progress, on a terminal and elsewhere.
_ON_TERMINAL: Final = 0.2
_ELSEWHERE: Final = 10.0


def add_to(commands: SubParsers, /) -> argparse.ArgumentParser:
    """Adds the command's parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "migrate",
        help="move the sessions of one store to another",
        description=(
            "Moves every session from one store to another, reads it again there, and prints the numbers. A "
            "session is at no time in neither. A command that was interrupted is run again."
        ),
        epilog=(
            "FROM and TO are addresses, such as file:/var/lib/app/sessions or redis://localhost/0, or ini "
            "files, FILE.ini or FILE.ini#SECTION, whose session options count. The sessions may be in use: "
            "first give every process the other store as read_also."
        ),
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="FROM", help="the store that has the sessions")
    parser.add_argument("target", metavar="TO", help="the store that gets them")
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="the option timeout, for sessions whose store does not know how long they live",
    )
    parser.add_argument(
        "--threads", type=int, default=8, metavar="NUMBER", help="sessions moved at a time (default: 8)"
    )
    parser.set_defaults(run=_run, refuse=parser.error)
    return parser


def _run(chosen: argparse.Namespace) -> None:
    if chosen.threads < 1:
        chosen.refuse("--threads must be at least 1")
    source, target = _params(chosen.source), _params(chosen.target)
    if chosen.timeout is not None:
        target["timeout"] = chosen.timeout
    progress = _Progress(sys.stderr)
    try:
        counts = _core.migrate_sessions(source, target, chosen.threads, progress)
    except (BeakerException, OSError) as error:
        raise Failure(f"{error}; {progress.moved} sessions were moved. Run the command again") from None
    except KeyboardInterrupt:
        raise Failure(f"interrupted; {progress.moved} sessions were moved. Run the command again") from None
    finally:
        progress.end()
    sys.stdout.write("".join(f"{counts[key]:>9} {said}\n" for key, said in _NAMES))
    sys.stdout.flush()
    if counts["busy"] or counts["refused"]:
        raise Failure("some sessions did not move. Run the command again")


def _params(place: str) -> dict[str, Any]:
    """The session options of an address or of an ini file."""
    path, _, section = place.partition("#")
    if path.endswith(".ini"):
        options: dict[str, Any] = _ini.options(Path(path), section or None, how=f"{path}#SECTION")
        for name in ("read_also", "moves_to"):
            options.pop(name, None)
    else:
        try:
            options = _core.options_of_location(place)
        except BeakerException as error:
            raise Failure(str(error)) from None
    if options.get("type", "file" if "data_dir" in options else "memory") == "memory":
        raise Failure("sessions in memory are in one process, which alone can move them")
    return options


class _Progress:
    """Prints the counts as they grow, with a rate."""

    def __init__(self, stream: TextIO) -> None:
        self.moved = 0
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._began = self._said = time.monotonic()

    def __call__(self, counts: dict[str, int]) -> None:
        self.moved = counts["moved"]
        now = time.monotonic()
        if now - self._said < (_ON_TERMINAL if self._is_terminal else _ELSEWHERE):
            return
        self._said = now
        rate = self.moved / max(now - self._began, 0.001)
        line = f"{self.moved} sessions moved, {rate:.0f} a second"
        self._stream.write(f"\r{line}\x1b[K" if self._is_terminal else f"{line}\n")
        self._stream.flush()

    def end(self) -> None:
        """Ends the line of a terminal."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
