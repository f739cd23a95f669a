"""Greenlets of one thread use one session: `python -m tests.servers.workers.greenlets gevent TASK OPTIONS`.

Patching is for the whole process, so that each try has one of its own. It prints one line of JSON. What is
imported is imported after the patching, as in an application that is served by greenlets.
"""

from __future__ import annotations

import contextlib
import json
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "0123456789abcdef0123456789abcdef"
GREENLETS, TURNS = 12, 10


@dataclass
class Library:
    """The functions that gevent and eventlet both have."""

    spawn: Callable[..., Any]
    wait: Callable[[list[Any]], None]
    timer: Callable[[float], Any]
    """Starts a timer, which is the exception that it raises."""

    def together(self, *works: Callable[[], None]) -> None:
        """Runs greenlets to their ends."""
        self.wait([self.spawn(work) for work in works])


def patched(name: str) -> Library:
    """Patches the process."""
    warnings.simplefilter("ignore")
    if name == "gevent":
        import gevent
        from gevent import monkey

        monkey.patch_all()
        return Library(
            gevent.spawn, lambda all_: gevent.joinall(all_, raise_error=True), gevent.Timeout.start_new
        )
    import eventlet

    eventlet.monkey_patch()

    def wait(all_: list[Any]) -> None:
        for greenlet in all_:
            greenlet.wait()

    return Library(eventlet.spawn, wait, eventlet.Timeout)


def remote_namespace_class() -> type:
    """A backend whose reading and writing turns to other greenlets, as that of a remote store does."""
    import time

    from tests.support.dict_namespace import DictNamespace

    class Remote(DictNamespace):
        def __getitem__(self, key: str) -> Any:
            time.sleep(0)
            value = super().__getitem__(key)
            time.sleep(0)
            return value

        def __setitem__(self, key: str, value: Any) -> None:
            time.sleep(0)
            super().__setitem__(key, value)
            time.sleep(0)

    return type("Namespace", (Remote,), {"contents": {}, "calls": []})


class Tasks:
    """The works of greenlets. Each leaves a counter at an expected value."""

    def __init__(self, library: Library, options: dict[str, Any]) -> None:
        self.library, self.options = library, options
        self.counted_out = 0

    def opened(self, **more: Any) -> Any:
        from beaker.session import Session

        return Session({}, id=ID, use_cookies=False, **{**self.options, **more})

    def begin(self) -> None:
        """Stores the session with a counter of zero."""
        session = self.opened()
        session.update(count=0, name="Ada")
        session.save()

    def counted(self) -> None:
        """Requests hold the session, and turn to others while they do."""
        self.library.together(*[self._requests] * GREENLETS)

    def by_hand(self) -> None:
        """The same by a program that locks."""
        self.library.together(*[self._locks] * GREENLETS)

    def beside(self) -> None:
        """The same while others use the session who lock nothing."""
        self.library.together(*[self._locks] * GREENLETS, *[self._unlocked] * 4)

    def _requests(self) -> None:
        import time

        from tests.faults.concurrency.visitor import visit

        def work(session: Any) -> None:
            count = session["count"]
            time.sleep(0.001)
            session["count"] = count + 1
            session.save()

        for _ in range(TURNS):
            visit({**self.options, "concurrency": "lock"}, ID, work)

    def _locks(self) -> None:
        import time

        for _ in range(TURNS):
            session = self.opened()
            session.lock()
            session.load()
            count = session["count"]
            time.sleep(0.001)
            session["count"] = count + 1
            session.save()
            session.unlock()
        self.counted_out += 1

    def _unlocked(self) -> None:
        import time

        turn = 0
        while self.counted_out < GREENLETS:
            session = self.opened()
            assert session["name"] == "Ada"
            session["own"] = turn = turn + 1
            session.save()
            self.opened().save(accessed_only=True)
            time.sleep(0.001)

    def shared(self) -> None:
        """Greenlets of one request use its proxy at once, each of them first, while somebody else has it."""
        import time

        from beaker.session import SessionObject

        options = {**self.options, "concurrency": "lock"}
        proxy: Any = SessionObject({"HTTP_COOKIE": f"beaker.session.id={ID}"}, **options)
        holder = self.opened()
        holder.lock()

        def let_go() -> None:
            time.sleep(0.05)
            holder.unlock()

        def use() -> None:
            assert proxy["name"] == "Ada"

        self.library.together(let_go, *[use] * 5)
        proxy["count"] = GREENLETS * TURNS
        proxy.save()
        proxy.persist()

    def given_up(self) -> None:
        """A greenlet that is stopped in a wait holds nothing, and gets the exception unchanged."""
        from beaker.exceptions import LockError

        holder = self.opened()
        holder.lock()
        stopped = self.library.timer(0.05)
        came_through = False
        try:
            self.opened().lock()
        except type(stopped) as caught:
            came_through = caught is stopped
        finally:
            stopped.cancel()
        with contextlib.suppress(LockError):
            self.opened(lock_timeout=0).lock()
            came_through = False
        holder.unlock()
        session = self.opened(lock_timeout=0)
        session.lock()
        session.load()
        session["count"] = GREENLETS * TURNS if came_through else -1
        session.save()
        session.unlock()

    def slow_sessions(self) -> dict[str, Any]:
        """Four greenlets read sessions at a slow server, while another one counts its turns."""
        return self._slowly(self.opened)

    def slow_values(self) -> dict[str, Any]:
        """The same with values that a program reads."""
        from beaker.ext.redisnm import RedisNamespaceManager

        values = RedisNamespaceManager("values", self.options["url"])
        return self._slowly(lambda: "key" in values)

    def abandoned(self) -> dict[str, Any]:
        """A greenlet is stopped while its change waits for a thread: all are busy with a slow server."""
        import time

        from beaker.ext.redisnm import RedisNamespaceManager

        values = RedisNamespaceManager("values", self.options["url"])

        def change() -> None:
            time.sleep(0.05)
            stopped = self.library.timer(0.1)
            with contextlib.suppress(type(stopped)):
                values["key"] = 1
            stopped.cancel()

        def read() -> None:
            assert "other" not in values

        self.library.together(*[read] * 60, change)
        # If it were begun now, it would be done.
        time.sleep(0.3)
        return {"count": int("key" in values), "expected": 0}

    def _slowly(self, work: Callable[[], object]) -> dict[str, Any]:
        import time

        turns = waiting = 0

        def wait() -> None:
            nonlocal waiting
            waiting += 1
            work()
            waiting -= 1

        def take_turns() -> None:
            nonlocal turns
            time.sleep(0.01)
            while waiting:
                turns += 1
                time.sleep(0.01)

        self.library.together(*[wait] * 4, take_turns)
        return {"turns": turns}


def main() -> None:
    """Does a task of those above; with `joined` it counts in a session that another process began."""
    library, task, given = sys.argv[1:]
    tasks = Tasks(patched(library), json.loads(given))
    if tasks.options.pop("python", False):
        tasks.options["namespace_class"] = remote_namespace_class()
    if task != "joined":
        tasks.begin()
    result = getattr(tasks, "counted" if task == "joined" else task)()
    if result is None:
        result = {"count": tasks.opened()["count"], "expected": GREENLETS * TURNS}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
