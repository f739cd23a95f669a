"""Measures hits of caches: Beaker 1.14.1 and this package by turns, in memory, files and Redis.

The two run in processes of their own by the same CPython. Rounds are short and alternate, and what is told
are medians. `./dev bench-caches` installs what this needs and runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benches.bench_wsgi import ROOT
from benches.report import environment, file_system
from tests.support.redis_server import RedisServer

PACKAGES = ("original", "ours")
VALUES = {
    "text": "v" * 100,
    "dictionary": {"numbers": list(range(20)), "text": "x" * 50},
    "100 rows": [{"id": number, "name": f"name {number}", "price": number * 1.5} for number in range(100)],
}
WORKER = """
import json, sys, time
from beaker.cache import CacheManager

options, value, keys, decorated = json.loads(sys.argv[1])
manager = CacheManager(**options)
cache = manager.get_cache("bench", expire=86400)
for number in range(keys):
    cache.put(f"key {number}", value)

@manager.cache("decorated", expire=86400)
def function(term):
    return value

get, argument = (function, "term") if decorated else (cache.get, "key 0")
# Values of a file are kept when it was unchanged for three seconds.
for _ in range(3):
    assert get(argument) == value
    time.sleep(1.6)
print("ready", flush=True)
for line in sys.stdin:
    count = int(line)
    began = time.perf_counter()
    for _ in range(count):
        get(argument)
    print((time.perf_counter() - began) / count * 1e6, flush=True)
"""


class Worker:
    """A process with one package and one cache."""

    def __init__(self, python: Path, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [python, "-W", "ignore", "-c", WORKER, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._read() != "ready":
            raise RuntimeError("the worker does not begin")

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def hit(self, count: int) -> float:
        """The microseconds that a hit takes."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def measured(pythons: dict[str, Path], rounds: int, folder: Path, *case: object) -> str:
    """A row of the table."""
    options, *rest = case
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, python in pythons.items():
            own = {**options, "data_dir": str(folder / name)} if isinstance(options, dict) else options
            workers[name] = Worker(python, own, *rest)
            stack.callback(workers[name].close)
        count = max(20, int(5000 / workers["original"].hit(20)))
        costs: dict[str, list[float]] = {name: [] for name in pythons}
        for number in range(rounds):
            for name, worker in sorted(workers.items(), reverse=bool(number % 2)):
                costs[name].append(worker.hit(count))
    original, ours = (statistics.median(costs[name]) for name in PACKAGES)
    ratio = statistics.median(theirs / mine for theirs, mine in zip(*costs.values(), strict=True))
    return f"{original:.1f} us | {ours:.2f} us | {ratio:.1f}x |"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="rounds of each case (default: %(default)s)")
    parser.add_argument("--oracle", type=Path, default=ROOT / ".oracle" / "bin" / "python")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="an environment with ours")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "target", help="a folder on a real disk")
    options = parser.parse_args()
    if file_system(options.data_dir) in {"tmpfs", "ramfs"}:
        sys.exit(f"{options.data_dir} is in memory: name a folder on a disk by --data-dir")
    print(environment(options.data_dir))
    print("\n| a hit | Beaker | ours | ratio |\n| --- | --- | --- | --- |")
    pythons = dict(zip(PACKAGES, (options.oracle, options.python), strict=True))
    server = RedisServer(["--appendonly", "no"])
    try:
        kinds = {"memory": {"type": "memory"}, "file": {"type": "file"}}
        kinds["redis"] = {"type": "ext:redis", "url": server.url()}
        for kind, given in kinds.items():
            cases = {name: (value, 1, False) for name, value in VALUES.items()}
            cases["text, decorated function"] = (VALUES["text"], 1, True)
            if kind == "file":
                cases["text, one of 1000 keys"] = (VALUES["text"], 1000, False)
            for name, case in cases.items():
                with tempfile.TemporaryDirectory(prefix="bench-", dir=options.data_dir) as folder:
                    row = measured(pythons, options.rounds, Path(folder), given, *case)
                print(f"| {kind}: {name} | {row}", flush=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
