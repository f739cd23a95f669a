"""Four worker processes on two machines share the sessions in a store, and one machine loses it for a while.

`python -m tests.servers.machines.run SECONDS` prints what the visitors saw.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers.machines.network import Machine, cut, join, network
from tests.servers.machines.stores import postgresql, redis_cluster
from tests.support.environment import ROOT
from tests.support.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINES = 2
WORKERS = 2
VISITORS = 6
PORT = 8000
START_SECONDS = 30


@contextmanager
def workers(machine: Machine, store: dict[str, str], log: Path) -> Iterator[str]:
    """The worker processes of a machine. Their address."""
    address = f"{machine.visitor_address}:{PORT}"
    gunicorn = Path(sys.executable).parent / "gunicorn"
    command = machine.command(
        *(str(gunicorn), "--bind", address, "--workers", str(WORKERS), "--no-control-socket"),
        *("--graceful-timeout", "1", "tests.servers.machines.visits_app:wsgi_app"),
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STORE": json.dumps(store)}
    with log.open("ab") as output:
        running = Watched(command, stdout=output, stderr=output, env=environment)
    try:
        end = time.monotonic() + START_SECONDS
        while log.read_text().count("Booting worker") < WORKERS:
            if time.monotonic() > end:
                raise AssertionError(log.read_text())
            time.sleep(0.05)
        yield address
    finally:
        machine.kill()
        running.kill()


def visits(
    first: Machine, addresses: list[str], seconds: float, cut_off: Machine | None = None
) -> dict[str, Any]:
    """Lets visitors ask all machines, and cuts one off from the stores for a third of the time."""
    module = "tests.servers.machines.visitors"
    command = first.command(sys.executable, "-m", module, str(VISITORS), str(seconds), *addresses)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        if cut_off is not None:
            time.sleep(seconds / 3)
            cut(first, cut_off)
            time.sleep(seconds / 3)
            join(first, cut_off)
        shown, _ = running.communicate()
    result: dict[str, Any] = json.loads(shown)
    return result


@contextmanager
def fleet() -> Iterator[tuple[Machine, list[Machine], dict[str, dict[str, str]]]]:
    """The machine of the stores, the machines of the workers, and the options of each store."""
    with ExitStack() as stack:
        first, *others = stack.enter_context(network(MACHINES))
        cluster = {
            "session.type": "ext:rediscluster",
            "session.urls": stack.enter_context(redis_cluster(first)),
        }
        table = {"session.type": "ext:database", "session.url": stack.enter_context(postgresql(first))}
        yield first, others, {"Redis Cluster": cluster, "PostgreSQL": table}


def run(seconds: float, folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each store, whether a machine loses it for a while, and what the visitors saw."""
    with fleet() as (first, others, stores):
        for name, store in stores.items():
            with ExitStack() as stack:
                addresses = [
                    stack.enter_context(workers(machine, store, folder / f"{name} {machine.number}.log"))
                    for machine in others
                ]
                yield name, "all is well", visits(first, addresses, seconds / 3)
                yield name, "a cable is cut", visits(first, addresses, seconds, others[0])


def main() -> None:
    """Prints a line for each store."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory(prefix="beaker-machines-") as folder:
        for store, state, seen in run(seconds, Path(folder)):
            sys.stdout.write(f"{store}, {state}: {json.dumps(seen)}\n")


if __name__ == "__main__":
    main()
