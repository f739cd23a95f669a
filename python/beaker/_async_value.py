"""Cached values that coroutines make."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from beaker._value import ABSENT, Value, release

__all__ = ["get_value"]

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05

_turns: "weakref.WeakValueDictionary[Any, asyncio.Lock]" = weakref.WeakValueDictionary()
"""Between the tasks of one event loop, which the creation lock of their thread does not keep apart."""


async def get_value(value: Value, create: Callable[[], Awaitable[Any]]) -> Any:
    """The fresh value, made by ``create`` if need be.

    While one task makes a new value, the others get the stale one, or wait if there is none. If making it
    fails or is cancelled, the next one tries. Other event loops, threads and processes are kept out by the
    creation lock, as far as the backend's reaches.
    """
    found, fresh = value._look()
    if fresh:
        return found
    turn = _turns.setdefault(
        (id(asyncio.get_running_loop()), value.namespace.namespace, value.key), asyncio.Lock()
    )
    if found is not ABSENT and turn.locked():
        return found
    async with turn:
        found, fresh = value._look()
        if fresh:
            return found
        lock = value.namespace.get_creation_lock(value.key)
        if not await _acquire(lock, wait=found is ABSENT):
            return found
        try:
            # Another caller may have made it meanwhile.
            found, fresh = value._look()
            if not fresh:
                found = await create()
                value.set_value(found)
            return found
        finally:
            release(lock)


async def _acquire(lock: Any, wait: bool) -> bool:
    pause = _FIRST_PAUSE
    while not lock.acquire(wait=False):
        if not wait:
            return False
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    return True
