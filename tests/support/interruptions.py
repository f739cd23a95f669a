"""Interrupts Python code at every step, as the handler of a signal may."""

from __future__ import annotations

import contextlib
import dis
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import beaker
from tests.support.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# Contexts run in the functions of `contextlib`.
OURS = (str(Path(beaker.__file__).parent), str(contextlib.__file__))


class Struck(BaseException):
    """The exception of a handler."""


class Interruption:
    """Runs `act` once, after one of the steps of this package's Python code.

    The interpreter looks for signals after a step: a call, a jump back, the beginning of a function. `also`
    names other files with steps.
    """

    def __init__(self, at: int, act: Callable[[], None], *also: str) -> None:
        self.left, self.act, self.came = at, act, False
        self.files = (*OURS, *also)
        self.last: dict[FrameType, str] = {}

    def _trace(self, frame: FrameType, event: str, _arg: object) -> Any:
        if not frame.f_code.co_filename.startswith(self.files):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode" and not self.came:
            last = self.last.get(frame, "")
            self.last[frame] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if last.startswith(("CALL", "JUMP_BACKWARD", "JUMP_ABSOLUTE", "RESUME")):
                self.left -= 1
            if self.left == 0:
                self.came = True
                self.last.clear()
                self.act()
        return self._trace

    def during(self, work: Callable[[], object]) -> None:
        """Runs `work` with this interruption."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            work()
        finally:
            sys.settrace(before)


def at_every_step(try_once: Callable[[int], bool], stride: int = 1) -> int:
    """Tries with an interruption at each step, until there are no more. Returns the number of steps.

    A thread that is interrupted while it handles an exception goes on handling it, with its frames and their
    open files. So the tries have a thread of their own, which ends.
    """

    def steps() -> int:
        step = 1
        while try_once(step):
            step += stride
        return step

    number: int = in_thread(steps)
    return number


def strike() -> None:
    """Raises :class:`Struck`, as a handler."""
    raise Struck
