"""Machines of a network, as network namespaces of this one: they share nothing but their cables."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from tests.support.environment import ForbiddenError, LackingError

if TYPE_CHECKING:
    from collections.abc import Iterator

STORES = "10.77.1"
"""The network of the stores: they and the machines have addresses in it."""
VISITORS = "10.77.2"
"""The network of the visitors, who share the machine of the stores."""


class Machine:
    """A machine with an address in each network. Number 1 has the stores and the visitors."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.namespace = f"beaker-{os.getpid()}-{number}"
        self.store_address = f"{STORES}.{number}"
        self.visitor_address = f"{VISITORS}.{number}"

    def command(self, *words: str) -> list[str]:
        """The command that runs another on this machine."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *words]

    def kill(self) -> None:
        """Kills every process on this machine."""
        for process in _ip("netns", "pids", self.namespace).split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)


def _ip(*words: str) -> str:
    run = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if run.returncode:
        raise ForbiddenError(f"this machine makes no network namespaces: {run.stderr.strip()}")
    return run.stdout


def cut(first: Machine, other: Machine) -> None:
    """Loses in silence what is sent between a machine and the stores."""
    _ip("-n", first.namespace, "link", "set", f"stores{other.number}", "nomaster")


def join(first: Machine, other: Machine) -> None:
    """Connects a machine with the stores again."""
    _ip("-n", first.namespace, "link", "set", f"stores{other.number}", "master", "stores")


@contextmanager
def network(machines: int) -> Iterator[list[Machine]]:
    """A machine with stores and visitors, and others that are connected with it twice."""
    if shutil.which("ip") is None:
        raise LackingError("ip of iproute2 is not installed (./dev servers)")
    with ExitStack() as stack:
        first, *others = made = [Machine(number) for number in range(1, machines + 2)]
        for machine in made:
            _ip("netns", "add", machine.namespace)
            stack.callback(_ip, "netns", "del", machine.namespace)
            stack.callback(machine.kill)
            _ip("-n", machine.namespace, "link", "set", "lo", "up")
        for name, address in (("stores", first.store_address), ("visitors", first.visitor_address)):
            _ip("-n", first.namespace, "link", "add", name, "type", "bridge")
            _ip("-n", first.namespace, "address", "add", f"{address}/24", "dev", name)
            _ip("-n", first.namespace, "link", "set", name, "up")
            for other in others:
                _connect(first, other, name)
        for other in others:
            _ip("-n", other.namespace, "address", "add", f"{other.store_address}/24", "dev", "stores")
            _ip("-n", other.namespace, "address", "add", f"{other.visitor_address}/24", "dev", "visitors")
        yield made


def _connect(first: Machine, other: Machine, name: str) -> None:
    """Puts a cable between a bridge of the first machine and another machine."""
    end = f"{name}{other.number}"
    _ip(
        *("-n", first.namespace, "link", "add", end, "type", "veth"),
        *("peer", "name", name, "netns", other.namespace),
    )
    _ip("-n", first.namespace, "link", "set", end, "master", name, "up")
    _ip("-n", other.namespace, "link", "set", name, "up")
