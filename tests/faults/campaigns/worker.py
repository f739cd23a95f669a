"""A process that has everything loaded and forks others, one for each case, while strace looks on.

It runs where the original is installed and pytest is not. What a case comes to is told by memory that the
processes share: a system call for it could be the one that is made to fail.
"""

from __future__ import annotations

import ctypes
import gc
import json
import mmap
import os
import shutil
import signal
import traceback
import warnings
from typing import TYPE_CHECKING, Any

from tests.faults.campaigns import one_visit, workload

if TYPE_CHECKING:
    from tests.faults.campaigns.one_visit import Case

ROOM = 65536
LONGEST = 60
"""In seconds. What takes longer hangs."""

GO = signal.SIGUSR1

_PR_SET_PDEATHSIG = 1
_PR_SET_PTRACER = 0x59616D61
_running: dict[str, Any] = {}
_rehearsed: set[str] = set()


def prepare(cases: list[Case]) -> list[Case]:
    """Fills the folders of the cases. Cases that begin alike are filled by copying."""
    warnings.simplefilter("always")
    made: dict[str, Case] = {}
    ready = []
    for case in cases:
        alike = json.dumps([case["operation"] == "sweep", case.get("empty")])
        if alike not in made:
            made[alike] = one_visit.prepare({**_plain(case), "folder": f"{case['folder']}-as-it-was"})
        template = made[alike]
        # Everything that a case will need is loaded before it is forked.
        rehearsal = json.dumps([case["operation"], case.get("options")])
        if rehearsal not in _rehearsed:
            _rehearsed.add(rehearsal)
            folder = f"{case['folder']}-rehearsed"
            shutil.copytree(template["folder"], folder)
            played = {**_plain(case), **_cookies(template), "folder": folder}
            _play({**played, "limit": None})
            one_visit.judge(played)
            shutil.rmtree(folder)
        shutil.copytree(template["folder"], case["folder"])
        ready.append({**case, **_cookies(template)})
    for template in made.values():
        shutil.rmtree(template["folder"])
    return ready


def _plain(case: Case) -> Case:
    """The same, waiting for no disk, so that this process does not know which folders' names are there."""
    return {**case, "options": {**case.get("options", {}), "durability": "beaker"}}


def _cookies(case: Case) -> Case:
    return {name: case[name] for name in ("cookie", "bystander", "old", "accessed") if name in case}


def begin(cases: list[Case]) -> int:
    """Forks a process that waits; `finish` has it fork one for each case. Returns its id."""
    gc.collect()
    memory = mmap.mmap(-1, ROOM * len(cases))
    reads, writes = os.pipe()
    # It waits for a signal, since a call on a file could be the one that strace is to make fail.
    signal.pthread_sigmask(signal.SIG_BLOCK, [GO])
    launcher = os.fork()
    if launcher == 0:
        try:
            end_with_parent()
            # Where only parents may look into their children, strace is no parent of this one.
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, -1, 0, 0, 0)
            os.write(writes, b"x")
            os.close(writes)
            os.close(reads)
            signal.sigwait([GO])
            _launch(cases, memory)
        finally:
            os._exit(0)
    os.close(writes)
    os.read(reads, 1)
    os.close(reads)
    _running.update(cases=cases, memory=memory, launcher=launcher)
    return launcher


def end_with_parent() -> None:
    """Has the kernel kill this process when the one that forked it is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _launch(cases: list[Case], memory: mmap.mmap) -> None:
    gc.disable()
    for number, case in enumerate(cases):
        child = os.fork()
        if child == 0:
            signal.alarm(LONGEST)
            try:
                told = _play(case)
            except BaseException:
                told = {"trouble": traceback.format_exc()[-2000:]}
            _tell(memory, number, told)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        _tell_end(memory, number, child, status)


def _play(case: Case) -> dict[str, Any]:
    if case["operation"] == "workload":
        return workload.play(case)
    limit = case.get("limit")
    if limit is None:
        return one_visit.play(case)
    preloaded = ctypes.CDLL(None)
    begin_limit = preloaded.short_writes_begin
    begin_limit.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_int]
    begin_limit(limit["at_once"], limit["in_all"], limit["error"])
    told = one_visit.play(case)
    return {**told, "shortened": preloaded.short_writes_count()}


def _tell(memory: mmap.mmap, number: int, told: dict[str, Any]) -> None:
    text = json.dumps(told).encode()
    start = number * ROOM + 64
    memory[start : start + len(text)] = text


def _tell_end(memory: mmap.mmap, number: int, child: int, status: int) -> None:
    end = b"%d %d" % (child, status)
    memory[number * ROOM : number * ROOM + len(end)] = end


def finish() -> list[dict[str, Any]]:
    """Lets the cases be played, and returns what each came to, its process and how that ended."""
    memory = _running["memory"]
    os.kill(_running["launcher"], GO)
    os.waitpid(_running["launcher"], 0)
    results = []
    for number in range(len(_running["cases"])):
        slot = memory[number * ROOM : (number + 1) * ROOM]
        process, status = map(int, slot[:64].rstrip(b"\0").split())
        text = slot[64:].rstrip(b"\0")
        told = json.loads(text) if text else None
        results.append({"process": process, "signal": os.WTERMSIG(status) if status else 0, "told": told})
    memory.close()
    return results


def judge(cases: list[Case]) -> list[dict[str, Any]]:
    """The verdict on each case, whose folder is then removed."""
    verdicts = []
    for case in cases:
        verdicts.append(one_visit.judge(_plain(case)))
        shutil.rmtree(case["folder"])
    return verdicts
