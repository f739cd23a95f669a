"""The backend's own view of a session in a file that is locked."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import SessionObject
from beaker.synchronization import file_synchronizer
from tests.support.sessions import ID, LOCK, content, is_free, opened, stored
from tests.support.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from beaker.synchronization import SynchronizerImpl
    from tests.support.sessions import Backend, Browser

    Browsers = Callable[..., Browser]


def test_the_view_of_a_locked_session_is_the_record(files: Backend) -> None:
    stored(files, name="Ada")
    session = opened(files, ID)
    session.lock()
    namespace = session.namespace
    assert session._decrypt_data(namespace["session"])["name"] == "Ada"
    namespace.acquire_read_lock()
    namespace.release_read_lock()
    namespace["session"] = session._encrypt_data({"name": "Grace"})
    session.unlock()
    assert content(files) == {"name": "Grace"}
    namespace.acquire_write_lock()
    namespace.release_write_lock()


def lock_of(files: Backend, session_id: str = ID) -> SynchronizerImpl:
    return file_synchronizer(session_id, lock_dir=f"{files.folder}/container_file_lock")


def test_the_lock_of_a_session_is_that_of_its_namespace(files: Backend) -> None:
    stored(files, name="Ada")
    session = opened(files, ID)
    session.lock()
    namespace, lock = session.namespace, lock_of(files)
    assert lock.acquire_write_lock(wait=False)
    lock.release_write_lock()
    assert namespace.access_lock is lock
    assert in_thread(lambda: namespace.acquire_write_lock(wait=False)) is False
    assert in_thread(lambda: lock.acquire_read_lock(wait=False)) is False
    session.unlock()
    assert in_thread(lambda: lock.acquire_write_lock(wait=False)) is True
    gc.collect()
    assert lock.acquire_read_lock(wait=False)
    lock.release_read_lock()


def test_a_locked_session_is_free_after_a_rotation_and_a_view(files: Backend) -> None:
    stored(files, name="Ada")
    session = opened(files, ID)
    session.lock()
    session.regenerate_id()
    session.save()
    assert session._decrypt_data(session.namespace["session"])["name"] == "Ada"
    session.unlock()
    assert in_thread(lambda: lock_of(files, session.id).acquire_write_lock(wait=False)) is True


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_has_not_the_lock_of_its_parents_session(files: Backend) -> None:
    stored(files, name="Ada")
    session = opened(files, ID)
    session.lock()
    child = os.fork()
    if child == 0:
        os._exit(0 if lock_of(files).acquire_write_lock(wait=False) is False else 1)
    assert os.waitpid(child, 0)[1] == 0
    session.unlock()


def test_a_request_that_holds_its_session_may_use_the_view(files: Backend) -> None:
    stored(files, name="Ada")
    proxy: Any = SessionObject({"HTTP_COOKIE": f"beaker.session.id={ID}"}, **files.options, **LOCK)
    namespace = proxy.namespace
    namespace.acquire_read_lock()
    assert proxy._decrypt_data(namespace["session"])["name"] == "Ada"
    namespace.release_read_lock()
    proxy.lock()
    proxy["name"] = "Grace"
    proxy._session().save()
    proxy.unlock()
    assert not is_free(files, ID)
    proxy.persist()
    assert is_free(files, ID)
    assert content(files) == {"name": "Grace"}
