"""Many processes with many threads that use one session: what is lost, and what comes back.

`BEAKER_LOAD=8x4x1000` in the environment makes it eight processes of four threads with a thousand requests
each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.container import MemoryNamespaceManager
from beaker.session import Session
from tests.faults.concurrency import visitor
from tests.support.dict_namespace import namespace_class
from tests.support.environment import ROOT
from tests.support.sessions import ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROCESSES, THREADS, TURNS = map(int, os.environ.get("BEAKER_LOAD", "3x3x15").split("x"))
PATIENCE = 30 + TURNS

Kind = dict[str, Any]


@pytest.fixture(params=["memory", "python", "file", "dbm", "sqlite"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    """Each store: two of one process, and three that processes share, one of each kind written in Python."""
    MemoryNamespaceManager.namespaces.clear()
    if request.param == "memory":
        yield {"type": "memory"}
    elif request.param == "python":
        yield {"namespace_class": namespace_class()}
    else:
        yield {"type": request.param, "data_dir": str(tmp_path)}
    MemoryNamespaceManager.namespaces.clear()


def opened(options: Kind, **more: Any) -> Any:
    return Session({}, id=ID, use_cookies=False, **{**options, **more})


def begin(options: Kind, **values: Any) -> None:
    session = opened(options)
    session.update(values)
    session.save()


def is_shared(options: Kind) -> bool:
    return "data_dir" in options


def started(task: str, options: Kind, turns: int = TURNS, **of_others: Any) -> Callable[[], None]:
    """Starts processes with threads that do a task; threads alone where processes share nothing.

    Every other one has more options, if there are more. Calling what is returned waits for them.
    """

    def options_of(number: int) -> Kind:
        return {**options, **of_others} if number % 2 else options

    if not is_shared(options):
        failures: list[BaseException] = []

        def run(number: int) -> None:
            try:
                getattr(visitor, task)(options_of(number), ID, str(number), turns)
            except BaseException as error:  # raised below
                failures.append(error)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(PROCESSES * THREADS)]
        for thread in threads:
            thread.start()

        def join() -> None:
            for thread in threads:
                thread.join()
            if failures:
                raise failures[0]

        return join
    root = str(ROOT)
    arguments = [[task, options_of(process), ID, process, THREADS, turns] for process in range(PROCESSES)]
    command = [sys.executable, "-m", "tests.faults.concurrency.visitor"]
    running = [
        subprocess.Popen([*command, json.dumps(argument)], cwd=root, stderr=subprocess.PIPE, text=True)
        for argument in arguments
    ]

    def wait() -> None:
        for process in running:
            _, complaints = process.communicate(timeout=PROCESSES * THREADS * PATIENCE)
            assert process.returncode == 0, complaints

    return wait


def total(options: Kind) -> int:
    return PROCESSES * THREADS * TURNS


def test_of_the_distinct_keys_that_many_set_none_is_lost(kind: Kind) -> None:
    begin(kind)
    started("distinct_keys", kind)()
    keys = [key for key in opened(kind) if "-" in key or key[:1].isdigit()]
    assert len(keys) == total(kind)


def test_processes_with_two_record_formats_lose_no_key(kind: Kind) -> None:
    begin(kind)
    started("distinct_keys", kind, record_format=2)()
    session = opened(kind)
    keys = [key for key in session if "-" in key or key[:1].isdigit()]
    assert len(keys) == total(kind)
    # The record keeps its format, whichever process wrote last.
    assert session._encrypt_data().startswith("r2.p.")


def test_with_locks_a_counter_is_exact(kind: Kind) -> None:
    begin(kind, count=0)
    started("counted", {**kind, "concurrency": "lock", "lock_timeout": PATIENCE})()
    assert opened(kind)["count"] == total(kind)


def test_a_counter_that_is_locked_by_hand_is_exact(kind: Kind) -> None:
    begin(kind, count=0)
    started("counted_by_hand", {**kind, "lock_timeout": PATIENCE})()
    assert opened(kind)["count"] == total(kind)


def _delete(options: Kind) -> list[str]:
    opened(options).delete()
    return []


def _invalidate(options: Kind) -> list[str]:
    opened(options).invalidate()
    return []


def _rotate(options: Kind) -> list[str]:
    session = opened(options)
    session.regenerate_id()
    session.save()
    return [session.id]


def _expire(options: Kind) -> list[str]:
    # Somebody may use it between the moment that it is judged by and the look at it; then it is not over yet.
    while not opened(options, timeout=0).was_invalidated:
        pass
    return []


def is_in_use(options: Kind) -> bool:
    """Whether somebody has set a key beside the two that the session began with."""
    return any(key[:1].isdigit() for key in opened(options))


@pytest.mark.filterwarnings("ignore::beaker.exceptions.BeakerWarning")
@pytest.mark.parametrize("end", [_delete, _invalidate, _rotate, _expire])
def test_a_session_that_ends_while_many_use_it_does_not_come_back(
    kind: Kind, end: Callable[[Kind], list[str]]
) -> None:
    for _ in range(2 if is_shared(kind) else 4):
        begin(kind, nested=[], name="Ada")
        wait = started("used_until_it_ends", kind, turns=100_000)
        deadline = time.monotonic() + 60
        while not is_in_use(kind):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        new = end(kind)
        wait()
        assert opened(kind).is_new
        for session_id in new:
            rotated: Any = Session({}, id=session_id, use_cookies=False, **kind)
            assert rotated["name"] == "Ada"
            rotated.delete()
