"""A forked process has the content of its parent's sessions, and none of their locks."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import redis

from beaker.container import MemoryNamespaceManager
from beaker.exceptions import LockError
from beaker.session import Session, SessionObject
from beaker.testing._processes import in_process
from tests.support.dict_namespace import namespace_class
from tests.support.redis_server import make_redis_backend
from tests.support.sessions import ID, LOCK, Backend, is_free, opened, stored

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PATIENCE = 60


def in_a_child(work: Callable[[], None]) -> None:
    """Runs `work` in a forked process; raises what it raised, or that it did not end in time."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 and later: that there are threads is what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)
        trouble = b""
        try:
            work()
        except BaseException:
            trouble = traceback.format_exc().encode()
        os.write(writing, trouble[-8000:])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        complaints = stream.read().decode()
    status = os.waitpid(child, 0)[1]
    assert not os.WIFSIGNALED(status), f"the child was ended by signal {os.WTERMSIG(status)}"
    assert not complaints, complaints


def is_shared(backend: Backend) -> bool:
    """Whether a child sees the locks of its parent."""
    return backend.folder is not None or backend.name not in {"memory", "python", "swap"}


@pytest.mark.parametrize("by_program", [False, True], ids=["by its request", "by its program"])
def test_a_child_does_not_hold_the_locks_of_its_parent(backend: Backend, by_program: bool) -> None:
    stored(backend, count=1)
    session = opened(backend, ID, lock_timeout=0) if by_program else opened(backend, ID, **LOCK)
    if by_program:
        session.lock()

    def use() -> None:
        if not is_shared(backend):
            # The child has its own copy of everything.
            session.lock()
            session["count"] = 2
            session.save()
            session.unlock()
            assert opened(backend, ID)["count"] == 2
            return
        with pytest.raises(LockError):
            session.lock()
        with pytest.raises(LockError):
            session.unlock()

    in_a_child(use)
    assert not is_free(backend, ID)
    session["count"] += 5
    session.save()
    session.unlock()
    assert opened(backend, ID)["count"] == 6
    if not by_program:
        with pytest.raises(LockError):
            session.unlock()


# In files the child cannot lock what its parent has.
@pytest.mark.parametrize("backend", ["memory", "python"], indirect=True)
def test_the_end_of_an_inherited_session_lets_no_lock_of_the_child_go(backend: Backend) -> None:
    stored(backend, count=1)
    inherited: list[Any] = [opened(backend, ID, **LOCK)]

    def use() -> None:
        own = opened(backend, ID, lock_timeout=0)
        own.lock()
        inherited.clear()
        gc.collect()
        assert not is_free(backend, ID)
        own.unlock()
        assert is_free(backend, ID)

    in_a_child(use)
    assert not is_free(backend, ID)
    inherited.clear()
    assert is_free(backend, ID)


def test_a_child_does_not_write_the_opened_view_of_its_parent(files: Backend) -> None:
    stored(files, name="Ada")
    session = opened(files, ID)
    session.lock()
    session.namespace["session"] = session._encrypt_data({"name": "Grace"})
    kept: list[Any] = [session]

    def use() -> None:
        kept.clear()
        gc.collect()

    del session
    in_a_child(use)
    assert opened(files, ID)["name"] == "Ada"
    assert not is_free(files, ID)
    kept.pop().unlock()
    assert opened(files, ID)["name"] == "Grace"


def test_a_proxy_that_a_thread_was_opening_is_opened_by_the_child(memory: Backend) -> None:
    stored(memory, name="Ada")
    opening, go_on = threading.Event(), threading.Event()

    class Slow(Session):
        def load(self) -> None:
            if threading.current_thread() is not threading.main_thread():
                opening.set()
                assert go_on.wait(PATIENCE)
            super().load()

    environ = {"HTTP_COOKIE": f"beaker.session.id={ID}"}
    options = {**memory.options, **LOCK, "session_class": Slow}
    proxy: Any = SessionObject(environ, **options)
    thread = threading.Thread(target=proxy.get, args=("name",))
    thread.start()
    assert opening.wait(PATIENCE)

    def use() -> None:
        assert proxy["name"] == "Ada"

    in_a_child(use)
    go_on.set()
    thread.join()
    proxy.persist()


def test_a_killed_process_holds_no_lock_even_if_its_child_lives(files: Backend) -> None:
    stored(files, name="Ada")
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        _kept = opened(files, ID, **LOCK)
        child = os.fork()
        if child != 0:
            os.write(writing, f"{child}\n".encode())
        signal.alarm(PATIENCE)
        while True:
            signal.pause()
    with os.fdopen(reading) as stream:
        child = int(stream.readline())
    os.close(writing)
    try:
        assert not is_free(files, ID)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        deadline = time.monotonic() + PATIENCE
        while not is_free(files, ID):
            assert time.monotonic() < deadline, "the child that lives on has the lock"
    finally:
        os.kill(child, signal.SIGKILL)


def fork_during_locks(name: str) -> None:
    """Each thread takes and gives back locks in a loop, so that a fork finds them anywhere."""
    options = {"type": "memory"} if name == "memory" else {"namespace_class": namespace_class()}
    backend = Backend(name, options)
    stored(backend, count=0)
    stop = threading.Event()
    failures: list[BaseException] = []

    def load() -> None:
        try:
            while not stop.is_set():
                session = opened(backend, ID, concurrency="lock")
                session["count"] += 1
                session.save()
                session.unlock()
                # Some namespaces are kept in Python, behind a lock of that.
                MemoryNamespaceManager("other")["key"] = 1
        except BaseException as error:
            failures.append(error)

    def use() -> None:
        session = opened(backend, ID, concurrency="lock", lock_timeout=PATIENCE)
        session["count"] = -1
        session.save()
        session.unlock()
        MemoryNamespaceManager("other")["key"] = 2
        assert opened(backend, ID)["count"] == -1

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            in_a_child(use)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize("name", ["memory", "python"])
def test_a_fork_during_a_lock_does_not_hang_the_child(name: str) -> None:
    # A new interpreter is small, and so are its forks.
    in_process("spawn", fork_during_locks, name)


def test_a_child_opens_connections_of_its_own() -> None:
    backend = make_redis_backend()
    stored(backend, name="Ada")
    assert opened(backend, ID)["name"] == "Ada"
    with redis.Redis.from_url(backend.options["url"]) as client:

        def connections() -> set[str]:
            return {found["id"] for found in client.client_list()} - {str(client.client_id())}

        parents = connections()
        assert parents

        def use() -> None:
            for turn in range(5):
                stored(backend, turn=turn)
                assert opened(backend, ID)["turn"] == turn
            assert parents < connections()

        in_a_child(use)
        assert opened(backend, ID)["turn"] == 4
