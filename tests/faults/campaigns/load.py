"""Running the programs that load sessions, by ours and by the original."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.databases import QUICK, SERVERS
from tests.support.environment import ORACLE, ROOT
from tests.support.redis_server import new_url
from tests.support.tables import on_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.databases import Server

STORES_OF_BEAKER = ("file", "memory", "python", "dbm")
"""The stores that the original runs on without a server and its client."""
STORES = (*STORES_OF_BEAKER, "sqlite", "redis", "postgresql")
IN_FOLDERS = frozenset({"file", "dbm", "sqlite"})
SHARED = IN_FOLDERS | {"redis", "postgresql"}
"""The stores that processes share."""

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "encrypted json": {
        "encrypt_key": "an encryption key of the campaigns, of some length",
        "validate_key": "a validation key of the campaigns, of some length",
        "data_serializer": "json",
    },
    "hashed": {"hash_ids": True, "record_format": 2},
}
"""Options with which a law is to hold as well."""

OF_BEAKER = frozenset({"plain", "encrypted json"})
"""The variants that the original has too."""


@dataclass(frozen=True)
class Place:
    """Somewhere to keep sessions."""

    name: str
    store: str
    options: dict[str, Any]
    folder: str


@cache
def postgresql() -> Server:
    """The server that the campaigns of a process share."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(SERVERS["postgresql"](*QUICK["postgresql"]))


@contextmanager
def place(store: str, variant: str = "plain", **more: Any) -> Iterator[Place]:
    """A store of its own, and what is left of it in a folder that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="beaker-campaign-") as folder:
        options: dict[str, Any] = {"type": store, **VARIANTS[variant], **more}
        if store in IN_FOLDERS:
            options["data_dir"] = folder
        elif store == "redis":
            options.update(type="ext:redis", url=new_url())
        elif store == "postgresql":
            options.update(on_server(store, postgresql()).options)
        name = store if variant == "plain" else f"{store}, {variant}"
        yield Place(name, store, options, folder)


class Running:
    """A program that runs."""

    def __init__(self, python: Path, program: str, arguments: Mapping[str, Any]) -> None:
        self.name = program
        self.process = subprocess.Popen(
            [
                str(python),
                "-W",
                "ignore",
                "-m",
                f"tests.faults.campaigns.programs.{program}",
                json.dumps(arguments),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def result(self, patience: float) -> dict[str, Any]:
        """The result of a run. `failures` has the reason if there is none: a bad exit, or a timeout."""
        try:
            output, complaints = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return {"failures": [f"{self.name} hangs"]}
        lines = output.splitlines()
        if self.process.returncode != 0 or not lines:
            return {"failures": [complaints.strip()[-2000:] or f"status {self.process.returncode}"]}
        result: dict[str, Any] = json.loads(lines[-1])
        return result


def ours() -> Path:
    """The interpreter that has ours."""
    return Path(sys.executable)


def original() -> Path | None:
    """The interpreter that has the original, if it is there."""
    python = ORACLE / "bin" / "python"
    return python if python.exists() else None


def done(python: Path, program: str, patience: float, **arguments: Any) -> dict[str, Any]:
    """Runs a program to its end."""
    return Running(python, program, arguments).result(patience)
