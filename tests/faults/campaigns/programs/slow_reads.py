"""Requests that load a session before it ends and save it afterwards."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.faults.campaigns.programs.program import begun, main, opened

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 60
START = 1_700_000_000.0


class _Clock:
    now = START

    def __call__(self) -> float:
        return self.now


def _log_out(session: Any) -> None:
    session.delete()


def _invalidate(session: Any) -> None:
    session.invalidate()


def _rotate(session: Any) -> None:
    session.regenerate_id()
    session.save()


def _find_expired(_session: Any) -> None:
    """The request that opened the session has found this already."""


def _change(session: Any) -> None:
    session["name"] = "Grace"
    session.save()


def _change_in_place(session: Any) -> None:
    session["list"].append(1)
    session.save(accessed_only=True)


def _touch(session: Any) -> None:
    session.save(accessed_only=True)


def _save_under_a_new_id(session: Any) -> None:
    session.regenerate_id()
    session["name"] = "Grace"
    session.save()


Step: TypeAlias = "Callable[[Any], None]"
ENDS: tuple[Step, ...] = (_log_out, _invalidate, _rotate, _find_expired)
FINISHES: tuple[Step, ...] = (_change, _change_in_place, _touch, _save_under_a_new_id)
# A request that renews the session before anybody finds it expired, or gives it a new id before anybody
# ends it, has every right to. So these are not among what is done at once.
RACED_ENDS, RACED_FINISHES = ENDS[:3], FINISHES[:3]


class _Try:
    """One session with an end and a request that is too late."""

    def __init__(
        self, options: dict[str, Any], clock: _Clock, session_id: str, steps: tuple[Step, Step]
    ) -> None:
        self.options, self.clock = {**options, "timeout": TIMEOUT}, clock
        self.id = session_id
        self.end, self.finish = steps
        begun(self.options, self.id, name="Ada", list=[0])
        self.slow = opened(self.options, self.id)
        assert self.slow["list"] == [0]
        self.ender: Any = None

    def do_end(self) -> None:
        if self.end is _find_expired:
            self.clock.now += TIMEOUT + 1
        self.ender = opened(self.options, self.id)
        self.end(self.ender)

    def do_both(self) -> None:
        """Ends it while the other request saves."""
        start = threading.Barrier(2)

        def finish() -> None:
            start.wait()
            self.finish(self.slow)

        late = threading.Thread(target=finish)
        late.start()
        start.wait()
        self.do_end()
        late.join()

    def what(self) -> str:
        words = f"{self.finish.__name__[1:]} after {self.end.__name__[1:]}"
        return words.replace("_", " ")

    def is_back(self) -> bool:
        """Whether anything of the session is there under an id that it must not have."""
        ids = {self.id, self.slow.id} - ({self.ender.id} if self.end is _rotate else set())
        return any("name" in opened(self.options, session_id) for session_id in ids)

    def is_lost(self) -> bool:
        """Whether a session that got a new id is not there under that."""
        return self.end is _rotate and "name" not in opened(self.options, self.ender.id)

    def clean(self) -> None:
        for session_id in {self.id, self.slow.id, self.ender.id}:
            opened(self.options, session_id).delete()


def run(*, options: dict[str, Any], ordered: int, raced: int, seed: int = 1) -> dict[str, Any]:
    """Tries so many in the order that does harm, and so many with both at once. Returns what came back."""
    time.time = clock = _Clock()
    source = random.Random(seed)
    back: dict[str, int] = {}
    lost = 0
    for number in range(ordered + raced):
        ends, finishes = (ENDS, FINISHES) if number < ordered else (RACED_ENDS, RACED_FINISHES)
        steps = ends[number % len(ends)], finishes[number // len(ends) % len(finishes)]
        one = _Try(options, clock, f"{source.getrandbits(128):032x}", steps)
        if number < ordered:
            one.do_end()
            one.finish(one.slow)
        else:
            one.do_both()
        if one.is_back():
            back[one.what()] = back.get(one.what(), 0) + 1
        lost += one.is_lost()
        one.clean()
    return {"tried": ordered + raced, "back": back, "lost": lost}


if __name__ == "__main__":
    main(run)
