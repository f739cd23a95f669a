"""A store that an error of the operating system keeps from answering raises an `OSError` that tells it."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.container import DBMNamespaceManager, FileNamespaceManager
from beaker.exceptions import BeakerException, StoreUnavailableError
from beaker.session import Session
from tests.support.sessions import KEY, UNKNOWN_ID, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

COOKIE = f"{KEY}={UNKNOWN_ID}"


def tells(error: OSError, number: int, folder: Path | None) -> None:
    """The error tells its number and an existing folder, in which nothing shows the id."""
    assert isinstance(error, StoreUnavailableError)
    assert isinstance(error, BeakerException)
    assert error.errno == number
    assert error.strerror == os.strerror(number)
    for text in (str(error), repr(error), str(error.filename), str(error.__dict__)):
        assert UNKNOWN_ID not in text
    assert str(error).startswith("cannot ")
    if folder is not None:
        assert error.filename == str(folder)
        assert folder.exists()
    again = pickle.loads(pickle.dumps(error))
    assert (again.errno, again.strerror, again.filename) == (number, error.strerror, error.filename)
    assert str(again) == str(error)


def record_of(files: Backend) -> Path:
    session = opened(files, UNKNOWN_ID)
    session["name"] = "Ada"
    session.save()
    (file,) = files.files()
    return file


def test_a_failed_read_gives_the_error_and_the_folder(files: Backend) -> None:
    file = record_of(files)
    file.unlink()
    file.symlink_to(file.name)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - which it is, is said below
        Browser(files.options).visit(dict, cookie=COOKIE)
    tells(caught.value, errno.ELOOP, file.parent)


def test_a_failed_folder_gives_the_error_and_the_path(files: Backend) -> None:
    assert files.folder is not None
    files.folder.write_text("a file in the place of the folder")
    with pytest.raises(OSError) as caught:  # noqa: PT011
        Session({}, use_cookies=False, **files.options).save()
    tells(caught.value, errno.ENOTDIR, None)
    assert str(caught.value.filename).startswith(str(files.folder))


def test_a_failed_folder_of_a_dbm_gives_the_error_and_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="NotADirectoryError") as caught:
        Session({}, use_cookies=False, type="dbm", data_dir=str(tmp_path / "file" / "sessions")).save()
    tells(caught.value, errno.ENOTDIR, None)
    assert caught.value.filename == str(tmp_path)


def test_a_failed_lock_gives_the_error_and_the_folder(files: Backend) -> None:
    record_of(files)
    assert files.folder is not None
    (lock,) = files.folder.glob("container_file_lock/*/*/*.lock")
    lock.unlink()
    lock.symlink_to(lock.name)
    session = opened(files, UNKNOWN_ID)
    session["more"] = 1
    for work in (session.save, session.lock, session.delete):
        with pytest.raises(OSError) as caught:  # noqa: PT011
            work()
        tells(caught.value, errno.ELOOP, lock.parent)


def test_an_os_error_of_a_backend_keeps_its_details(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(written_in_python, UNKNOWN_ID).save()

    def refuse(*_args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"/mnt/sessions/{UNKNOWN_ID}")

    kind = written_in_python.options["namespace_class"]
    works: dict[str, Callable[[], Any]] = {
        "__getitem__": lambda: opened(written_in_python, UNKNOWN_ID),
        "__setitem__": lambda: opened(written_in_python, "another").save(),
    }
    for name, work in works.items():
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, refuse)
            with pytest.raises(OSError) as caught:  # noqa: PT011
                work()
        tells(caught.value, errno.ENOSPC, None)
        assert caught.value.filename == "/mnt/sessions"


def test_other_trouble_of_a_backend_has_no_number(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TroubleError(Exception):
        pass

    def refuse(*_args: Any) -> None:
        raise TroubleError

    monkeypatch.setattr(written_in_python.options["namespace_class"], "__getitem__", refuse)
    with pytest.raises(OSError) as caught:  # noqa: PT011
        opened(written_in_python, UNKNOWN_ID)
    assert (caught.value.errno, caught.value.strerror, caught.value.filename) == (None, None, None)


def test_the_file_functions_raise_what_python_raises(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent" / "file")
    folder = str(tmp_path)
    (tmp_path / "file").touch()
    file = str(tmp_path / "file")
    works: list[tuple[Callable[[], Any], int]] = [
        (lambda: _core.read_file(absent), errno.ENOENT),
        (lambda: _core.read_file(folder), errno.EISDIR),
        (lambda: _core.write_file(absent, b"", False), errno.ENOENT),
        (lambda: _core.sync_folder(file), errno.ENOTDIR),
        (lambda: _core.lock_file(file + "/lock", True), errno.ENOTDIR),
        (lambda: _core.lock_file(folder, True), errno.EISDIR),
    ]
    for work, number in works:
        with pytest.raises(OSError) as caught:  # noqa: PT011
            work()
        expected = OSError(number, os.strerror(number))
        assert (type(caught.value), caught.value.errno) == (type(expected), number)
        assert caught.value.strerror == expected.strerror
        assert isinstance(caught.value.filename, str)
        assert caught.value.filename.startswith(folder)


def test_an_error_for_a_folder_names_the_part_at_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as caught:
        _core.make_folder(str(tmp_path / "file" / "one" / "two"))
    assert caught.value.filename == str(tmp_path / "file")


def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    works: list[Callable[[], Any]] = [
        lambda: _core.read_file(pipe),
        lambda: _core.write_part(pipe, 0, b"part", False),
        lambda: _core.sync_file(pipe),
    ]
    for work in works:
        with pytest.raises(OSError):  # noqa: PT011
            work()


def test_a_namespace_whose_file_is_a_pipe_is_unavailable(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("chosen", data_dir=str(tmp_path), digest_filenames=False)
    locked(namespace)
    file = Path(namespace.file)
    file.unlink()
    os.mkfifo(file)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="it is not a regular file"):
            namespace.acquire_write_lock()


def locked(namespace: Any) -> None:
    namespace.acquire_write_lock()
    namespace["value"] = 1
    namespace.release_write_lock()


@pytest.mark.parametrize("kind", [FileNamespaceManager, DBMNamespaceManager])
def test_an_error_of_a_namespace_gives_the_error_and_the_folder(tmp_path: Path, kind: Any) -> None:
    namespace = kind(UNKNOWN_ID, data_dir=str(tmp_path), digest_filenames=False)
    locked(namespace)
    for file in tmp_path.rglob(f"{UNKNOWN_ID}*"):
        if "lock" not in str(file):
            file.unlink()
            file.mkdir()
            (file / "inside").touch()
    again = kind(UNKNOWN_ID, data_dir=str(tmp_path), digest_filenames=False)
    work: Callable[[], None] = again.acquire_read_lock
    if kind is DBMNamespaceManager:
        work = again.remove
    with pytest.raises(OSError) as caught:  # noqa: PT011
        work()
    tells(caught.value, errno.EISDIR, None)
    assert str(caught.value.filename).startswith(str(tmp_path))
