"""Visits one after another, each acknowledged by a mark that strace sees, and what is stored after each.

It runs where the original is installed and pytest is not.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from tests.faults.campaigns.one_visit import Case, content, opened, options, visit

MARK = "/acknowledged/"

# Which session a visit is of, what it does, and by how much the session grows.
STEPS = (
    ("A", "login", 300),
    ("A", "write", 9000),
    ("B", "login", 40),
    ("A", "touch", 0),
    ("A", "write", 500),
    ("B", "write", 5000),
    ("B", "rotate", 20),
    ("B", "touch", 0),
    ("B", "write", 700),
    ("A", "logout", 0),
    ("C", "login", 12000),
    ("C", "write", 100),
    ("C", "write", 13000),
    ("C", "rotate", 60),
    ("B", "logout", 0),
)


def play(case: Case) -> dict[str, Any]:
    """Visits, and returns what was stored by id after each acknowledgement, and every access time."""
    chosen = {**options(case), "timeout": 3600}
    cookies: dict[str, str] = {}
    stored: dict[str, dict[str, Any]] = {}
    states: list[dict[str, Any]] = []
    times: dict[str, list[float]] = {}
    for number, (name, verb, size) in enumerate(STEPS):
        cookie = None if verb == "login" else cookies[name]
        told = visit(chosen, cookie, _page(name, verb, number, size))
        assert told["error"] is None, told
        before = stored.pop(_id(cookie), {}) if cookie else {}
        if verb != "logout":
            if verb in ("login", "rotate"):
                cookies[name] = told["cookie"]
            if verb != "touch":
                before = {**before, "name": name, "step": number, "padding": [size]}
            stored[_id(cookies[name])] = before
        with contextlib.suppress(OSError):
            os.lstat(f"{MARK}{number}")
        states.append(dict(stored))
        for session_id in stored:
            times.setdefault(session_id, []).append(opened(case, session_id).last_accessed)
    return {"error": None, "states": states, "times": times}


def _id(cookie: str) -> str:
    return cookie.rpartition("=")[2]


def _page(name: str, verb: str, number: int, size: int) -> Any:
    def page(session: Any) -> None:
        content(session)
        if verb == "touch":
            return
        if verb == "logout":
            session.delete()
            return
        if verb == "rotate":
            session.regenerate_id()
        session.update(name=name, step=number, padding=padding(name, number, size))
        session.save()

    return page


def padding(name: str, number: int, size: int) -> str:
    """As long as that, and different in every step at every place."""
    return "".join(chr(97 + (ord(name) * 31 + number * 7 + at * 11) % 26) for at in range(size))
