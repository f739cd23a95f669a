"""Processes that exit while a daemon thread is in the middle of a request or of making a value.

Before Python 3.14 the interpreter ends such a thread by unwinding its stack once it wants to go on.
The process aborts if a frame of Rust is on that stack.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import sys
import threading
import time

from beaker.cache import CacheManager, cache_region, cache_regions
from beaker.middleware import SessionMiddleware

waits, ends = threading.Event(), threading.Event()


def wait():
    waits.set()
    time.sleep(0.2)
    # The exit began meanwhile, so that this thread ends here.
    while ends.is_set():
        time.sleep(0.01)


class Last:
    '''Lets the thread go on once the interpreter is being finalized.'''

    def __del__(self, sleep=time.sleep):
        sleep(0.5)


sys.last = Last()


def start_response(status, headers, exc_info=None):
    if "start_response" in sys.argv:
        wait()


def application(environ, start_response):
    session = environ["beaker.session"]
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    if "application" in sys.argv:
        wait()
    start_response("200 OK", [])
    return body(environ)


def body(environ):
    yield b"begins"
    if "body" in sys.argv:
        wait()


def visit():
    middleware = SessionMiddleware(application, {"session.concurrency": "lock"})
    for part in middleware({"REQUEST_METHOD": "GET"}, start_response):
        pass


cache_regions["brief"] = {"type": "memory", "expire": 60}


@cache_region("brief")
def of_region(number):
    wait()


@CacheManager(type="memory").cache("name")
def of_manager(number):
    wait()


work = {"region": lambda: of_region(1), "manager": lambda: of_manager(number=1)}.get(sys.argv[1], visit)
threading.Thread(target=work, daemon=True).start()
assert waits.wait(10)
ends.set()
print("exits")
"""


@pytest.mark.parametrize("place", ["application", "start_response", "body", "region", "manager"])
def test_a_process_exits_in_order_while_a_daemon_thread_waits_in_the_program(place: str) -> None:
    """In its application, in the server, in a body that is made as it is sent, and in a cached function."""
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM), place]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "exits\n", "")
