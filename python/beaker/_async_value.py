"""Cached values that coroutines make."""

import asyncio
import os
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from beaker._renewal import MOST
from beaker._value import ABSENT, Value, release

__all__ = ["get_value"]

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05

_turns: "weakref.WeakValueDictionary[Any, asyncio.Lock]" = weakref.WeakValueDictionary()
"""Between the tasks of one event loop, which the creation lock of their thread does not keep apart."""

_renewals: "dict[Any, asyncio.Task[None]]" = {}
"""The tasks that renew values while the old ones are served."""

Create = Callable[[], Awaitable[Any]]


async def get_value(value: Value, create: Create) -> Any:
    """The fresh value, made by ``create`` if need be.

    While one task makes a new value, the others get the stale one, or wait if there is none. If making it
    fails or is cancelled, the next one tries. Other event loops, threads and processes are kept out by the
    creation lock, as far as the backend's reaches.
    """
    found, is_settled = value._begin(lambda found: _renew_in_task(value, create, found))
    return found if is_settled else await _make(value, create, found, wait=found is ABSENT)


async def _make(value: Value, create: Create, found: Any, wait: bool) -> Any:
    turn = _turns.setdefault(_place(value), asyncio.Lock())
    had_turn = not turn.locked()
    if not had_turn and not wait:
        value._note_lock(found, wait, taken=False)
        return found
    async with turn:
        lock = value.namespace.get_creation_lock(value.key)
        taken = lock.acquire(wait=False)
        value._note_lock(found, wait, taken=taken and had_turn)
        if not taken:
            if not wait:
                return found
            await _acquire(lock)
        try:
            # Another caller may have made it meanwhile.
            found, is_settled = value._look_again()
            if is_settled:
                return found
            with value._making(found) as making:
                making.made = await create()
            return making.made
        finally:
            release(lock)


async def _acquire(lock: Any) -> None:
    pause = _FIRST_PAUSE
    while not lock.acquire(wait=False):
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _place(value: Value) -> Any:
    return id(asyncio.get_running_loop()), value.namespace.namespace, value.key


async def _renew(value: Any, create: Create, found: Any) -> None:
    with value._reporting():
        await _make(value, create, found, wait=True)


def _renew_in_task(value: Value, create: Create, found: Any) -> None:
    place = _place(value)
    if len(_renewals) >= MOST or place in _renewals:
        # A loop that was closed leaves its tasks as they are.
        for other, task in list(_renewals.items()):
            if task.get_loop().is_closed():
                _renewals.pop(other, None)
        if len(_renewals) >= MOST or place in _renewals:
            return

    task = asyncio.get_running_loop().create_task(_renew(value, create, found))
    _renewals[place] = task
    task.add_done_callback(lambda _: _renewals.pop(place, None))


if hasattr(os, "register_at_fork"):
    # The tasks are the parent's.
    os.register_at_fork(after_in_child=_renewals.clear)
