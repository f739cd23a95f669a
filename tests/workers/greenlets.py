"""Greenlets of one thread that use one session: `python -m tests.workers.greenlets gevent TASK OPTIONS`.

Patching is for the whole process, so that each try has one of its own. It prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "0123456789abcdef0123456789abcdef"
GREENLETS, TURNS = 12, 10


def patched(library: str) -> tuple[Callable[..., Any], Callable[[list[Any]], None], Any]:
    """Patches the process; how to start a greenlet, how to wait for several, and a timer that is
    an exception."""
    warnings.simplefilter("ignore")
    if library == "gevent":
        import gevent
        from gevent import monkey

        monkey.patch_all()
        return gevent.spawn, lambda all_: gevent.joinall(all_, raise_error=True), gevent.Timeout.start_new
    import eventlet

    eventlet.monkey_patch()

    def wait(all_: list[Any]) -> None:
        for greenlet in all_:
            greenlet.wait()

    return eventlet.spawn, wait, eventlet.Timeout


def main() -> None:
    """Does a task: `counted`, `by_hand`, `beside`, `shared` or `given_up`; or for processes `begin`, `joined`."""
    library, task, given = sys.argv[1:]
    spawn, wait, timeout = patched(library)
    # Only now, as an application that is served by greenlets does.
    import time

    from beaker.exceptions import LockError
    from beaker.session import Session, SessionObject
    from tests.concurrency.worker import visit

    options: dict[str, Any] = json.loads(given)
    if options.pop("python", False):
        options["namespace_class"] = slow_namespace_class()

    def opened(**more: Any) -> Any:
        return Session({}, id=ID, use_cookies=False, **{**options, **more})

    if task != "joined":
        session = opened()
        session.update(count=0, name="Ada")
        session.save()
        del session
    others = [0]

    def counted() -> None:
        def work(session: Any) -> None:
            count = session["count"]
            time.sleep(0.001)
            session["count"] = count + 1
            session.save()

        for _ in range(TURNS):
            visit({**options, "concurrency": "lock"}, ID, work)

    def by_hand() -> None:
        for _ in range(TURNS):
            session = opened()
            session.lock()
            session.load()
            count = session["count"]
            time.sleep(0.001)
            session["count"] = count + 1
            session.save()
            session.unlock()

    def beside() -> None:
        """Counts with a lock by hand, while others who lock nothing use the session."""
        by_hand()
        others[0] += 1

    def unlocked(number: int) -> None:
        turn = 0
        while others[0] < GREENLETS:
            session = opened()
            assert session["name"] == "Ada"
            session[f"own-{number}"] = turn = turn + 1
            session.save()
            opened().save(accessed_only=True)
            time.sleep(0.001)

    def shared() -> None:
        """Greenlets of one request use its proxy at once, each of them first."""
        proxy: Any = SessionObject(
            {"HTTP_COOKIE": f"beaker.session.id={ID}"}, **{**options, "concurrency": "lock"}
        )
        holder = opened()
        holder.lock()

        def let_go() -> None:
            time.sleep(0.05)
            holder.unlock()

        def use() -> None:
            assert proxy["name"] == "Ada"

        wait([spawn(let_go), *(spawn(use) for _ in range(5))])
        proxy["count"] = GREENLETS * TURNS
        proxy.save()
        proxy.persist()

    def given_up() -> None:
        """Who is stopped while waiting holds nothing afterwards, and what stops it comes through as it is."""
        holder = opened()
        holder.lock()
        stopped = timeout(0.05)
        try:
            opened().lock()
        except type(stopped) as caught:
            assert caught is stopped
        finally:
            stopped.cancel()
        try:
            opened(lock_timeout=0).lock()
        except LockError:
            pass
        else:
            raise AssertionError("two have it")
        holder.unlock()
        session = opened(lock_timeout=0)
        session.lock()
        session.load()
        session["count"] = GREENLETS * TURNS
        session.save()
        session.unlock()

    begun = time.monotonic()
    if task == "begin":
        pass
    elif task in ("counted", "joined", "by_hand"):
        wait([spawn(by_hand if task == "by_hand" else counted) for _ in range(GREENLETS)])
    elif task == "beside":
        wait([*(spawn(beside) for _ in range(GREENLETS)), *(spawn(unlocked, number) for number in range(4))])
    else:
        wait([spawn({"shared": shared, "given_up": given_up}[task])])
    result = {"count": opened()["count"], "expected": GREENLETS * TURNS, "seconds": time.monotonic() - begun}
    sys.stdout.write(json.dumps(result) + "\n")


def slow_namespace_class() -> type:
    """A backend whose reading and writing turns to other greenlets, as that of a remote store does."""
    import time

    from tests.session.kit import DictNamespace

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


if __name__ == "__main__":
    main()
