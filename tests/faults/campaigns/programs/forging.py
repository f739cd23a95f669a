"""Cookies and ids that somebody made up."""

from __future__ import annotations

import random
from typing import Any

from tests.faults.campaigns.programs.program import KEY, entries, files, folders, main, resident, served

SECRET = "a secret that the forger does not know, of some length"
ODD = (
    "../../etc/passwd",
    "..",
    ".",
    "a/b",
    "a\\b",
    "%2e%2e%2f",
    "x" * 3000,
    "A" * 32,
    "{id}.progress",
    "-",
    "\x7f",
)


def run(*, options: dict[str, Any], folder: str, ids: int, seed: int = 1) -> dict[str, Any]:
    """Sends that many. Returns what is there of them, and the memory at every quarter."""
    source = random.Random(seed)
    unsigned = served(lambda session: session.get("user"), options)
    signed = served(lambda session: session.get("user"), {**options, "secret": SECRET})
    forged = ""
    by_id = served(lambda session: session.get_by_id(forged), options)
    before = entries()
    known = 0
    memory = []
    for number in range(ids):
        forged = f"{source.getrandbits(128):032x}"
        kind = number % 10
        if kind < 4:
            answer = unsigned(f"{KEY}={forged}")
        elif kind < 7:
            answer = signed(f"{KEY}={source.getrandbits(160):040x}{forged}")
        elif kind == 7:
            answer = unsigned(f"{KEY}={source.choice(ODD).replace('{id}', forged)}")
        else:
            answer = by_id(None)
        known += answer is not None
        if number % max(ids // 4, 1) == ids // 4 - 1:
            memory.append(resident())
    return {
        "known": known,
        "files": files(folder),
        "folders": folders(folder),
        "entries": entries() - before,
        "memory": memory,
    }


if __name__ == "__main__":
    main(run)
