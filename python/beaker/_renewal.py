"""Threads that renew cached values while the old ones are served."""

import contextlib
import contextvars
import os
import threading
from collections.abc import Callable
from typing import Any

from beaker._registry import ProcessLock

__all__ = ["MOST", "renew_in_thread"]

MOST = 8
"""The values that one process renews at a time. Each has a thread of its own, which ends with it."""

_running: set[Any] = set()
_mutex = ProcessLock()


def renew_in_thread(key: Any, work: Callable[[], object]) -> None:
    """Calls ``work`` in a thread, unless it is done for ``key`` already, or too many threads are at work.

    Then nothing is done, and a later call tries again. The thread has the context variables of the caller.
    """
    with _mutex:
        if key in _running or len(_running) >= MOST:
            return
        _running.add(key)
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(_run, key, work), name="beaker-renewal", daemon=True)
    try:
        thread.start()
    except BaseException as error:
        _end(key)
        # There are too many threads, or the process ends.
        if not isinstance(error, RuntimeError):
            raise


def _run(key: Any, work: Callable[[], object]) -> None:
    try:
        # It ends this thread, and not the process.
        with contextlib.suppress(SystemExit):
            work()
    finally:
        _end(key)


def _end(key: Any) -> None:
    with _mutex:
        _running.discard(key)


if hasattr(os, "register_at_fork"):
    # The threads are the parent's.
    os.register_at_fork(after_in_child=_running.clear)
