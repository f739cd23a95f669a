"""Processes that exit while daemon threads are busy with requests, as those of some servers are."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
import threading
import time

from beaker.cache import CacheManager
from beaker.middleware import SessionMiddleware
from beaker.session import Session

kind, work = sys.argv[1:]
options = {"type": kind, "data_dir": "."}
begun = threading.Semaphore(0)


def start_response(status, headers, exc_info=None):
    time.sleep(0.0001)


def application(environ, start_response):
    session = environ["beaker.session"]
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    time.sleep(0.0001)
    start_response("200 OK", [])
    yield b"begins"
    time.sleep(0.0001)


middleware = SessionMiddleware(application, None, **options, concurrency="lock")
cache = CacheManager(**options).get_cache("name")


def request():
    for part in middleware({"REQUEST_METHOD": "GET"}, start_response):
        pass


def save():
    session = Session({}, use_cookies=False, **options)
    session["name"] = "Ada"
    session.save()


def value():
    cache.get(str(time.time()), createfunc=lambda: time.sleep(0.0001))


def busy():
    while True:
        globals()[work]()
        begun.release()


for _ in range(4):
    threading.Thread(target=busy, daemon=True).start()
for _ in range(20):
    assert begun.acquire(timeout=30)
print("exits")
"""


@pytest.mark.parametrize("work", ["request", "save", "value"])
@pytest.mark.parametrize("kind", ["memory", "file", "dbm"])
def test_a_process_exits_in_order_while_daemon_threads_are_busy(tmp_path: Path, kind: str, work: str) -> None:
    for _ in range(3):
        program = [sys.executable, "-c", PROGRAM, kind, work]
        ended = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "exits\n", "")


LASTING = """
import threading
import time

from beaker.middleware import SessionMiddleware

begun = threading.Event()


def application(environ, start_response):
    begun.set()
    time.sleep(3600)


middleware = SessionMiddleware(application, {})
threading.Thread(target=middleware, args=({}, None), daemon=True).start()
assert begun.wait(30)
"""


def test_a_request_that_lasts_does_not_keep_the_process() -> None:
    program = [sys.executable, "-c", LASTING]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0
    assert ended.stderr == ""
