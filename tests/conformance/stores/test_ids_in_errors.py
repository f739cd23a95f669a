"""No store that fails tells a whole id: not in an error, what led to it, a log or a warning."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker._redaction import without_id
from beaker.exceptions import StoreUnavailableError
from tests.support.dict_namespace import namespace_class
from tests.support.sessions import KEY, UNKNOWN_ID, Backend, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DOTTED = f"{UNKNOWN_ID}.progress.upload"


def _visited(options: dict[str, Any], session_id: str, work: Callable[[Any], Any]) -> None:
    Browser(options, {"save_accessed_time": True}).visit(work, cookie=f"{KEY}={session_id}")


def _saved(session: Any) -> None:
    session["name"] = "Grace"
    session.save()


def _rotated(session: Any) -> None:
    session.regenerate_id()
    session.save()


def _locked(session: Any) -> None:
    session.lock()
    try:
        session["name"] = "Grace"
        session.save()
    finally:
        session.unlock()


def _locked_and_rotated(session: Any) -> None:
    session.lock()
    try:
        _rotated(session)
    finally:
        session.unlock()


def _looked_behind(session: Any) -> None:
    namespace = session.namespace
    namespace.acquire_write_lock()
    try:
        namespace["session"] = namespace["session"]
    finally:
        namespace.release_write_lock()


VERBS: dict[str, Callable[[Any], Any]] = {
    "load": lambda session: session.load(),
    "save": _saved,
    "touch": lambda session: session.save(accessed_only=True),
    "delete": lambda session: session.delete(),
    "invalidate": lambda session: session.invalidate(),
    "regenerate_id": _rotated,
    "lock": _locked,
    "lock and regenerate_id": _locked_and_rotated,
    "get_by_id": lambda session: session.get_by_id(session.id),
    "namespace": _looked_behind,
    "namespace.remove": lambda session: session.namespace.remove(),
}


def chain(error: BaseException) -> Iterator[BaseException]:
    left, seen = [error], set()
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [led for led in (one.__cause__, one.__context__) if led is not None]


def told_by(error: BaseException) -> str:
    """All that a program's log or an error tracker would keep of it, but for the values of variables."""
    texts = ["".join(traceback.format_exception(type(error), error, error.__traceback__))]
    texts += [f"{one} {one!r} {vars(one)!r}" for one in chain(error)]
    return "\n".join(texts)


def never_told(told: str, session_id: str) -> bool:
    return session_id not in told and session_id.replace(".", "") not in told


@contextlib.contextmanager
def failing_calls(monkeypatch: pytest.MonkeyPatch, folder: Path, spared: int) -> Iterator[None]:
    """After `spared` calls of the system on files in the folder, each fails as on a broken disk."""
    left = [spared]

    def breaking(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            names = [str(arg) for arg in args if isinstance(arg, (str, os.PathLike))]
            if any(name.startswith(str(folder)) for name in names):
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(errno.EIO, os.strerror(errno.EIO), *names[:1], None, *names[1:2])
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for module, names in (
            (os, ("open", "replace", "rename", "remove", "unlink", "stat", "lstat", "mkdir", "chmod")),
            (io, ("open",)),
            (builtins, ("open",)),
        ):
            for name in names:
                patch.setattr(module, name, breaking(getattr(module, name)))
        yield


def attempted(
    options: dict[str, Any], session_id: str, verb: str, caplog: pytest.LogCaptureFixture, broken: Any
) -> tuple[bool, str]:
    """Whether a verb failed on a session that was there, and all that was told of it."""
    backend = Backend("", options)
    caplog.clear()
    session: Any = None
    error: Exception | None = None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        if verb != "load":
            session = opened(backend, session_id)
        with broken():
            try:
                if session is None:
                    session = opened(backend, session_id)
                VERBS[verb](session)
                _visited(options, session_id, VERBS["save"])
            except Exception as caught:
                error = caught
    told = "" if error is None else told_by(error)
    return error is not None, "\n".join([told, caplog.text, *(str(one.message) for one in warned)])


def store_one(options: dict[str, Any], session_id: str) -> None:
    session = opened(Backend("", options), session_id)
    session["name"] = "Ada"
    session.save()


@pytest.mark.slow
@pytest.mark.parametrize("session_id", [UNKNOWN_ID, DOTTED])
@pytest.mark.parametrize("verb", VERBS)
def test_no_failed_system_call_of_a_dbm_shows_an_id(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    verb: str,
    session_id: str,
) -> None:
    # Sessions in files are stored in Rust, which calls no function of Python.
    failed = 0
    for spared in range(12):
        folder = tmp_path / str(spared)
        options = {"type": "dbm", "data_dir": str(folder), "lock_timeout": 1}
        store_one(options, session_id)
        broken = lambda: failing_calls(monkeypatch, folder, spared)  # noqa: E731, B023 - used at once
        has_failed, told = attempted(options, session_id, verb, caplog, broken)
        assert never_told(told, session_id), told
        failed += has_failed
    assert failed


def _is_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _is_loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def _is_under_a_file(file: Path) -> None:
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("")


OBSTACLES = {"a folder": _is_folder, "a loop": _is_loop, "a file for a folder": _is_under_a_file}


@pytest.mark.parametrize("session_id", [UNKNOWN_ID, DOTTED])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("what", ["records", "locks"])
@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("kind", ["file", "dbm"])
def test_no_error_of_a_file_shows_an_id(  # noqa: PLR0917
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    obstacle: str,
    what: str,
    verb: str,
    session_id: str,
) -> None:
    options = {"type": kind, "data_dir": str(tmp_path / "data"), "lock_timeout": 1}
    store_one(options, session_id)

    @contextlib.contextmanager
    def broken() -> Iterator[None]:
        folder = f"container_{kind}_lock" if what == "locks" else f"container_{kind}"
        for file in [path for path in (tmp_path / "data" / folder).rglob("*") if path.is_file()]:
            if file.parent.is_dir():
                OBSTACLES[obstacle](file) if len(list(file.parent.iterdir())) == 1 else _is_folder(file)
        yield

    _failed, told = attempted(options, session_id, verb, caplog, broken)
    assert never_told(told, session_id), told


class OddError(Exception):
    """An exception that makes its text of what it keeps."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def __str__(self) -> str:
        return f"no answer for {self.where}"


ERRORS: dict[str, Callable[[str], BaseException]] = {
    "a text": lambda name: RuntimeError(f"no answer for {name}:session"),
    "bytes": lambda name: ConnectionError(b"no answer for " + name.encode()),
    "a key": lambda name: LookupError(name, "session"),
    "a file": lambda name: PermissionError(13, "Permission denied", f"/data/{name}.db"),
    "two files": lambda name: OSError(18, "Cross-device link", f"/a/{name}", None, f"/b/{name}"),
    "a text of its own": OddError,
    "arguments within arguments": lambda name: RuntimeError({"parameters": [name]}),
    "one of ours": lambda name: StoreUnavailableError(f"no answer for {name}"),
}
METHODS = ["__init__", "__getitem__", "__setitem__", "__delitem__", "acquire_read_lock", "acquire_write_lock"]


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("verb", [verb for verb in VERBS if "namespace" not in verb])
@pytest.mark.parametrize("method", [*METHODS, "release_read_lock", "release_write_lock"])
def test_no_error_of_a_backend_shows_an_id(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    verb: str,
    hashed: bool,
) -> None:
    kind: Any = namespace_class()
    options = {"namespace_class": kind, "hash_ids": hashed, "lock_timeout": 1}
    for session_id, error in [(UNKNOWN_ID, error) for error in ERRORS] + [(DOTTED, "a file")]:
        store_one(options, session_id)

        @contextlib.contextmanager
        def broken(error: str = error) -> Iterator[None]:
            def refuse(namespace: Any, *args: Any, **_kwargs: Any) -> None:
                name = getattr(namespace, "namespace", args[0] if args else "")
                try:
                    raise KeyError(name)
                except KeyError:
                    try:
                        raise ERRORS[error](name)
                    except Exception as cause:
                        raise RuntimeError("the client failed") from cause

            with monkeypatch.context() as patch:
                patch.setattr(kind, method, refuse)
                yield

        _failed, told = attempted(options, session_id, verb, caplog, broken)
        assert never_told(told, session_id), told


def test_an_exception_with_a_changeable_text_is_kept() -> None:
    for make in (ERRORS["a text"], ERRORS["a file"], ERRORS["two files"], ERRORS["bytes"], ERRORS["a key"]):
        error = make(UNKNOWN_ID)
        assert without_id(error, UNKNOWN_ID) is error
        assert UNKNOWN_ID[:6] in str(error)
        assert never_told(told_by(error), UNKNOWN_ID)
    other = RuntimeError("no answer")
    assert without_id(other, UNKNOWN_ID) is other
    assert str(other) == "no answer"


def test_an_exception_with_a_fixed_text_is_replaced() -> None:
    error = OddError(UNKNOWN_ID)
    error.__cause__ = KeyError(UNKNOWN_ID)
    other = without_id(error, UNKNOWN_ID)
    assert "OddError" in str(other)
    assert isinstance(other.__cause__, KeyError)
    assert never_told(told_by(other), UNKNOWN_ID)


def test_an_id_that_is_short_anyway_is_left_where_it_stands() -> None:
    error = RuntimeError("cannot open visits")
    assert without_id(error, "visits") is error
    assert str(error) == "cannot open visits"
