"""``python -m beaker key``: makes keys for ``secret``, ``validate_key`` and ``encrypt_key``."""

import argparse
import errno
import secrets
import sys
from pathlib import Path
from typing import Final

from beaker._commands import _key_file
from beaker._commands._command import Failure, SubParsers

__all__ = ["add_to"]

_LEAST_BYTES: Final = 32
# Longer keys are no stronger, and a line of a key file should stay readable.
_MOST_BYTES: Final = 1024


def add_to(commands: SubParsers, /) -> argparse.ArgumentParser:
    """Adds the command's parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "key",
        help="make a key that signs or encrypts",
        description="Makes a random key, as URL-safe base64, and prints it or puts it into a file.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--bytes",
        type=_size,
        default=_LEAST_BYTES,
        metavar="N",
        help=f"random bytes in the key, at least {_LEAST_BYTES} (default: {_LEAST_BYTES})",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--file", type=Path, metavar="PATH", help="make a new file with the key")
    place.add_argument("--rotate", type=Path, metavar="PATH", help="add the key at the top of a file")
    parser.add_argument(
        "--keep", type=_count, metavar="N", help="older keys that --rotate keeps (default: all)"
    )
    parser.set_defaults(run=_run, refuse=parser.error)
    return parser


def _run(chosen: argparse.Namespace) -> None:
    if chosen.keep is not None and chosen.rotate is None:
        chosen.refuse("--keep needs --rotate")
    key = secrets.token_urlsafe(chosen.bytes)
    if chosen.file is not None:
        _key_file.create(chosen.file, key)
    elif chosen.rotate is not None:
        for note in _key_file.rotate(chosen.rotate, key, chosen.keep):
            sys.stderr.write(f"python -m beaker: {note}\n")
    else:
        _show(key)


def _show(key: str) -> None:
    try:
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()
    except OSError as error:
        # Python would write the rest of the buffer when it ends, and fail again.
        sys.stdout = None
        raise Failure(
            f"cannot print the key: {error.strerror or errno.errorcode.get(error.errno or 0)}"
        ) from None


def _size(text: str) -> int:
    size = _count(text)
    if not _LEAST_BYTES <= size <= _MOST_BYTES:
        raise argparse.ArgumentTypeError(f"must be {_LEAST_BYTES} to {_MOST_BYTES}, got {size}")
    return size


def _count(text: str) -> int:
    # `int` also takes signs, spaces and underscores, and has its own error for very long numbers.
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}")
    return int(text)
