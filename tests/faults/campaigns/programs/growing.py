"""Saves of session after session, and what there is of them in the end."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from tests.faults.campaigns.programs.program import OURS, entries, files, folders, main, resident, served

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 60
START = 1_700_000_000.0
SAVES_PER_SECOND = 10
BATCH = 5000
HOURS = 7200.0


def _save(session: Any) -> None:
    session["basket"] = ["something"] * 10
    session.save()


def capped(*, options: dict[str, Any], saves: int) -> dict[str, Any]:
    """Saves, each by a new visitor. Returns the most entries there were, and the memory at every quarter."""
    visit = served(_save, options)
    most, memory = 0, []
    for number in range(saves):
        visit(None)
        if number % max(saves // 100, 1) == 0:
            most = max(most, entries())
        if number % max(saves // 4, 1) == saves // 4 - 1:
            memory.append(resident())
    return {"most": max(most, entries()), "memory": memory}


def timed(*, options: dict[str, Any], saves: int) -> dict[str, Any]:
    """The same while time passes, so that the sessions are over one after another."""
    now = START

    def clock() -> float:
        return now

    time.time = clock
    visit = served(_save, {**options, "timeout": TIMEOUT})
    most = 0
    for number in range(saves):
        visit(None)
        now = START + number / SAVES_PER_SECOND
        if number % BATCH == 0:
            most = max(most, entries())
    return {"most": max(most, entries())}


def swept(*, folder: str, saves: int) -> dict[str, Any]:
    """The same in files, which are made old and swept. Returns what there was at most after a sweep."""
    visit = served(_save, {"type": "file", "data_dir": folder, "timeout": TIMEOUT})
    left = most_folders = 0
    removed = {"expired": 0, "locks": 0}
    for batch in range(0, saves, BATCH):
        for _ in range(min(BATCH, saves - batch)):
            visit(None)
        if OURS:
            for name, count in _swept(folder).items():
                removed[name] += count
        left, most_folders = max(left, files(folder)), max(most_folders, folders(folder))
    return {"left": left, "folders": most_folders, **removed}


def swept_rows(*, folder: str, saves: int) -> dict[str, Any]:
    """The same in a database, long ago, so that a sweep removes all. Also returns the size of the file."""
    from beaker import _core

    now = time.time
    visit = served(_save, {"type": "sqlite", "data_dir": folder, "timeout": TIMEOUT})
    database = _core.SqliteDatabase(None, folder)
    left = size = 0
    for batch in range(0, saves, BATCH):
        time.time = lambda: START
        for _ in range(min(BATCH, saves - batch)):
            visit(None)
        time.time = now
        database.sweep()
        left = max(left, database.expired() + len(database.namespaces()))
        size = max(size, os.path.getsize(database.path) // 1024)  # noqa: PTH202
    return {"left": left, "size": size}


def saved(*, options: dict[str, Any], saves: int) -> dict[str, Any]:
    """The same in a server that removes by itself what is over."""
    visit = served(_save, {**options, "timeout": TIMEOUT})
    for _ in range(saves):
        visit(None)
    return {}


def swept_table(*, options: dict[str, Any], saves: int) -> dict[str, Any]:
    """The same in a table, long ago, so that a sweep removes all. Returns what it left at most."""
    from beaker import _row_sweep
    from beaker.ext.database import DatabaseNamespaceManager

    now = time.time
    visit = served(_save, {**options, "timeout": TIMEOUT})
    table = DatabaseNamespaceManager("sweep", options["url"], table_name=options["table_name"])
    left = 0
    for batch in range(0, saves, BATCH):
        time.time = lambda: START
        here = min(BATCH, saves - batch)
        for _ in range(here):
            visit(None)
        time.time = now
        removed = _row_sweep.sweep(table._rows, time.time() - TIMEOUT - _row_sweep.MARGIN)
        left = max(left, here - removed)
    return {"left": left}


def _swept(folder: str) -> dict[str, int]:
    from beaker import _core

    removed = {"expired": 0, "locks": 0}
    # A lock goes when its record has gone, and when it is an hour old itself.
    for _ in range(2):
        then = time.time() - HOURS
        for path, _, names in os.walk(folder):
            for name in names:
                os.utime(os.path.join(path, name), (then, then))  # noqa: PTH118
        counts = _core.sweep_files(
            f"{folder}/container_file", f"{folder}/container_file_lock", TIMEOUT + 120.0, every=True
        )
        for name in removed:
            removed[name] += counts[name] if counts else 0
    return removed


def run(*, task: str, **arguments: Any) -> dict[str, Any]:
    """Does a task."""
    tasks: dict[str, Callable[..., dict[str, Any]]] = {
        "capped": capped,
        "timed": timed,
        "swept": swept,
        "swept_rows": swept_rows,
        "saved": saved,
        "swept_table": swept_table,
    }
    return tasks[task](**arguments)


if __name__ == "__main__":
    main(run)
