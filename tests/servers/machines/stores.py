"""A Redis Cluster of three nodes and a PostgreSQL that listen on a machine's address."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.databases import program
from tests.support.environment import LackingError
from tests.support.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.machines.network import Machine

NODES = (7001, 7002, 7003)
POSTGRESQL = 5432
START_SECONDS = 60
_DEBIANS_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def redis_cluster(machine: Machine) -> Iterator[str]:
    """Three nodes that share the keys. The URLs for the option `urls`."""
    server = shutil.which("redis-server")
    if server is None:
        raise LackingError("redis-server is not installed (./dev servers)")
    folder = Path(tempfile.mkdtemp(prefix="beaker-cluster-"))
    nodes = [f"{machine.store_address}:{port}" for port in NODES]
    running = []
    try:
        for port in NODES:
            place = folder / str(port)
            place.mkdir()
            command = machine.command(
                *(server, "--port", str(port), "--bind", machine.store_address, "--protected-mode", "no"),
                *("--cluster-enabled", "yes", "--cluster-node-timeout", "5000", "--save", ""),
            )
            running.append(Watched(command, cwd=place, stdout=subprocess.DEVNULL))
        _wait_for(
            machine.command("redis-cli", "-h", machine.store_address, "-p", str(NODES[-1]), "ping"), "PONG"
        )
        create = machine.command("redis-cli", "--cluster", "create", *nodes, "--cluster-yes")
        subprocess.run(create, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        for port in NODES:
            look = ("redis-cli", "-h", machine.store_address, "-p", str(port), "cluster", "info")
            _wait_for(machine.command(*look), "cluster_state:ok")
        yield ",".join(f"redis://{node}" for node in nodes)
    finally:
        for process in running:
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql(machine: Machine) -> Iterator[str]:
    """PostgreSQL, which refuses to run as root. Its URL for SQLAlchemy."""
    initdb = program("initdb", "postgresql", *_DEBIANS_POSTGRESQL[-1:])
    postgres = program("postgres", "postgresql", *_DEBIANS_POSTGRESQL[-1:])
    folder = Path(tempfile.mkdtemp(prefix="beaker-postgresql-"))
    shutil.chown(folder, "postgres")
    make = [initdb, "-D", str(folder / "data"), "-U", "beaker", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True, user="postgres", cwd=folder)
    with (folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {machine.store_address}/24 trust\n")
    as_user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    command = machine.command(
        *(*as_user, postgres, "-D", str(folder / "data"), "-p", str(POSTGRESQL)),
        *("-c", f"listen_addresses={machine.store_address}", "-c", "unix_socket_directories="),
    )
    running = Watched(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ready = (program("pg_isready", "postgresql", *_DEBIANS_POSTGRESQL[-1:]), "-h", machine.store_address)
        _wait_for(machine.command(*ready), "accepting connections")
        yield f"postgresql+psycopg://beaker@{machine.store_address}:{POSTGRESQL}/postgres"
    finally:
        running.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(command: list[str], answer: str) -> None:
    """Repeats a command until its output has the answer."""
    end = time.monotonic() + START_SECONDS
    while answer not in subprocess.run(command, capture_output=True, text=True, check=False).stdout:
        if time.monotonic() > end:
            raise AssertionError(f"no answer {answer!r} from {' '.join(command)}")
        time.sleep(0.1)
