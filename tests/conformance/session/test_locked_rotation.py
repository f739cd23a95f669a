"""A session in a file that gets a new id while it is locked: it is written when it is let go."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from beaker.container import FileNamespaceManager
from beaker.exceptions import StoreUnavailableError
from tests.conformance.session.grace import KEPT, rotate
from tests.support.folders import lifetime
from tests.support.sessions import key_of, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

HASHED = pytest.mark.parametrize("hashed", [True, False])


def locked(backend: Backend, session_id: str, **options: Any) -> Any:
    session = opened(backend, session_id, **options)
    session["name"] = "Ada"
    session.set_timeout(7200)
    session.save()
    session = opened(backend, session_id, **options)
    session.lock()
    session.load()
    return session


def at_each_close(
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[str], None] = lambda _: None,
    after: Callable[[str], None] = lambda _: None,
) -> None:
    close = FileNamespaceManager.do_close

    def do_close(self: FileNamespaceManager) -> None:
        before(self.namespace)
        close(self)
        after(self.namespace)

    monkeypatch.setattr(FileNamespaceManager, "do_close", do_close)


@HASHED
def test_its_old_id_leads_to_it_at_every_moment(
    files: Backend, monkeypatch: pytest.MonkeyPatch, hashed: bool
) -> None:
    options = {"hash_ids": hashed, **KEPT}
    old = uuid.uuid4().hex
    session = locked(files, old, **options)
    new = rotate(session)
    seen: list[tuple[Any, str]] = []

    def look(_: str) -> None:
        found = opened(files, old, **options)
        seen.append((found.get("name"), found.id))

    at_each_close(monkeypatch, after=look)
    session.unlock()
    assert seen == [("Ada", old), ("Ada", new)]


@HASHED
@pytest.mark.parametrize("rotations", [1, 2])
@pytest.mark.parametrize("left", [{}, KEPT])
def test_a_failed_rotation_leaves_the_session_where_it_was(
    files: Backend, monkeypatch: pytest.MonkeyPatch, left: dict[str, Any], rotations: int, hashed: bool
) -> None:
    options = {"hash_ids": hashed, "timeout": 3600, **left}
    old = uuid.uuid4().hex
    session = locked(files, old, **options)
    (record,) = [path for path in files.files() if path.suffix == ".cache"]
    kept = lifetime(record)
    ids = [rotate(session) for _ in range(rotations)]

    def refuse(namespace: str) -> None:
        if namespace in (ids[-1], key_of(ids[-1])):
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patches:
        at_each_close(patches, before=refuse)
        with pytest.raises(StoreUnavailableError):
            session.unlock()
    assert lifetime(record) == pytest.approx(kept, abs=600)
    assert opened(files, old, **options)["name"] == "Ada"
    assert [dict(opened(files, new, **options)).get("name") for new in ids] == [None] * rotations
