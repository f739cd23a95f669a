"""Sessions in files: names, modes, links, leftovers and several processes."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import stat
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning, StoreUnavailableError
from beaker.session import Session
from tests.support.folders import files_in
from tests.support.sessions import Browser, opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sessions import Backend


def folder_of(files: Backend) -> Path:
    assert files.folder is not None
    return files.folder


def test_records_and_locks_are_where_the_original_has_them(files: Backend) -> None:
    session = opened(files, "0af3.progress")
    session["name"] = "Ada"
    session.save()
    folder = folder_of(files)
    digest = hashlib.sha1(b"0af3.progress").hexdigest()
    assert (folder / "container_file/0/0a/0af3progress.cache").is_file()
    assert (folder / f"container_file_lock/{digest[0]}/{digest[:2]}/{digest}.lock").is_file()


def test_a_session_whose_id_has_dots_is_locked_and_saved(files: Backend) -> None:
    session = opened(files, "0af3.progress", lock_timeout=1)
    session.lock()
    session["name"] = "Ada"
    session.save()
    session.unlock()
    assert opened(files, "0af3.progress")["name"] == "Ada"


def test_a_record_is_a_pickled_dictionary_of_text_and_expiry(files: Backend) -> None:
    session = opened(files, "chosen")
    session["name"] = "Ada"
    session.save()
    (file,) = files.files()
    content = pickle.loads(file.read_bytes())
    assert list(content) == ["beaker expiry", "session"]
    assert content["beaker expiry"] == float("inf")
    assert session._decrypt_data(content["session"])["name"] == "Ada"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_are_private_and_so_are_the_folders_made_for_them(files: Backend, umask: int) -> None:
    before = os.umask(umask)
    try:
        visitor = Browser(files.options)
        visitor.put(name="Ada")
        visitor.put(name="Grace")
        visitor.read()
    finally:
        os.umask(before)
    for path in [folder_of(files), *folder_of(files).rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_folders_may_be_given_one_by_one(tmp_path: Path) -> None:
    visitor = Browser(type="file", file_dir=str(tmp_path / "records"), lock_dir=str(tmp_path / "locks"))
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", "records"]


def test_a_data_dir_alone_means_files(tmp_path: Path) -> None:
    visitor = Browser(data_dir=str(tmp_path))
    visitor.put(name="Ada")
    assert visitor.visit(lambda session: session.type).result == "file"


def test_a_data_dir_may_be_a_path(tmp_path: Path) -> None:
    visitor = Browser(data_dir=tmp_path / "sessions", type="file")
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}


def test_without_a_data_dir_a_private_folder_is_used_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.warns(BeakerWarning, match=str(tmp_path)) as caught:
        visitor = Browser(type="file")
    assert len(caught) == 1
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}
    (folder,) = tmp_path.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert visitor.middleware.options["data_dir"] == str(folder)


def test_a_private_folder_that_others_could_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.warns(BeakerWarning):
        Browser(type="file").put(name="Ada")
    (folder,) = tmp_path.iterdir()
    folder.chmod(0o777)
    with pytest.raises(StoreUnavailableError):
        Browser(type="file", key="other")


@pytest.mark.parametrize("below", ["", "container_file", "container_file_lock"])
def test_a_folder_that_others_may_write_to_causes_a_warning(tmp_path: Path, below: str) -> None:
    folder = tmp_path / below
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    with pytest.warns(BeakerWarning, match=f"may write to {folder} .mode 0777."):
        visitor = Browser({"type": "file", "data_dir": str(tmp_path)})
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}


def test_a_folder_shared_by_a_group_causes_no_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visitor = Browser({"type": "file", "data_dir": str(tmp_path)})
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}


def test_a_save_leaves_no_temporary_file(files: Backend) -> None:
    visitor = Browser(files.options)
    for number in range(10):
        visitor.put(number=number)
    assert [path.suffix for path in files_in(folder_of(files))] == [".cache", ".lock"]


def test_a_link_in_the_place_of_a_record_is_not_followed(files: Backend, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    session = opened(files, "chosen")
    session.save()
    (file,) = files.files()
    file.unlink()
    file.symlink_to(target)
    with pytest.raises(StoreUnavailableError):
        session.save()
    with pytest.raises(StoreUnavailableError):
        opened(files, "chosen")
    assert target.read_text() == "precious"


def test_a_link_in_the_place_of_a_lock_is_not_followed(files: Backend, tmp_path: Path) -> None:
    target = tmp_path / "target"
    session = opened(files, "chosen")
    session.save()
    (lock,) = folder_of(files).glob("container_file_lock/*/*/*.lock")
    lock.unlink()
    lock.symlink_to(target)
    with pytest.raises(StoreUnavailableError):
        session.save()
    assert not target.exists()


def test_a_deleted_session_leaves_no_file(files: Backend) -> None:
    visitor = Browser(files.options)
    visitor.put(name="Ada")
    visitor.visit(lambda session: session.delete())
    assert files.files() == []


def test_a_reader_makes_nothing_in_an_empty_folder(files: Backend) -> None:
    opened(files, "unknown")
    assert not folder_of(files).exists()


def test_a_record_without_a_lock_file_is_read(files: Backend) -> None:
    session = opened(files, "chosen")
    session["name"] = "Ada"
    session.save()
    for lock in folder_of(files).glob("container_file_lock/*/*/*.lock"):
        lock.unlink()
    assert opened(files, "chosen")["name"] == "Ada"


COUNTER = """
import json, sys
from beaker.middleware import SessionMiddleware

options, cookie, turns = json.loads(sys.argv[1])

def application(environ, start_response):
    session = environ["beaker.session"]
    for _ in range(turns):
        session.lock()
        stored = session._decrypt_data(session.namespace["session"])
        session["count"] = stored["count"] + 1
        session._session().save()
        session.unlock()
    start_response("200 OK", [])
    return [b""]

list(SessionMiddleware(application, **options)({"HTTP_COOKIE": cookie}, lambda *a: None))
"""

READER = """
import json, sys
from beaker.session import Session

options, id, turns = json.loads(sys.argv[1])
for turn in range(turns):
    session = Session({}, id=id, use_cookies=False, **options)
    assert not session.is_new
    assert len(set(session["text"])) == 1 and len(session["text"]) == session["size"], turn
    if turn % 3 == 0:
        letter = "abcdefgh"[turn % 8]
        session["text"], session["size"] = letter * (turn * 37 % 5000 + 1), turn * 37 % 5000 + 1
        session.save()
    else:
        session.save(accessed_only=True)
"""


def in_processes(program: str, argument: Any, processes: int = 4) -> None:
    command = [sys.executable, "-W", "error", "-c", program, json.dumps(argument)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(processes)]
    errors = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * processes, errors


@pytest.mark.slow
def test_processes_that_lock_a_session_lose_no_count(files: Backend) -> None:
    visitor = Browser(files.options)
    visitor.put(count=0)
    in_processes(COUNTER, [files.options, visitor.jar, 25])
    assert visitor.read()["count"] == 100


@pytest.mark.parametrize("serializer_name", ["pickle", "json"])
@pytest.mark.slow
def test_processes_that_read_and_write_a_session_see_it_whole(
    files: Backend, serializer_name: str, secrecy: dict[str, Any]
) -> None:
    options = {**files.options, "data_serializer": serializer_name, **secrecy}
    session = Session({}, id="shared", use_cookies=False, **options)
    session.update(text="a", size=1)
    session.save()
    in_processes(READER, [options, "shared", 60])
    assert len(files.files()) == 1


def test_a_forked_process_goes_on_with_the_same_sessions(files: Backend) -> None:
    visitor = Browser(files.options)
    visitor.put(name="Ada")
    child = os.fork()
    if child == 0:
        try:
            visitor.put(child=True)
            os._exit(0)
        except BaseException:  # a child must not run on into the test's caller
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert visitor.read() == {"name": "Ada", "child": True}
