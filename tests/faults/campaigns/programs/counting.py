"""Threads that use one session at once, and what is lost of that."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any

from tests.faults.campaigns.programs.program import KEY, begun, main, opened, served

KEYS = 25
"""The number of keys that only one thread sets."""


def _counting(options: dict[str, Any], cookie: str, _name: str, turns: int) -> int:
    """Each request adds one to a counter that all have."""

    def add(session: Any) -> None:
        session["count"] = session["count"] + 1
        session.save()

    visit = served(add, options)
    for _ in range(turns):
        visit(cookie)
    return 0


def _setting(options: dict[str, Any], cookie: str, name: str, turns: int) -> int:
    """Each request sets a key that no other thread sets, and looks whether what it set before is there."""
    mine: dict[str, int] = {}
    numbers = count()

    def use(session: Any) -> int:
        lost = [key for key, value in mine.items() if session.get(key) != value]
        for key in lost:
            del mine[key]
        turn = next(numbers)
        key = f"{name}-{turn % KEYS}"
        mine[key] = session[key] = turn
        session.save()
        return len(lost)

    def look(session: Any) -> int:
        return sum(session.get(key) != value for key, value in mine.items())

    visit = served(use, options)
    lost = 0
    for _ in range(turns):
        lost += visit(cookie)
    return lost + int(served(look, options)(cookie))


TASKS = {"counting": _counting, "setting": _setting}


def run(
    *, task: str, options: dict[str, Any], name: str, threads: int, turns: int, begin: bool = False
) -> dict[str, Any]:
    """Begins the session, if it is to, and has threads use it. Returns what was lost, and the counter."""
    session_id = "0123456789abcdef0123456789abcdef"
    if begin:
        begun(options, session_id, count=0)
    lost: list[int] = []
    failures: list[str] = []
    start = threading.Barrier(threads) if threads else None

    def work(number: int) -> None:
        if start is not None:
            start.wait()
        try:
            lost.append(TASKS[task](options, f"{KEY}={session_id}", f"{name}-{number}", turns))
        except Exception as error:
            failures.append(repr(error))

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return {"lost": sum(lost), "count": opened(options, session_id).get("count"), "failures": failures}


if __name__ == "__main__":
    main(run)
