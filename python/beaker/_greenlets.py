"""Calls that block, for programs whose threads are greenlets."""

import time
from collections.abc import Callable
from typing import Any

__all__ = ["in_thread"]


def in_thread(work: Callable[[], object]) -> None:
    """Calls ``work`` in a thread of gevent's or eventlet's pool, while other greenlets of this thread run.

    Without such a pool, or in the greenlet that runs the others and must not wait, it is called here.
    """
    module = getattr(time.sleep, "__module__", None) or ""
    library = module.partition(".")[0]
    run = _RUNNERS.get(library, _run_here)
    run(work)


def _run_here(work: Callable[[], object]) -> None:
    work()


def _run_with_gevent(work: Callable[[], object]) -> None:
    import gevent  # noqa: PLC0415 - the program has imported it

    hub: Any = gevent.get_hub()
    if gevent.getcurrent() is hub:
        work()
    else:
        hub.threadpool.apply(work)


def _run_with_eventlet(work: Callable[[], object]) -> None:
    from eventlet import getcurrent, hubs, tpool  # noqa: PLC0415 - the program has imported it

    if getcurrent() is hubs.get_hub().greenlet:
        work()
    else:
        tpool.execute(work)


_RUNNERS = {"gevent": _run_with_gevent, "eventlet": _run_with_eventlet}
