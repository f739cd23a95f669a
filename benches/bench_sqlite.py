"""Measures sessions in SQLite by turns: Beaker's `ext:database`, our SQLite store, and our file store.

As `bench_wsgi` does it: the three run in processes of their own by the same CPython, rounds are short and
alternate, and what is told are medians. `./dev bench-sqlite` installs what this needs and runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benches.bench_wsgi import ROOT, Worker
from benches.cases import SECRET, Configuration
from benches.report import environment, file_system

REQUESTS = ("read", "write", "new")


def configurations(folder: Path) -> dict[str, Configuration]:
    """The measured middlewares, by a short name."""
    signed = ("secret", SECRET)
    database = ("url", f"sqlite:///{folder / 'original.db'}")
    own = ("url", f"sqlite:///{folder / 'ours.sqlite'}")
    return {
        "original": Configuration("ext:database", "signed", (signed, database)),
        "sqlite": Configuration("sqlite", "signed", (signed, own)),
        "file": Configuration("file", "signed", (signed,)),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=40, help="rounds of each request (default: %(default)s)"
    )
    parser.add_argument("--milliseconds", type=float, default=10, help="how long a round lasts, about")
    parser.add_argument("--oracle", type=Path, default=ROOT / ".oracle" / "database" / "bin" / "python")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "target", help="a folder on a real disk")
    options = parser.parse_args()
    if file_system(options.data_dir) in {"tmpfs", "ramfs"}:
        sys.exit(f"{options.data_dir} is in memory: name a folder on a disk by --data-dir")
    print(environment(options.data_dir))
    costs: dict[tuple[str, str], list[float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.data_dir) as folder,
        contextlib.ExitStack() as stack,
    ):
        workers = {}
        for name, configuration in configurations(Path(folder)).items():
            python = options.oracle if name == "original" else Path(sys.executable)
            workers[name] = Worker(python, configuration, Path(folder) / name)
            stack.callback(workers[name].close)
            for request in REQUESTS:
                workers[name].do("calibrate", "small", request, options.milliseconds / 1000)
        for number in range(options.rounds):
            for name, worker in sorted(workers.items(), reverse=bool(number % 2)):
                for request in REQUESTS:
                    measured = worker.do("round", "small", request)
                    cost = measured["wrapped"][0] - measured["bare"][0]
                    costs.setdefault((name, request), []).append(cost / 1000)
    middle = {case: statistics.median(values) for case, values in costs.items()}
    print(
        "\n| small session, signed | Beaker, ext:database | sqlite | file | Beaker / sqlite | file / sqlite |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for request in REQUESTS:
        original, own, file = (middle[name, request] for name in ("original", "sqlite", "file"))
        shown = f"| {request} | {original:.0f} us | {own:.0f} us | {file:.0f} us |"
        print(f"{shown} {original / own:.1f}x | {file / own:.1f}x |")


if __name__ == "__main__":
    main()
