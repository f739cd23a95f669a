"""Visits on a file system that is full or read-only, mounted for one process alone.

It runs where the original is installed and pytest is not.
"""

from __future__ import annotations

import ctypes
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.campaigns import one_visit
from tests.faults.campaigns.expected import BEFORE, NEW_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.campaigns.one_visit import Case

OPERATIONS = ("read", "touch", "write", "login", "logout", "rotate")
WRITTEN = {**BEFORE, "value": NEW_VALUE}

_NEW_MOUNTS = 0x00020000
_NEW_USERS = 0x10000000
_READ_ONLY = 1
_REMOUNT = 32
_RECURSIVE_PRIVATE = 16384 | (1 << 18)
_ROOM = "size=128k"


def visited(case: Case, state: str) -> dict[str, Any] | None:
    """The result of a visit in such a file system; `None` where mounts are forbidden."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            told = _visited(case, state)
            os.write(writes, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    if not text:
        raise RuntimeError("the visit ended without a word")
    answered: dict[str, Any] | None = json.loads(text)
    return answered


def _visited(case: Case, state: str) -> dict[str, Any] | None:
    disk = Path(case["folder"]).parent
    disk.mkdir(parents=True, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    if not _may_mount(libc):
        return None
    where = str(disk).encode()
    if libc.mount(b"tmpfs", where, b"tmpfs", 0, _ROOM.encode()) != 0:
        return None
    ready = one_visit.prepare(case)
    if state == "full":
        _fill(disk)
    elif libc.mount(b"tmpfs", where, None, _REMOUNT | _READ_ONLY, None) != 0:
        return None
    told = one_visit.play(ready)
    # What is stored is looked at when there is room again.
    if state == "full":
        (disk / "filling").unlink()
    else:
        libc.mount(b"tmpfs", where, None, _REMOUNT, None)
    new = told["cookie"] if not told["error"] else None
    stored = one_visit.judge({**ready, "new": new})
    return {**told, "found": stored["found"]}


def _may_mount(libc: Any) -> bool:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_MOUNTS if user == 0 else _NEW_MOUNTS | _NEW_USERS) != 0:
        return False
    if user != 0:
        with suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    return bool(libc.mount(b"none", b"/", None, _RECURSIVE_PRIVATE, None) == 0)


def _fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 512)


def broken(operation: str, told: dict[str, Any]) -> Iterator[str]:
    """The laws that a visit broke."""
    found, error = told["found"], told["error"]
    stored = found.get("cookie")
    if any(isinstance(content, str) for content in found.values()):
        yield "a record cannot be read afterwards"
    if operation in ("read", "touch"):
        if error is not None or told["seen"] != BEFORE:
            yield "a page that only reads does not work"
        if stored != BEFORE:
            yield "a page that only reads changed the session"
        return
    if error is not None and told["began"]:
        yield "a response began although its session could not be saved"
    if error is not None and operation in ("write", "rotate") and stored != BEFORE:
        yield "what was saved before is lost"
    if error is None and operation == "write" and stored != WRITTEN:
        yield "a save that was acknowledged is lost"
    if error is None and operation == "logout" and stored:
        yield "a logout that was acknowledged did not happen"
    if error is None and operation in ("login", "rotate") and not found.get("new"):
        yield "a session that was acknowledged is lost"
