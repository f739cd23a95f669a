"""The arguments that benchmarks of stores have in common."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benches.bench_wsgi import ROOT
from benches.report import file_system

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def parse_with_stores(parser: argparse.ArgumentParser, stores: Sequence[str]) -> argparse.Namespace:
    """Parses the arguments of a parser, to which the stores and a folder on a real disk are added."""
    parser.add_argument(
        "stores", nargs="*", metavar="STORE", help=f"some of {', '.join(stores)} (default: all)"
    )
    parser.add_argument("--data-dir", type=Path, default=ROOT / "target", help="a folder on a real disk")
    options = parser.parse_args()
    if unknown := set(options.stores) - set(stores):
        parser.error(f"unknown store {', '.join(sorted(unknown))}; use some of {', '.join(stores)}")
    if file_system(options.data_dir) in {"tmpfs", "ramfs"}:
        sys.exit(f"{options.data_dir} is in memory: name a folder on a disk by --data-dir")
    return options
