"""Signals that come while a session is waited for."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from beaker._locks import Waiting
from beaker.exceptions import LockError
from beaker.session import SessionObject
from tests.support.fixtures import BACKENDS, make_backend
from tests.support.folders import open_files
from tests.support.sessions import ID, is_free, opened, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.sessions import Backend

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")

PATIENCE = 20
"""Seconds. No wait of these tests lasts so long unless it is deaf."""
SOON = 0.1
PROMPT = 2.0


@pytest.fixture(params=[*BACKENDS, "dbm"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> Backend:
    """Each place where sessions are kept."""
    return make_backend(request.param, tmp_path)


@pytest.fixture(params=["file", "dbm"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Each place that locks files."""
    return make_backend(request.param, tmp_path)


class Rung(BaseException):
    """A handler's exception that ends a request, as those of servers do."""


class TooLateError(Exception):
    """A handler's exception that is an ordinary one."""


@contextmanager
def alarm(handler: Callable[..., None], after: float = SOON) -> Iterator[None]:
    """Has a signal come a little later."""
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def raising(error: type[BaseException]) -> Callable[..., None]:
    def handler(*_args: object) -> None:
        raise error

    return handler


@contextmanager
def held(backend: Backend) -> Iterator[None]:
    """Another thread holds the session."""
    ready, over = threading.Event(), threading.Event()

    def hold() -> None:
        session = opened(backend, ID)
        session.lock()
        ready.set()
        over.wait()
        session.unlock()

    holder = threading.Thread(target=hold)
    holder.start()
    ready.wait()
    try:
        yield
    finally:
        over.set()
        holder.join()


def by_hand(backend: Backend, **options: Any) -> None:
    opened(backend, ID, **{"lock_timeout": PATIENCE, **options}).lock()


def by_request(backend: Backend, **options: Any) -> None:
    proxy: Any = SessionObject(
        {"HTTP_COOKIE": f"beaker.session.id={ID}"},
        **{**backend.options, "concurrency": "lock", "lock_timeout": PATIENCE, **options},
    )
    proxy.get("name")


@pytest.fixture(params=[by_hand, by_request])
def wait(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Each way to wait for who holds a session."""
    way: Callable[..., None] = request.param
    return way


@pytest.mark.parametrize("error", [Rung, KeyboardInterrupt, SystemExit, TooLateError, TimeoutError])
def test_an_exception_of_a_handler_ends_a_wait_and_leaves_no_lock(
    backend: Backend, wait: Callable[..., None], error: type[BaseException]
) -> None:
    stored(backend, name="Ada")
    with held(backend):
        before = open_files()
        since = time.monotonic()
        with alarm(raising(error)), pytest.raises(error) as kept:
            wait(backend)
        assert time.monotonic() - since < PROMPT
        # A database that nobody uses any more may be closed meanwhile.
        assert open_files() <= before
    assert is_free(backend, ID)
    assert kept.value.__traceback__ is not None


def test_a_handlers_exception_between_sleeps_is_not_the_backends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = make_backend("dbm", tmp_path)
    stored(backend, name="Ada")

    def interrupted(_waiting: object, _most: float = 0) -> float:
        signal.raise_signal(signal.SIGALRM)
        return 0

    with held(backend), alarm(raising(TimeoutError), after=PATIENCE):
        monkeypatch.setattr(Waiting, "step", interrupted)
        with pytest.raises(TimeoutError):
            by_request(backend)
    assert is_free(backend, ID)


def test_a_handler_runs_while_a_session_is_waited_for(backend: Backend, wait: Callable[..., None]) -> None:
    stored(backend, name="Ada")
    ran: list[float] = []
    since = time.monotonic()

    def handler(*_args: object) -> None:
        ran.append(time.monotonic() - since)

    with held(backend), alarm(handler), pytest.raises(LockError):
        wait(backend, lock_timeout=1)
    assert ran[0] < 0.9
    assert is_free(backend, ID)


def test_a_handler_may_use_the_session_that_is_waited_for(
    backend: Backend, wait: Callable[..., None]
) -> None:
    stored(backend, name="Ada")
    seen: list[Any] = []

    def handler(*_args: object) -> None:
        with pytest.raises(LockError):
            opened(backend, ID, lock_timeout=0).lock()
        seen.append(True)

    with held(backend), alarm(handler), pytest.raises(LockError):
        wait(backend, lock_timeout=1)
    assert seen == [True]
    assert is_free(backend, ID)


@contextmanager
def locked_for_writing(files: Backend) -> Iterator[None]:
    """Another process, which is none of ours, has the lock of the session's file."""
    fcntl = pytest.importorskip("fcntl")
    assert files.folder is not None
    (path,) = files.folder.glob("container_*_lock/*/*/*.lock")
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def changed(files: Backend, **options: Any) -> Any:
    session = opened(files, ID, **{"lock_timeout": PATIENCE, **options})
    session["name"] = "Grace"
    return session


WRITES: dict[str, Callable[[Any], Any]] = {
    "save": lambda session: session.save(),
    "delete": lambda session: session.delete(),
    "invalidate": lambda session: session.invalidate(),
    "rotate": lambda session: (session.regenerate_id(), session.save()),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("error", [KeyboardInterrupt, TooLateError])
def test_an_exception_of_a_handler_ends_a_wait_for_a_write(
    files: Backend, write: str, error: type[BaseException]
) -> None:
    stored(files, name="Ada")
    session = changed(files)
    before = open_files()
    with locked_for_writing(files), alarm(raising(error)), pytest.raises(error):
        WRITES[write](session)
    assert open_files() == before
    assert is_free(files, ID)
    assert opened(files, ID)["name"] == "Ada"


@pytest.mark.parametrize("write", WRITES)
def test_a_write_waits_as_long_as_the_option_says(files: Backend, write: str) -> None:
    stored(files, name="Ada")
    session = changed(files, lock_timeout=1)
    since = time.monotonic()
    with locked_for_writing(files), pytest.raises(LockError, match="held"):
        WRITES[write](session)
    assert 0.9 < time.monotonic() - since < PROMPT


def test_all_waits_of_a_request_share_one_limit(files: Backend) -> None:
    stored(files, name="Ada")
    proxy: Any = SessionObject({"HTTP_COOKIE": f"beaker.session.id={ID}"}, **files.options, lock_timeout=1)
    assert proxy["name"] == "Ada"
    proxy["name"] = "Grace"
    proxy.save()
    since = time.monotonic()
    with locked_for_writing(files):
        for _ in range(5):
            with pytest.raises(LockError):
                proxy.persist()
            with pytest.raises(LockError):
                proxy.lock()
    assert time.monotonic() - since < PROMPT
    proxy.persist()
    assert opened(files, ID)["name"] == "Grace"


def test_a_request_without_its_session_does_not_wait_again(backend: Backend) -> None:
    stored(backend, name="Ada")
    proxy: Any = SessionObject(
        {"HTTP_COOKIE": f"beaker.session.id={ID}"}, **backend.options, concurrency="lock", lock_timeout=1
    )
    with held(backend):
        since = time.monotonic()
        for _ in range(5):
            with pytest.raises(LockError):
                proxy.get("name")
        assert 0.9 < time.monotonic() - since < PROMPT
    assert proxy["name"] == "Ada"
    proxy.persist()


def test_each_method_of_a_session_made_by_hand_waits_anew(files: Backend) -> None:
    stored(files, name="Ada")
    session = changed(files, lock_timeout=1)
    with locked_for_writing(files):
        for _ in range(2):
            since = time.monotonic()
            with pytest.raises(LockError):
                session.save()
            assert time.monotonic() - since > 0.9


def test_a_touch_that_waits_in_vain_fails_no_request(
    files: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    stored(files, name="Ada")
    proxy: Any = SessionObject({"HTTP_COOKIE": f"beaker.session.id={ID}"}, **files.options, lock_timeout=0)
    assert proxy["name"] == "Ada"
    with locked_for_writing(files):
        proxy.persist()
    assert "access time is not stored" in caplog.text


def test_a_handler_runs_while_another_thread_makes_the_session(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(backend, name="Ada")
    proxy: Any = SessionObject(
        {"HTTP_COOKIE": f"beaker.session.id={ID}"},
        **backend.options,
        concurrency="lock",
        lock_timeout=PATIENCE,
    )
    with held(backend):
        maker = threading.Thread(target=lambda: proxy.get("name"))
        maker.start()
        time.sleep(SOON)
        with alarm(raising(Rung)), pytest.raises(Rung):
            proxy.get("name")
    maker.join()
    proxy.persist()
    assert is_free(backend, ID)


def test_a_signal_of_another_process_is_heard(backend: Backend, wait: Callable[..., None]) -> None:
    stored(backend, name="Ada")
    before = signal.signal(signal.SIGTERM, raising(SystemExit))
    try:
        with held(backend):
            timer = threading.Timer(SOON, os.kill, (os.getpid(), signal.SIGTERM))
            timer.start()
            with pytest.raises(SystemExit):
                wait(backend)
            timer.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert is_free(backend, ID)
