"""A browser's visit to a store of files, with ours and with the original.

It runs where the original is installed and pytest is not, so it imports nothing but `beaker`.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beaker.middleware import SessionMiddleware
from beaker.session import Session
from tests.faults.campaigns.expected import BEFORE, BYSTANDER, LOGIN, NEW_VALUE, OLD

try:
    from beaker import _core
except ImportError:
    _core = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "beaker.session.id"
OURS = _core is not None
DAY = 86_400.0

Case = dict[str, Any]


def options(case: Case) -> dict[str, Any]:
    """The options of the middleware."""
    chosen: dict[str, Any] = {"type": "file", "data_dir": case["folder"]}
    if OURS:
        chosen |= {"sweep_interval": 0, "lock_timeout": 2, **case.get("options", {})}
    return chosen


class _Heard(logging.Handler):
    """Keeps what is logged. Nothing is formatted with a source line, which would be read from a file."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def visit(chosen: dict[str, Any], cookie: str | None, page: Callable[[Any], Any]) -> dict[str, Any]:
    """One request; what became of it."""
    outcome: dict[str, Any] = {"began": False, "error": None, "cookie": None, "seen": "nothing"}
    heard = _Heard()
    logger = logging.getLogger("beaker")
    logger.addHandler(heard)

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        outcome["seen"] = page(environ[KEY.rpartition(".")[0]])
        start_response("200 OK", [])
        return []

    def start_response(_status: str, headers: list[tuple[str, str]], _info: Any = None) -> None:
        outcome["began"] = True
        cookies = [value for name, value in headers if name.lower() == "set-cookie"]
        if cookies:
            outcome["cookie"] = cookies[-1].partition(";")[0].strip()

    def shown(message: Any, *_more: Any, **_named: Any) -> None:
        heard.said.append(str(message))

    shows, warnings.showwarning = warnings.showwarning, shown
    try:
        environ = {} if cookie is None else {"HTTP_COOKIE": cookie}
        list(SessionMiddleware(application, **chosen)(environ, start_response))
    except Exception as error:  # whatever it is, the campaign judges it
        outcome["error"] = f"{type(error).__name__}: {error}"[:300]
        outcome["kinds"] = [kind.__name__ for kind in type(error).__mro__]
    finally:
        warnings.showwarning = shows
        logger.removeHandler(heard)
    outcome["said"] = [line[:120] for line in heard.said[:5]]
    return outcome


def content(session: Any) -> dict[str, Any] | None:
    """The content of a session as an application sees it; `None` for a new one."""
    if session.is_new:
        return None
    return {key: session[key] for key in list(session.keys()) if not key.startswith("_")}


def _read(session: Any) -> Any:
    return content(session)


def _write(session: Any) -> Any:
    seen = content(session)
    session["value"] = NEW_VALUE
    session.save()
    return seen


def _login(session: Any) -> Any:
    seen = content(session)
    session.update(LOGIN)
    session.save()
    return seen


def _logout(session: Any) -> Any:
    seen = content(session)
    session.delete()
    return seen


def _end(session: Any) -> Any:
    seen = content(session)
    session.invalidate()
    return seen


def _rotate(session: Any) -> Any:
    seen = content(session)
    session["value"] = NEW_VALUE
    session.regenerate_id()
    session.save()
    return seen


PAGES: dict[str, Callable[[Any], Any]] = {
    "read": _read,
    "touch": _read,
    "write": _write,
    "login": _login,
    "logout": _logout,
    "invalidate": _end,
    "rotate": _rotate,
}


def play(case: Case) -> dict[str, Any]:
    """Runs the operation of the case."""
    operation = case["operation"]
    chosen = options(case)
    if operation == "sweep":
        return _sweep(case)
    if operation == "read":
        chosen["save_accessed_time"] = False
    else:
        chosen["timeout"] = 3600
    cookie = None if operation == "login" else case["cookie"]
    if operation != "merge":
        return visit(chosen, cookie, PAGES[operation])
    others: dict[str, Any] = {}

    def page(session: Any) -> Any:
        seen = content(session)
        session["value"] = NEW_VALUE
        others.update(visit(chosen, cookie, _set_theirs))
        session.save()
        return seen

    return {**visit(chosen, cookie, page), "others": others}


def _set_theirs(session: Any) -> None:
    session["theirs"] = "theirs"
    session.save()


def _sweep(case: Case) -> dict[str, Any]:
    outcome: dict[str, Any] = {"began": True, "error": None, "said": []}
    try:
        swept = _core.sweep_files(*folders(case), 3600.0, every=True)
        outcome["said"] = [f"skipped {swept['skipped']}"] if swept and swept["skipped"] else []
    except Exception as error:  # whatever it is, the campaign judges it
        outcome["error"] = f"{type(error).__name__}: {error}"[:300]
        outcome["kinds"] = [kind.__name__ for kind in type(error).__mro__]
    return outcome


def folders(case: Case) -> tuple[str, str]:
    """The folders of the records and of their locks."""
    return f"{case['folder']}/container_file", f"{case['folder']}/container_file_lock"


def prepare(case: Case) -> Case:
    """Fills the case's folder, and says by which cookies its sessions go."""

    def stored(values: dict[str, Any]) -> str:
        def page(session: Any) -> None:
            session.update(values)
            session.save()

        made = visit({**options(case), "timeout": 3600}, None, page)
        assert made["error"] is None, made
        cookie: str = made["cookie"]
        return cookie

    Path(case["folder"]).mkdir(parents=True)
    if case.get("empty"):
        return {**case, "cookie": None, "bystander": None}
    ready = {**case, "cookie": stored(BEFORE), "bystander": stored(BYSTANDER)}
    ready["accessed"] = opened(case, ready["cookie"].rpartition("=")[2]).last_accessed
    if case["operation"] == "sweep":
        old = stored(OLD)
        ready["old"] = old
        (record,) = Path(case["folder"]).glob(f"container_file/*/*/{old[-32:]}.cache")
        lock = next(Path(case["folder"]).glob("container_file_lock/*/*"))
        for path in (
            record,
            record.with_name(".beaker-0123456789abcdef.tmp"),
            lock.with_name(f"{lock.parent.name}{'5' * 38}.lock"),
        ):
            path.touch()
            os.utime(path, (time.time() - DAY, time.time() - DAY))
    return ready


def judge(case: Case) -> dict[str, Any]:
    """The content of the case's folder, as an undisturbed process sees it afterwards."""
    found: dict[str, Any] = {}
    ids = {name: case.get(name) for name in ("cookie", "bystander", "old", "new")}
    known = {name: cookie.rpartition("=")[2] for name, cookie in ids.items() if cookie}
    for path in sorted(Path(case["folder"]).glob("container_file/*/*/*.cache")):
        if path.stem not in known.values():
            known[f"unknown {path.stem}"] = path.stem
    for name, session_id in known.items():
        found[name] = _loaded(case, session_id)
    verdict: dict[str, Any] = {"found": found, "left": None, "served": None, "accessed": None}
    if isinstance(found.get("cookie"), dict):
        verdict["accessed"] = opened(case, known["cookie"]).last_accessed
    verdict["served"] = visit({**options(case), "timeout": 3600}, case.get("cookie"), _served)["error"]
    verdict["left"] = _left(case) if OURS else []
    return verdict


def _served(session: Any) -> None:
    session["served"] = True
    session.save()


def opened(case: Case, session_id: str) -> Any:
    """The session of that id, apart from any visit."""
    chosen = {**options(case), "use_cookies": False, "invalidate_corrupt": False}
    chosen.pop("concurrency", None)
    return Session({}, id=session_id, **chosen)


def _loaded(case: Case, session_id: str) -> Any:
    try:
        return content(opened(case, session_id))
    except Exception as error:  # whatever it is, the campaign judges it
        return f"{type(error).__name__}: {error}"[:200]


def _left(case: Case) -> list[str]:
    """The files beside those of sessions, once a sweep has been there and time has passed."""
    folder = Path(case["folder"])
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - DAY, time.time() - DAY))
    assert _core.sweep_files(*folders(case)) is not None
    records = {path.stem for path in folder.glob("container_file/*/*/*.cache")}
    locks = list(folder.glob("container_file_lock/*/*/*"))
    left = [path.name for path in folder.glob("container_file/*/*/*") if path.suffix != ".cache"]
    return left + ["a lock without a session"] * max(0, len(locks) - len(records))
