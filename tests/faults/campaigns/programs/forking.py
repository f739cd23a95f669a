"""A process whose threads use sessions while it is forked, and whose children use them too."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from typing import Any

from tests.faults.campaigns.programs.program import OURS, begun, main, opened

STEADY, COUNTED, HELD = (f"{number:032x}" for number in (1, 2, 3))
MOST_HANGS = 10


def _increment(options: dict[str, Any], patience: int) -> None:
    session = opened(options, COUNTED, **({"lock_timeout": patience} if OURS else {}))
    if OURS:
        # What Beaker has locked it cannot load.
        session.lock()
        session.load()
    session["count"] += 1
    session.save()
    if OURS:
        session.unlock()


def _come_and_go(options: dict[str, Any], session_id: str) -> None:
    """A session that begins, gets another id and ends."""
    session = opened(options, session_id)
    session["mine"] = session_id
    session.save()
    if OURS:
        session.lock()
        session.unlock()
    session.regenerate_id()
    session.save()
    again = opened(options, session.id)
    assert again["mine"] == session_id
    if OURS:
        # Beaker leaves the session under the old id too.
        assert "mine" not in opened(options, session_id)
    again.delete()


def _sweep(folder: str) -> None:
    if OURS:
        from beaker import _core

        _core.sweep_files(f"{folder}/container_file", f"{folder}/container_file_lock", 3600.0, every=True)


def _is_locked(options: dict[str, Any]) -> bool:
    from beaker.exceptions import LockError

    session = opened(options, HELD, lock_timeout=0)
    try:
        session.lock()
    except LockError:
        return True
    session.unlock()
    return False


def _child(places: list[dict[str, Any]], number: int, patience: int, inherited: list[Any]) -> None:
    for options in places:
        assert opened(options, STEADY)["name"] == "Ada"
        _come_and_go(options, f"{100 + number:032x}")
        _increment(options, patience)
        if OURS:
            # What the parent holds is not the child's; of what is in memory the child has a copy of its own.
            assert _is_locked(options) == (options["type"] == "file")
    inherited.clear()
    for options in places:
        if OURS:
            assert _is_locked(options) == (options["type"] == "file")
    _sweep(places[-1]["data_dir"])


def _ended(child: int, patience: int) -> int | None:
    """The status of a child, or `None` if it had to be killed."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class _Load:
    """Threads that use every place until they are stopped."""

    def __init__(self, places: list[dict[str, Any]], patience: int) -> None:
        self.places, self.patience = places, patience
        self.increments: Counter[int] = Counter()
        self.failures: list[str] = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(4)]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int) -> None:
        try:
            while not self.stop.is_set():
                for place, options in enumerate(self.places):
                    assert opened(options, STEADY)["name"] == "Ada"
                    _come_and_go(options, f"{10 + number:032x}")
                    _increment(options, self.patience)
                    self.increments[place * 10 + number] += 1
                if number == 0:
                    _sweep(self.places[-1]["data_dir"])
        except Exception as error:
            traceback.print_exc()
            self.failures.append(repr(error))

    def end(self) -> bool:
        """Whether all of them ended."""
        self.stop.set()
        for thread in self.threads:
            thread.join(self.patience)
        return not any(thread.is_alive() for thread in self.threads)


def run(*, folder: str, forks: int, deadline: int) -> dict[str, Any]:
    """Forks that often. Returns what hung, failed or was lost."""
    places: list[dict[str, Any]] = [{"type": "memory"}, {"type": "file", "data_dir": folder}]
    for options in places:
        begun(options, STEADY, name="Ada")
        begun(options, COUNTED, count=0)
        begun(options, HELD, name="Grace")
    held = [opened(options, HELD) for options in places]
    for session in held if OURS else ():
        session.lock()
    warnings.simplefilter("ignore")
    load = _Load(places, deadline)
    done = hangs = failed = 0
    for number in range(forks):
        child = os.fork()
        if child == 0:
            try:
                _child(places, number, deadline, held)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(3)
            os._exit(0)
        status = _ended(child, deadline)
        done += 1
        hangs += status is None
        failed += status not in (None, 0)
        if hangs >= MOST_HANGS:
            break
    ended = load.end()
    broken = list(load.failures)
    if not ended:
        broken.append("a thread of the parent hangs")
    if OURS:
        broken += [
            f"a child let go what its parent holds: {one['type']}" for one in places if not _is_locked(one)
        ]
        for session in held:
            session.unlock()
        broken += [f"what was let go is held: {one['type']}" for one in places if _is_locked(one)]
    by_threads = {place: sum(load.increments[place * 10 + number] for number in range(4)) for place in (0, 1)}
    # The children's own copies of the memory are gone with them.
    expected = [by_threads[0], by_threads[1] + done - hangs - failed]
    lost = [expected[place] - opened(options, COUNTED)["count"] for place, options in enumerate(places)]
    return {
        "forks": done,
        "hangs": hangs,
        "failed": failed,
        "lost": lost,
        "broken": broken,
        "increments": sum(expected),
    }


if __name__ == "__main__":
    main(run)
