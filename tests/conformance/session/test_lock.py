"""Sessions that are held: by their requests with `concurrency = lock`, or by programs that `lock()` them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import ConfigurationError
from beaker.session import CookieSession
from tests.support.sessions import ID, LOCK, is_free, opened, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser

    Browsers = Callable[..., Browser]


def test_a_locked_session_is_deleted_and_leaves_nothing(backend: Backend) -> None:
    stored(backend, name="Ada")
    session = opened(backend, ID)
    session.lock()
    session.delete()
    session.unlock()
    assert opened(backend, ID).is_new
    if backend.folder is not None:
        assert [path for path in backend.traces() if path.endswith((".cache", ".lock"))] == []


def test_a_session_whose_record_is_no_text_is_locked(written_in_python: Backend) -> None:
    stored(written_in_python, count=1)
    session = opened(written_in_python, ID)
    view: Any = session.namespace
    text = view["session"]
    view["session"] = {"no": "text"}
    session.lock()
    view["session"] = text
    assert not is_free(written_in_python, ID)
    session.unlock()
    assert is_free(written_in_python, ID)


def test_a_lock_is_counted_that_is_taken_while_another_is_taken(files: Backend) -> None:
    stored(files, count=1)
    session = opened(files, ID)
    view: Any = session.namespace
    acquire = view.acquire_write_lock

    def acquire_and_lock() -> None:
        view.acquire_write_lock = acquire
        session.lock()
        acquire()

    view.acquire_write_lock = acquire_and_lock
    session.lock()
    session.unlock()
    assert not is_free(files, ID)
    session.unlock()
    assert is_free(files, ID)


def test_the_lock_is_the_file_that_every_process_of_the_folder_locks(files: Backend) -> None:
    fcntl = pytest.importorskip("fcntl")
    stored(files, name="Ada")
    assert files.folder is not None
    (path,) = files.folder.glob("container_file_lock/*/*/*.lock")
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert not is_free(files, ID)
        fcntl.flock(file, fcntl.LOCK_UN)
        assert is_free(files, ID)
        holder = opened(files, ID, **LOCK)
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        del holder
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_a_session_in_a_cookie_cannot_be_locked() -> None:
    make: Any = CookieSession
    with pytest.raises(ConfigurationError, match="lock"):
        make({}, validate_key="v" * 32, concurrency="lock")
