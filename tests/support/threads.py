"""Runs work in other threads."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from beaker.testing._threads import LIMIT, in_thread, in_threads, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beaker.synchronization import SynchronizerImpl

__all__ = [
    "LIMIT",
    "held_elsewhere",
    "in_thread",
    "in_threads",
    "together",
]


@contextmanager
def held_elsewhere(lock: SynchronizerImpl) -> Iterator[None]:
    """Another thread holds the lock for writing."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        lock.acquire_write_lock()
        held.set()
        done.wait(60)
        lock.release_write_lock()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    try:
        yield
    finally:
        done.set()
        thread.join(60)
