"""Absent, corrupt and unavailable are three things, on every store."""

from __future__ import annotations

import base64
import os
import pickle
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning, CorruptSessionError, StoreUnavailableError
from beaker.session import Session
from tests.support.sessions import KEY, UNKNOWN_ID, Browser, opened, unprivileged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]

COOKIE = f"{KEY}={UNKNOWN_ID}"


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.slow
def test_json_that_unfolds_without_end_is_corrupt(backend: Backend) -> None:
    bomb = zlib.compress(b"[" + b" " * (80 * 1024 * 1024) + b"]", 9)
    backend.plant("chosen", text(bomb))
    with pytest.raises(CorruptSessionError):
        opened(backend, "chosen", data_serializer="json")


# What can stand in the place of a record's file, by how it is put there.
OBSTACLES: dict[str, Callable[[Path], None]] = {
    "a symbolic link": lambda file: file.symlink_to("/etc/passwd"),
    "a broken link": lambda file: file.symlink_to("/nowhere/at/all"),
    "a loop of links": lambda file: file.symlink_to(file.name),
    "a folder": lambda file: file.mkdir(),
    "a pipe": os.mkfifo,
}


def stored_in(files: Backend, session_id: str = UNKNOWN_ID) -> Path:
    session = opened(files, session_id)
    session["name"] = "Ada"
    session.save()
    (file,) = files.files()
    return file


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("forgiving", [True, False])
def test_an_obstacle_in_place_of_a_record_is_no_logout(
    files: Backend, obstacle: str, forgiving: bool
) -> None:
    file = stored_in(files)
    file.unlink()
    OBSTACLES[obstacle](file)
    visitor = Browser(files.options, {"invalidate_corrupt": forgiving})
    with pytest.raises(StoreUnavailableError):
        visitor.visit(lambda session: session.id, cookie=COOKIE)
    assert os.path.lexists(file)


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_an_obstacle_in_place_of_a_record_is_not_written(files: Backend, obstacle: str) -> None:
    file = stored_in(files)
    session = opened(files, UNKNOWN_ID)
    file.unlink()
    OBSTACLES[obstacle](file)
    kind = file.lstat().st_mode
    session["name"] = "Grace"
    with pytest.raises(StoreUnavailableError):
        session.save()
    assert file.lstat().st_mode == kind


def test_a_file_that_may_not_be_read_is_unavailable(files: Backend) -> None:
    file = stored_in(files)
    assert files.folder is not None
    for path in [files.folder, *files.folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o600)
    reachable = files.folder
    while (
        reachable != reachable.parent and reachable.owner() == file.owner() and str(reachable).count("/") > 1
    ):
        reachable.chmod(0o755)
        reachable = reachable.parent
    file.chmod(0)
    with unprivileged(), pytest.raises(StoreUnavailableError) as caught:
        Browser(files.options).visit(lambda session: session.id, cookie=COOKIE)
    assert UNKNOWN_ID not in str(caught.value)


def test_a_file_in_place_of_the_folder_is_unavailable(files: Backend) -> None:
    assert files.folder is not None
    files.folder.write_text("no folder")
    with pytest.raises(StoreUnavailableError):
        opened(files, "chosen")
    session = Session({}, use_cookies=False, **files.options)
    with pytest.raises(StoreUnavailableError):
        session.save()
    assert files.folder.read_text() == "no folder"


@pytest.mark.parametrize("content", [b"", b"\x80", b"garbage", b"\x80\x04."])
def test_a_file_that_holds_no_record_is_corrupt(files: Backend, content: bytes) -> None:
    file = stored_in(files)
    file.write_bytes(content)
    with pytest.raises(CorruptSessionError):
        opened(files, UNKNOWN_ID)
    with pytest.warns(BeakerWarning, match="cannot be decoded"):
        Browser(files.options).visit(lambda session: session.id, cookie=COOKIE)


def test_every_truncation_of_a_file_is_corrupt(files: Backend) -> None:
    file = stored_in(files)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(CorruptSessionError):
            opened(files, UNKNOWN_ID)
    file.write_bytes(whole)
    assert opened(files, UNKNOWN_ID)["name"] == "Ada"


def test_an_exception_in_a_backend_is_the_cause_of_unavailable(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TroubleError(Exception):
        pass

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise TroubleError(f"the id is {UNKNOWN_ID}")

    stored = opened(written_in_python, UNKNOWN_ID)
    stored.save()
    kind = written_in_python.options["namespace_class"]
    for name in ("__getitem__", "acquire_read_lock"):
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, refuse)
            with pytest.raises(StoreUnavailableError) as caught:
                Browser(written_in_python.options).visit(lambda session: session.id, cookie=COOKIE)
        assert isinstance(caught.value.__cause__, TroubleError)
        assert UNKNOWN_ID not in str(caught.value)


def test_an_exception_that_ends_a_request_passes_a_backend(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer of gevent or a key of the user's is no trouble of the backend."""
    end = KeyboardInterrupt()

    def interrupt(*_args: Any, **_kwargs: Any) -> None:
        raise end

    monkeypatch.setattr(written_in_python.options["namespace_class"], "__getitem__", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        Browser(written_in_python.options).visit(lambda session: session.id, cookie=COOKIE)
    assert caught.value is end


def test_a_backend_may_report_a_missing_key_in_any_usual_way(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = written_in_python.options["namespace_class"]

    def none(*_args: Any) -> None:
        return None

    def key_error(*_args: Any) -> None:
        raise KeyError("session")

    def type_error(*_args: Any) -> None:
        raise TypeError("nothing there")

    for answer in (none, key_error, type_error):
        with monkeypatch.context() as patch:
            patch.setattr(kind, "__getitem__", answer)
            assert opened(written_in_python, "chosen").is_new


def test_a_backend_may_hold_bytes(written_in_python: Backend) -> None:
    contents = written_in_python.options["namespace_class"].contents
    contents["chosen"] = {"session": text(pickle.dumps({"name": "Ada"}, 2)).encode()}
    assert opened(written_in_python, "chosen")["name"] == "Ada"
    contents["chosen"] = {"session": 5}
    with pytest.raises(CorruptSessionError):
        opened(written_in_python, "chosen")
