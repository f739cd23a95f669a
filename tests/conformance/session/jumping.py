"""Sessions in a process whose clock jumps: run with the shim loaded, writes what it saw."""

from __future__ import annotations

import ctypes
import json
import sys
import tempfile
from typing import Any

from tests.support.dict_namespace import namespace_class
from tests.support.sessions import COOKIE, Browser

YEAR = 31_536_000
TIMEOUT = 3600


def set_clock_ahead(seconds: int) -> None:
    ctypes.CDLL(None).set_clock_ahead(ctypes.c_long(seconds))


def kinds(folder: str) -> dict[str, dict[str, Any]]:
    return {
        "memory": {"type": "memory"},
        "file": {"type": "file", "data_dir": folder},
        "python": {"namespace_class": namespace_class()},
        "cookie": COOKIE,
        "sealed cookie": {**COOKIE, "cookie_format": 2},
    }


def look(session: Any) -> list[Any]:
    return [session.get("name"), session.is_new]


def main(ahead: int, limit: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        visitors = {name: Browser(options, {limit: TIMEOUT}) for name, options in kinds(folder).items()}
        for visitor in visitors.values():
            visitor.put(name="Ada")
        seen: dict[str, list[Any]] = {name: [] for name in visitors}
        for moved in (ahead, ahead, 0):
            set_clock_ahead(moved)
            for name, visitor in visitors.items():
                visit = visitor.visit(look)
                seen[name].append([*visit.result, visitor.jar is not None])
        set_clock_ahead(ahead)
        for name, visitor in visitors.items():
            visitor.put(name="Grace")
            seen[name].append(visitor.read()["name"])
        set_clock_ahead(0)
        for name, visitor in visitors.items():
            seen[name].append(visitor.read()["name"])
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
