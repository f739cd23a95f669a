"""Tables that processes share: nothing is lost between them, with a server that dies, or with a reply."""

from __future__ import annotations

import os
import threading
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import StoreUnavailableError
from tests.faults.campaigns.load import Running, done, ours
from tests.support.databases import QUICK, SERVERS
from tests.support.environment import skipped_where_impossible
from tests.support.proxy import troubled
from tests.support.sessions import ID, Browser, opened, stored
from tests.support.tables import on_server, table_backend
from tests.support.threads import in_thread
from tests.support.watched import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.databases import Server
    from tests.support.tables import TableBackend

PROCESSES, THREADS, TURNS = 8, 4, 4
PATIENCE = 200.0


@pytest.fixture(params=["database", *SERVERS])
def table(request: pytest.FixtureRequest) -> TableBackend:
    """Sessions in a table that processes can find by its address."""
    return table_backend(request, request.param)


@pytest.fixture(params=SERVERS)
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that a test may kill."""
    with skipped_where_impossible(), SERVERS[request.param](*QUICK[request.param]) as server:
        yield server


def together(table: TableBackend, task: str, **more: Any) -> tuple[int, int, list[str]]:
    """The counter in the end, how many changes were lost, and what went wrong."""
    arguments = {"task": task, "options": {**table.options, **more}, "threads": THREADS, "turns": TURNS}
    begun = done(ours(), "counting", PATIENCE, **{**arguments, "name": "begin", "threads": 0, "begin": True})
    running = [Running(ours(), "counting", {**arguments, "name": str(n)}) for n in range(PROCESSES)]
    results = [begun, *(one.result(PATIENCE) for one in running)]
    failures = [failure for one in results for failure in one.get("failures", ())]
    lost = sum(one.get("lost", 0) for one in results)
    return opened(table, ID).get("count"), lost, failures


def test_threads_of_processes_that_lock_lose_no_increment(table: TableBackend) -> None:
    count, _, failures = together(table, "counting", concurrency="lock", lock_timeout=PATIENCE)
    assert (count, failures) == (PROCESSES * THREADS * TURNS, [])


def test_threads_of_processes_that_merge_lose_no_key(table: TableBackend) -> None:
    _, lost, failures = together(table, "setting")
    assert (lost, failures) == (0, [])


def test_a_fork_keeps_no_connection_and_leaves_its_parents_alone(table: TableBackend) -> None:
    stored(table, visits=0)
    for _ in range(3):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                session = opened(table, ID)
                session["visits"] += 1
                session.save()
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        # The parent's connections are those from before the fork.
        assert opened(table, ID)["visits"] > 0
    assert opened(table, ID)["visits"] == 3


def test_connections_from_before_a_restart_are_replaced(own_server: Server) -> None:
    table = on_server("server", own_server)
    stored(table, visits=0)
    begun = [opened(table, ID) for _ in range(2)]
    own_server.kill()
    own_server.start()
    # The first statement over a broken connection is a read here, and a change below.
    assert opened(table, ID)["visits"] == 0
    own_server.kill()
    own_server.start()
    for number, session in enumerate(begun):
        session[f"key {number}"] = True
        session.save()
    session = opened(table, ID)
    assert [session["key 0"], session["key 1"]] == [True, True]


def test_a_server_that_is_down_is_an_error_and_its_sessions_are_found_later(own_server: Server) -> None:
    table = on_server("server", own_server)
    stored(table, name="Ada")
    browser = Browser(table.options)
    browser.put(name="Grace")
    own_server.kill()
    for work in (dict, lambda session: session.save()):
        with pytest.raises(StoreUnavailableError) as caught:
            browser.visit(work)
        assert isinstance(caught.value, OSError)
        assert browser.value not in "".join(traceback.format_exception(caught.value))
    own_server.start()
    assert browser.read() == {"name": "Grace"}


def test_an_error_shows_no_password_and_no_session() -> None:
    url = f"postgresql+psycopg://ada:secret-word@127.0.0.1:{free_port()}/shop"
    options = {"type": "ext:database", "url": url}
    with pytest.raises(StoreUnavailableError) as caught:
        Browser(options).put(name="Ada")
    assert "secret-word" not in "".join(traceback.format_exception(caught.value))


# Replies that get lost.


def test_a_change_whose_reply_is_lost_is_made_once(own_server: Server) -> None:
    direct = on_server("server", own_server)
    stored(direct, visits=0)
    with troubled(direct.options["url"]) as (url, trouble):
        table = direct.with_options(url=url)
        session = opened(table, ID)
        session["visits"] += 1
        trouble.cut = lambda _reply: 0
        tried = threading.Event()

        def find_it() -> None:
            while opened(direct, ID)["visits"] == 0 and not tried.is_set():
                time.sleep(0.01)
            trouble.cut = lambda _reply: None

        finding = threading.Thread(target=find_it)
        finding.start()
        # The reply to the load that would find the change may be lost, too.
        with suppress(StoreUnavailableError):
            session.save()
        tried.set()
        finding.join()
        if opened(direct, ID)["visits"] == 0:
            # On a slow machine, the reply to the check of an idle connection was lost.
            session.save()
        assert opened(table, ID)["visits"] == 1
        in_thread(lambda: stored(table, name="Ada"))
        assert opened(direct, ID)["name"] == "Ada"
