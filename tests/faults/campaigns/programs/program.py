"""Helpers of the programs of campaigns, which run under Beaker and under ours and use what both have."""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beaker.container import MemoryNamespaceManager
from beaker.middleware import SessionMiddleware
from beaker.session import Session
from tests.support.dict_namespace import DictNamespace

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "beaker.session.id"
OURS = find_spec("beaker._core") is not None


class Namespace(DictNamespace):
    """The backend written in Python. It forgets its calls: a campaign makes millions."""

    contents: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - it is the store
    calls: deque[str] = deque(maxlen=0)  # noqa: RUF012 - none is kept


def meant(options: dict[str, Any]) -> dict[str, Any]:
    """Options as they are passed; `type` `python` is the backend above."""
    if options.get("type") != "python":
        return options
    return {
        **{name: value for name, value in options.items() if name != "type"},
        "namespace_class": Namespace,
    }


def opened(options: dict[str, Any], session_id: str, **more: Any) -> Any:
    """The session of an id."""
    return Session({}, id=session_id, use_cookies=False, **{**meant(options), **more})


def begun(options: dict[str, Any], session_id: str, **values: Any) -> None:
    """Stores a session of that id."""
    session = opened(options, session_id)
    session.update(values)
    session.save()


def served(application: Callable[[Any], Any], options: dict[str, Any]) -> Callable[[str | None], Any]:
    """A function that sends one request with a Cookie header; it returns what the application does."""
    results: list[Any] = []

    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        results.append(application(environ["beaker.session"]))
        start_response("200 OK", [])
        return []

    middleware = SessionMiddleware(wsgi, **meant(options))

    def visit(cookie: str | None) -> Any:
        middleware({} if cookie is None else {"HTTP_COOKIE": cookie}, lambda *_arguments: None)
        return results.pop()

    return visit


def entries() -> int:
    """The number of entries in memory and in the backend written in Python."""
    return len(MemoryNamespaceManager.namespaces.dict) + len(Namespace.contents)


def files(folder: str) -> int:
    """The number of files below a folder, without the notes of sweeps."""
    return sum(name != ".beaker-sweep" for _, _, names in os.walk(folder) for name in names)


def folders(folder: str) -> int:
    """The number of folders below a folder."""
    return sum(len(names) for _, names, _ in os.walk(folder))


def resident() -> int:
    """The memory that this process has at the moment, in KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def main(run: Callable[..., dict[str, Any]]) -> None:
    """Runs with the arguments that the command line has as JSON, and prints what comes of it as JSON."""
    warnings.simplefilter("ignore")
    try:
        result = run(**json.loads(sys.argv[1]))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        # The remaining threads wait for no one.
        os._exit(1)
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    os._exit(0)
