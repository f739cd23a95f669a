"""A process whose threads use one session: run with what it is to do as JSON, it prints what it did."""

from __future__ import annotations

import json
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from beaker.middleware import SessionMiddleware
from beaker.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "beaker.session.id"


def visit(options: dict[str, Any], session_id: str, work: Callable[[Any], None]) -> None:
    """One request."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        work(environ["beaker.session"])
        start_response("200 OK", [])
        return []

    environ = {"HTTP_COOKIE": f"{KEY}={session_id}"}
    list(SessionMiddleware(application, **options)(environ, lambda *_args: None))


def distinct_keys(options: dict[str, Any], session_id: str, name: str, turns: int) -> None:
    """Each request sets a key that no other one sets."""
    for turn in range(turns):

        def work(session: Any, turn: int = turn) -> None:
            session[f"{name}-{turn}"] = [turn]
            session.save()

        visit(options, session_id, work)


def counted(options: dict[str, Any], session_id: str, _name: str, turns: int) -> None:
    """Each request adds one."""

    def work(session: Any) -> None:
        session["count"] += 1
        session.save()

    for _ in range(turns):
        visit(options, session_id, work)


def counted_by_hand(options: dict[str, Any], session_id: str, _name: str, turns: int) -> None:
    """Each turn locks the session, loads it, adds one and unlocks it."""
    for _ in range(turns):
        session: Any = Session({}, id=session_id, use_cookies=False, **options)
        session.lock()
        session.load()
        session["count"] += 1
        session.save()
        session.unlock()


def used_until_it_ends(options: dict[str, Any], session_id: str, name: str, turns: int) -> None:
    """Reads and saves, whether or not somebody ends the session meanwhile."""
    for turn in range(turns):
        session: Any = Session({}, id=session_id, use_cookies=False, **options)
        if session.is_new:
            return
        if turn % 3 == 0:
            session[name] = turn
            session.save()
        elif turn % 3 == 1:
            session["nested"].append(turn)
            session.save(accessed_only=True)
        else:
            session.save(accessed_only=True)


def main() -> None:
    """Runs the threads."""
    warnings.simplefilter("ignore")
    task, options, session_id, process, threads, turns = json.loads(sys.argv[1])
    failures: list[BaseException] = []
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        start.wait()
        try:
            globals()[task](options, session_id, f"{process}-{number}", turns)
        except BaseException as error:  # reported to the parent
            failures.append(error)

    every = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in every:
        thread.start()
    for thread in every:
        thread.join()
    if failures:
        raise failures[0]


if __name__ == "__main__":
    main()
