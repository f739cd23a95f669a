"""A save that others overtake, and whose session is given another id meanwhile: the lock follows the id."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session
from beaker.testing._laws.merging import Overtaken
from tests.conformance.session.grace import KEPT, rotate
from tests.support.sessions import is_free, opened

if TYPE_CHECKING:
    from tests.support.sessions import Backend

LAST = 16
"""More than the records that are read until a save holds its session."""


@pytest.mark.parametrize("rotations", [1, 2])
@pytest.mark.parametrize("at", range(1, LAST))
def test_a_save_overtaken_again_and_again_ends_under_the_new_id(
    stores: dict[str, Any], at: int, rotations: int
) -> None:
    serializer = Overtaken()
    ids = [uuid.uuid4().hex]

    def session() -> Any:
        options = {"use_cookies": False, "data_serializer": serializer, **KEPT, **stores}
        return Session({}, id=ids[-1], **options)

    first = session()
    first["kept"] = 0
    first.save()
    victim, other = session(), session()
    other["other"] = 1
    other.save()

    def rival() -> None:
        turn = len(serializer.rivals)
        with lock:
            rival = session()
            if at <= turn < at + rotations:
                ids.append(rotate(rival))
                return
            rival["rival"] = turn
        rival.save()

    lock = threading.Lock()
    serializer.rival, serializer.victim = rival, threading.get_ident()
    victim["victim"] = 1
    victim.save()
    serializer.victim = None
    for thread in serializer.rivals:
        thread.join()
    stored = session()
    assert (stored["kept"], stored["victim"], stored["other"]) == (0, 1, 1)


def test_a_save_after_a_rotation_keeps_the_lock_under_the_new_id(
    memory: Backend,
) -> None:
    old = uuid.uuid4().hex
    opened(memory, old, **KEPT).save()
    session = opened(memory, old, **KEPT)
    session.lock()
    new = rotate(opened(memory, old, **KEPT))
    session["count"] = 1
    session.save()
    assert session.id == new
    assert not is_free(memory, new)
    session.unlock()
    assert is_free(memory, new)
    assert opened(memory, new, **KEPT)["count"] == 1
