"""Runs campaigns, a line for each: `python -m tests.faults.campaigns [NAME ...] [--full [--write]]`."""

from __future__ import annotations

import argparse
import sys

from tests.faults.campaigns import figures
from tests.faults.campaigns.registry import CAMPAIGNS, run
from tests.faults.campaigns.report import Size
from tests.support.environment import ForbiddenError, LackingError


def main() -> int:
    """Runs those that the command line names, or all; 1 if one broke a law or could not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaigns", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CAMPAIGNS)}; all if none is")
    parser.add_argument("--full", action="store_true", help="the full form, which takes its time")
    parser.add_argument(
        "--write", action="store_true", help="put each line into docs/campaigns.md; goes with --full"
    )
    arguments = parser.parse_args()
    if arguments.write and not arguments.full:
        parser.error("--write goes with --full: the document tells of runs in full")
    unknown = [name for name in arguments.names if name not in CAMPAIGNS]
    if unknown:
        parser.error(f"there is no campaign {unknown[0]}, but {', '.join(CAMPAIGNS)}")
    failed = False
    for name in arguments.names or CAMPAIGNS:
        try:
            report = run(name, Size.FULL if arguments.full else Size.SHORT)
        except (LackingError, ForbiddenError) as error:
            sys.stdout.write(f"{name}: cannot run: {error}\n")
            failed = True
            continue
        for broken in report.broken[:200]:
            sys.stdout.write(f"  broken: {broken}\n")
        sys.stdout.write(f"{report.line()}\n")
        sys.stdout.flush()
        if arguments.write:
            figures.write(report)
        failed |= bool(report.broken)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
