"""A Redis that is down when a program starts, and holders of locks that are stopped or killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session
from tests.support.counted_visits import PATIENCE, Visitor, counting
from tests.support.environment import ROOT, skipped_where_impossible
from tests.support.redis_server import RedisServer, new_url
from tests.support.sessions import ID

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of its own, which keeps on its disk what it has acknowledged."""
    with skipped_where_impossible():
        server = RedisServer()
    yield server
    server.stop()


def test_a_server_that_is_down_when_the_program_starts_is_found_later(server: RedisServer) -> None:
    server.kill()
    visitor = Visitor(counting(server.url()), threading.Event())
    visitor.visit()
    assert (visitor.failed, visitor.cookie) == (1, None)
    server.start()
    visitor.visit()
    assert (visitor.failed, visitor.count) == (1, 1)


HOLDER = """
import json, sys
from beaker.session import Session
session = Session({}, id=sys.argv[1], use_cookies=False, **json.loads(sys.argv[2]))
session.lock()
session.load()
print("locked", flush=True)
sys.stdin.readline()
session["holder"] = True
session.save()
session.unlock()
"""


def test_a_holder_that_is_stopped_for_longer_than_its_lease_overwrites_nothing() -> None:
    options = {"type": "ext:redis", "url": new_url(), "lock_timeout": PATIENCE}
    session: Any = Session({}, id=ID, use_cookies=False, **options)
    session["name"] = "Ada"
    session.save()
    command = [sys.executable, "-c", HOLDER, ID, json.dumps(options)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        holder.send_signal(signal.SIGSTOP)
        session.lock()
        session.load()
        session["name"] = "Grace"
        session.save()
        session.unlock()
        holder.send_signal(signal.SIGCONT)
        holder.communicate("go on\n", timeout=PATIENCE)
        assert holder.returncode == 0
    session.load()
    assert (session["name"], session["holder"]) == ("Grace", True)


def test_a_killed_holder_leaves_its_lock_for_no_longer_than_its_lease() -> None:
    options = {"type": "ext:redis", "url": new_url(), "lock_timeout": PATIENCE}
    command = [sys.executable, "-c", HOLDER, ID, json.dumps(options)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        holder.kill()
    session: Any = Session({}, id=ID, use_cookies=False, **options)
    session.lock()
    session.unlock()
