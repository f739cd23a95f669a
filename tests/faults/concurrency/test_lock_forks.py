"""A session's lock belongs to its process: a fork neither releases nor inherits it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sessions import ID, LOCK, is_free, opened, stored

if TYPE_CHECKING:
    from tests.support.sessions import Backend

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def test_a_child_process_does_not_let_its_parents_session_go(files: Backend) -> None:
    stored(files, name="Ada")
    held: list[Any] = [opened(files, ID, **LOCK)]
    child = os.fork()
    if child == 0:
        held.clear()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not is_free(files, ID)
    held.clear()
    assert is_free(files, ID)


def test_a_process_that_is_killed_lets_its_session_go(files: Backend) -> None:
    stored(files, name="Ada")
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        _kept = opened(files, ID, **LOCK)
        os.write(told, b"x")
        time.sleep(60)
    os.read(ready, 1)
    assert not is_free(files, ID)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert is_free(files, ID)


def test_a_lock_of_a_thread_is_free_in_a_forked_child(memory: Backend) -> None:
    stored(memory, name="Ada")
    _held = opened(memory, ID, **LOCK)
    child = os.fork()
    if child == 0:
        os._exit(0 if is_free(memory, ID) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not is_free(memory, ID)
