"""Processes that visit without pause, each killed at a moment of chance and begun again.

It runs where the original is installed and pytest is not. A process tells what was acknowledged over a
pipe; what it had begun then is the next step of a life that always goes alike, so that it is known what
else may be stored.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beaker.session import Session
from tests.faults.campaigns import stored
from tests.faults.campaigns.one_visit import OURS, Case, content, folders, visit
from tests.faults.campaigns.worker import end_with_parent

WORKERS = 4
SHARED = 2
PATIENCE = 60
"""In seconds. A process that acknowledges nothing for so long hangs."""
LIFE = ("login", "write", "shared 0", "write", "rotate", "shared 1", "write", "logout")
"""The work that each process repeats, with sessions of its own and with shared ones."""


@dataclass
class Own:
    """A worker's own session, as it was acknowledged last."""

    token: str
    cookie: str | None = None
    value: int = 0


@dataclass
class Worker:
    """A process, and all that it has said."""

    number: int
    process: int = 0
    pipe: int = -1
    unread: bytes = b""
    step: int = 0
    """The place in its life of what it has not acknowledged yet."""
    lives: int = 0
    own: Own = field(default_factory=lambda: Own(""))
    shared: list[int] = field(default_factory=lambda: [0] * SHARED)


class Hammer:
    """Kills, and looks what is left each time."""

    def __init__(self, folder: str, chosen: dict[str, Any], shares: bool, seed: int) -> None:
        self.case: Case = {"folder": folder, "options": chosen}
        self.options: dict[str, Any] = {"type": "file", "data_dir": folder, **chosen}
        self._database: Any = None
        if self.options["type"] == "sqlite":
            from beaker import _core

            self._database = _core.SqliteDatabase(None, folder)
        self.life = [step for step in LIFE if shares or not step.startswith("shared")]
        self.chance = random.Random(seed)
        self.workers = [Worker(number) for number in range(WORKERS)]
        self.broken: list[str] = []
        self.acknowledged = 0
        self.shared: list[str] = []
        if shares:
            self.shared = [self._visited(None, {"name": "shared"}) for _ in range(SHARED)]

    def run(self, kills: int) -> dict[str, Any]:
        """Kills so often; what was acknowledged in all, and what broke."""
        for worker in self.workers:
            self._begin(worker)
        for _ in range(kills):
            worker = self.chance.choice(self.workers)
            if self.chance.random() < 0.8:
                self._hear(worker)
            time.sleep(self.chance.uniform(0, 0.006))
            self._kill(worker)
            self._look(worker)
            self._begin(worker)
        for worker in self.workers:
            # Who was not killed has gone on.
            self._hear(worker)
            self._kill(worker)
            self._look(worker)
        self._look_at_all()
        return {"acknowledged": self.acknowledged, "broken": self.broken}

    def _begin(self, worker: Worker) -> None:
        worker.lives += 1
        worker.step = 0
        # What it does from now on is another session; of the one before, all has been looked at.
        worker.own = Own("")
        worker.unread = b""
        reads, writes = os.pipe()
        worker.process = os.fork()
        if worker.process == 0:
            try:
                end_with_parent()
                os.close(reads)
                self._live(worker, writes)
            finally:
                os._exit(1)
        os.close(writes)
        worker.pipe = reads

    def _live(self, worker: Worker, pipe: int) -> None:
        warnings.simplefilter("ignore")
        round_ = 0
        while True:
            own = Own(f"{worker.number}-{worker.lives}-{round_}")
            for step in self.life:
                if step == "login":
                    own.cookie = self._visited(None, {"token": own.token, "value": 0})
                elif step == "write":
                    own.value += 1
                    self._visited(
                        own.cookie, {"value": own.value, "padding": "p" * (own.value * 7919 % 9000)}
                    )
                elif step == "rotate":
                    own.cookie = self._visited(own.cookie, {}, rotate=True)
                elif step == "logout":
                    self._visited(own.cookie, {}, end=True)
                else:
                    which = int(step.split()[1])
                    worker.shared[which] += 1
                    self._visited(self.shared[which], {f"of {worker.number}": worker.shared[which]})
                os.write(pipe, f"{own.token} {step.replace(' ', '-')} {own.cookie}\n".encode())
            round_ += 1

    def _visited(
        self, cookie: str | None, values: dict[str, Any], rotate: bool = False, end: bool = False
    ) -> str:
        def page(session: Any) -> None:
            assert end or cookie is None or not session.is_new, "a silent logout"
            session.update(values)
            if rotate:
                session.regenerate_id()
            if end:
                session.delete()
            else:
                session.save()

        told = visit(self.options, cookie, page)
        assert told["error"] is None, told
        kept: str | None = told["cookie"] or cookie
        assert kept is not None
        return kept

    def _hear(self, worker: Worker) -> None:
        """Waits until it has acknowledged something more."""
        if not select.select([worker.pipe], [], [], PATIENCE)[0]:
            self.broken.append(f"a process that nobody killed hangs at {self.life[worker.step]}")
            return
        self._read(worker)

    def _read(self, worker: Worker) -> bool:
        said = os.read(worker.pipe, 65536)
        lines = (worker.unread + said).split(b"\n")
        worker.unread = lines.pop()
        for line in lines:
            self._note(worker, *line.decode().split())
        return bool(said)

    def _note(self, worker: Worker, token: str, step: str, cookie: str) -> None:
        self.acknowledged += 1
        if step == "login":
            worker.own = Own(token, cookie)
        elif step == "write":
            worker.own.value += 1
        elif step == "rotate":
            worker.own.cookie = cookie
        elif step == "logout":
            worker.own.cookie = None
        else:
            worker.shared[int(step.partition("-")[2])] += 1
        worker.step = (worker.step + 1) % len(self.life)

    def _kill(self, worker: Worker) -> None:
        os.kill(worker.process, signal.SIGKILL)
        _, status = os.waitpid(worker.process, 0)
        if not os.WIFSIGNALED(status):
            self.broken.append(f"a process failed at {self.life[worker.step]}")
        while self._read(worker):
            pass
        os.close(worker.pipe)

    def _look(self, worker: Worker) -> None:
        """Compares what is stored with what was acknowledged and what had begun."""
        begun = self.life[worker.step]
        for which, cookie in enumerate(self.shared):
            kept = self._loaded(cookie)
            number = None if kept is None else kept.get(f"of {worker.number}", 0)
            allowed = [worker.shared[which], worker.shared[which] + (begun == f"shared {which}")]
            if number not in allowed:
                self.broken.append(f"of a shared session: {number} is stored, {allowed} were saved")
            elif number is not None:
                worker.shared[which] = number
        own = worker.own
        if own.cookie is None:
            return
        kept = self._loaded(own.cookie)
        if kept is None:
            if begun == "logout" or (begun == "rotate" and self._found(own.token)):
                return
            self.broken.append(f"a session is lost at {begun}")
        elif kept and (
            kept.get("token") != own.token
            or kept.get("value") not in (own.value, own.value + (begun == "write"))
        ):
            self.broken.append(f"a save is lost at {begun}: {kept.get('value')} for {own.value}")

    def _loaded(self, cookie: str) -> dict[str, Any] | None:
        try:
            chosen = {name: value for name, value in self.options.items() if name != "concurrency"}
            chosen |= {"use_cookies": False, "invalidate_corrupt": False}
            return content(Session({}, id=cookie.rpartition("=")[2], **chosen))
        except Exception as error:  # reported to the parent
            self.broken.append(f"a record cannot be read: {type(error).__name__}: {error}"[:200])
            return {}

    def _ids(self) -> list[str]:
        return stored.ids(self.options, self.case["folder"])

    def _found(self, token: str) -> bool:
        """Whether the session of this token has any id."""
        for session_id in self._ids():
            with contextlib.suppress(Exception):
                kept = self._loaded(session_id)
                if kept and kept.get("token") == token:
                    return True
        return False

    def _look_at_all(self) -> None:
        folder = Path(self.case["folder"])
        for session_id in self._ids():
            kept = self._loaded(session_id)
            if kept and kept.get("name") != "shared" and "token" not in kept:
                self.broken.append(f"a record holds what was never saved: {sorted(kept)}")
        if self._database is not None:
            files = list(folder.glob("sessions.sqlite-locks/*/*/*"))
            for path in files:
                os.utime(path, (0, 0))
            assert self._database.sweep() is not None
            if left := [path.name for path in files if path.exists()]:
                self.broken.append(f"left after a sweep: {left}")
        if not OURS or self.options["type"] != "file":
            return
        for path in folder.rglob("*"):
            os.utime(path, (0, 0))
        from beaker import _core

        assert _core.sweep_files(*folders(self.case)) is not None
        records = {path.stem for path in folder.glob("container_file/*/*/*.cache")}
        beside = [path.name for path in folder.glob("container_file/*/*/*") if path.suffix != ".cache"]
        locks = len(list(folder.glob("container_file_lock/*/*/*")))
        if beside or locks > len(records):
            self.broken.append(f"left after a sweep: {beside}, {locks} locks of {len(records)} sessions")


def run(folder: str, chosen: dict[str, Any], shares: bool, kills: int, seed: int) -> dict[str, Any]:
    """Kills so often in a folder of its own, with these options."""
    Path(folder).mkdir(parents=True)
    return Hammer(folder, chosen, shares, seed).run(kills)
