"""A store keeps a session for the session's own idle timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.folders import age, lifetime
from tests.support.sessions import Browser, opened, remembered

if TYPE_CHECKING:
    from tests.support.sessions import Backend, Clock

MINUTE = 60
DAY = 86_400
MONTH = 30 * DAY
GRACE = 120


def test_a_file_is_kept_for_as_long_as_its_session(files: Backend) -> None:
    remembered(MONTH)(opened(files, "a", timeout=MINUTE))
    opened(files, "b", timeout=MINUTE).save()
    opened(files, "c", timeout=MINUTE).save()
    remembered(1)(opened(files, "c", timeout=MINUTE))
    kept = {file.stem: lifetime(file) for file in files.files()}
    assert kept["a"] == pytest.approx(MONTH + GRACE, abs=30)
    assert kept["b"] == pytest.approx(MINUTE + GRACE, abs=30)
    assert kept["c"] == pytest.approx(1 + GRACE, abs=30)


def test_a_file_that_was_written_under_a_lock_is_kept_as_long(files: Backend) -> None:
    session = opened(files, "a", timeout=MINUTE)
    session.lock()
    remembered(MONTH)(session)
    session.unlock()
    (file,) = files.files()
    assert lifetime(file) == pytest.approx(MONTH + GRACE, abs=30)
    age(file, DAY)
    opened(files, "a", timeout=MINUTE).save(accessed_only=True)
    assert lifetime(file) == pytest.approx(MONTH + GRACE, abs=30)


def test_an_unlock_leaves_the_expiry_of_the_record(files: Backend) -> None:
    remembered(MONTH)(opened(files, "a", timeout=MINUTE))
    session = opened(files, "a", timeout=MINUTE)
    session.lock()
    session.unlock()
    (file,) = files.files()
    assert lifetime(file) == pytest.approx(MONTH + GRACE, abs=30)


def test_a_backend_in_python_gets_the_lifetime(written_in_python: Backend) -> None:
    told: list[Any] = []
    base = written_in_python.options["namespace_class"]

    class Telling(base):  # type: ignore[misc, valid-type]
        def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
            told.append(expiretime)
            self[key] = value

    visitor = Browser({"namespace_class": Telling, "timeout": MINUTE})
    visitor.put(name="Ada")
    assert told == []
    visitor.visit(remembered(MONTH))
    visitor.read()
    visitor.visit(lambda session: session.regenerate_id())
    assert told == [MONTH + GRACE] * 3


def test_a_backend_that_only_takes_items_keeps_the_session(clock: Clock) -> None:
    class Items(dict):  # type: ignore[type-arg]
        kept: dict[str, Any] = {}  # noqa: RUF012 — shared by all objects, as a server would be

        def __init__(self, namespace: str, **_arguments: Any) -> None:
            self.namespace = namespace

        def __getitem__(self, key: str) -> Any:
            return self.kept[self.namespace]

        def __setitem__(self, key: str, value: Any) -> None:
            self.kept[self.namespace] = value

        def acquire_read_lock(self) -> None: ...
        def release_read_lock(self) -> None: ...
        def acquire_write_lock(self, wait: bool = True, replace: bool = False) -> None: ...
        def release_write_lock(self) -> None: ...

    visitor = Browser({"namespace_class": Items, "timeout": MINUTE})
    visitor.visit(remembered(MONTH, name="Ada"))
    clock.advance(DAY)
    assert visitor.read() == {"name": "Ada"}
