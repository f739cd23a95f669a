"""Runs work in other threads."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

LIMIT: Final = 120
"""Seconds. No work of the tests takes so long unless it hangs."""


def in_threads(*works: Callable[[], Any]) -> list[Any]:
    """The result of each of ``works``, which begin together, each in its own thread.

    Raises an exception of the works, if there is one, when all have ended.
    """
    start = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)
    errors: list[BaseException] = []

    def run(number: int, work: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[number] = work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]
    return results


def in_thread(work: Callable[[], Any]) -> Any:
    """The result of ``work`` in another thread, which has ended. Raises its exception."""
    return in_threads(work)[0]


def together(work: Callable[[int], Any], threads: int) -> list[Any]:
    """The result of ``work`` in each of some threads that begin together. It takes its number."""
    return in_threads(*(partial(work, number) for number in range(threads)))
