"""``python -m beaker sweep``: removes expired sessions and leftovers of killed processes."""

import argparse
import sys
from pathlib import Path
from typing import Final

from beaker import _core
from beaker._commands import _ini
from beaker._commands._command import Failure, SubParsers, seconds
from beaker.exceptions import BeakerException

__all__ = ["add_to"]

# Seconds that a session is kept after its timeout.
_GRACE: Final = 120
_USED: Final = ("type", "url", "data_dir", "file_dir", "lock_dir", "timeout")


def add_to(commands: SubParsers, /) -> argparse.ArgumentParser:
    """Adds the command's parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "sweep",
        help="remove expired sessions",
        description=(
            "Removes the files of sessions that were not used for longer than the timeout, and unused "
            "temporary files and lock files that are over an hour old; or the expired sessions of an SQLite "
            "database. Prints their numbers. An application with a timeout sweeps by itself."
        ),
        epilog=(
            "A session with an expiry of its own ends by that. The timeout given here applies to the others: "
            "those that Beaker wrote, and those of applications without a timeout."
        ),
        allow_abbrev=False,
    )
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--data-dir", metavar="PATH", help="the folder of the option data_dir")
    place.add_argument(
        "--url", metavar="URL", help="the option url of type = sqlite: sqlite:////path/to/file"
    )
    place.add_argument("--ini", type=Path, metavar="FILE", help="take the options from an ini file")
    parser.add_argument(
        "--section",
        metavar="NAME",
        help="the section of the ini file (default: the only one with session options)",
    )
    age = parser.add_mutually_exclusive_group()
    age.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help=f"the option timeout; sessions are kept for {_GRACE} seconds longer",
    )
    age.add_argument(
        "--older-than",
        type=seconds,
        metavar="SECONDS",
        help="remove every session that was not used for so long, whatever its expiry",
    )
    parser.add_argument("--dry-run", action="store_true", help="count, and remove nothing")
    parser.set_defaults(run=_run, refuse=parser.error)
    return parser


def _run(chosen: argparse.Namespace) -> None:
    if chosen.section is not None and chosen.ini is None:
        chosen.refuse("--section needs --ini")
    if chosen.ini is not None:
        options = _options(chosen.ini, chosen.section)
    elif chosen.url is not None:
        options = {"type": "sqlite", "url": chosen.url}
    else:
        options = {"data_dir": chosen.data_dir}
    if options.get("type") == "sqlite":
        _sweep_database(chosen, options)
    else:
        _sweep_files(chosen, options)


def _sweep_database(chosen: argparse.Namespace, options: dict[str, str]) -> None:
    if chosen.timeout is not None or chosen.older_than is not None:
        chosen.refuse("--timeout and --older-than are for files: a session in a database has its own expiry")
    try:
        database = _core.SqliteDatabase(options.get("url"), options.get("data_dir"))
        if not Path(database.path).is_file():
            raise Failure(f"the database {database.path} does not exist")
        if chosen.dry_run:
            _say({"expired": database.expired()}, "would be removed")
            return
        counts = database.sweep(options.get("lock_dir"))
    except (BeakerException, OSError) as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        raise Failure("interrupted; some sessions may have been removed") from None
    if counts is None:
        raise Failure(f"another process is sweeping {database.path}")
    _say({name: counts[name] for name in ("expired", "locks", "skipped")}, "removed")


def _sweep_files(chosen: argparse.Namespace, options: dict[str, str]) -> None:
    file_dir, lock_dir = _folders(options)
    if not file_dir.is_dir():
        raise Failure(f"the folder {file_dir} does not exist")
    try:
        lifetime, every = _lifetime(chosen, options), chosen.older_than is not None
        counts = _core.sweep_files(
            str(file_dir), str(lock_dir), lifetime, every=every, dry_run=chosen.dry_run
        )
    except (BeakerException, OSError) as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        raise Failure("interrupted; some files may have been removed") from None
    if counts is None:
        raise Failure(f"another process is sweeping {file_dir}")
    _say(counts, "would be removed" if chosen.dry_run else "removed")


def _say(counts: dict[str, int], what: str) -> None:
    names = (
        ("expired", f"sessions {what}"),
        ("temporaries", f"temporary files {what}"),
        ("locks", f"lock files {what}"),
        ("skipped", "left: in use, or cannot be removed"),
        ("examined", "files and folders examined"),
    )
    try:
        sys.stdout.write("".join(f"{counts[key]:>9} {said}\n" for key, said in names if key in counts))
        sys.stdout.flush()
    except OSError as error:
        # Python would write the rest of the buffer when it ends, and fail again.
        sys.stdout = None
        raise Failure(f"cannot print the counts: {error.strerror}") from None


def _lifetime(chosen: argparse.Namespace, options: dict[str, str]) -> float | None:
    if chosen.older_than is not None:
        return float(chosen.older_than)
    timeout = chosen.timeout
    if timeout is None and "timeout" in options:
        try:
            timeout = seconds(options["timeout"])
        except argparse.ArgumentTypeError as error:
            raise Failure(f"the option timeout: {error}") from None
    return None if timeout is None else float(timeout + _GRACE)


def _folders(options: dict[str, str]) -> tuple[Path, Path]:
    data_dir = options.get("data_dir")

    def folder(option: str, name: str) -> Path:
        given = options.get(option)
        if given:
            return Path(given)
        if not data_dir:
            raise Failure(f"cannot find the sessions: neither data_dir nor {option} is set")
        return Path(data_dir) / name

    return folder("file_dir", "container_file"), folder("lock_dir", "container_file_lock")


def _options(path: Path, section: str | None) -> dict[str, str]:
    options = _ini.options(path, section, _USED, how="--section")
    kind = options.get("type", "file")
    if kind not in {"file", "sqlite"}:
        raise Failure(f"cannot sweep type = {kind}; only type = file and type = sqlite can be swept")
    return options
