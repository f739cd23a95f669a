"""Sessions in dbms are replaced whole: who is killed leaves what was acknowledged, or what comes next."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _dbm_files
from beaker.container import DBMNamespaceManager
from beaker.exceptions import CorruptSessionError, StoreUnavailableError
from beaker.util import verify_directory
from tests.faults.campaigns.tracing import strace
from tests.support.environment import skipped_where_impossible
from tests.support.interruptions import Interruption, Struck, at_every_step, strike
from tests.support.sessions import UNKNOWN_ID, Backend, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = int(os.environ.get("BEAKER_DBM_KILLS", "40"))
FAILED = 3
REPLACING = f"""
import importlib, sys
from beaker import _dbm_files
module = importlib.import_module(sys.argv[1])
try:
    _dbm_files.write(module, sys.argv[2], {{b"session": b"new" * 900}}, to_disk=True)
except OSError:
    sys.exit({FAILED})
"""


def _available() -> list[Any]:
    found = []
    for name in ("dbm", "dbm.dumb", "dbm.gnu", "dbm.ndbm", "dbm.sqlite3"):
        with contextlib.suppress(ImportError):
            found.append(pytest.param(importlib.import_module(name), id=name))
    return found


@pytest.fixture
def umask() -> Iterator[None]:
    """Has the process have its umask back, which `dbm.dumb` sets to 0 for a moment whenever it opens."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(params=_available())
def module(request: pytest.FixtureRequest) -> Any:
    """Each implementation of dbm that this Python has, and the package that chooses one."""
    return request.param


def backend_of(folder: Path, module: Any, **options: Any) -> Backend:
    return Backend("", {"type": "dbm", "data_dir": str(folder), "dbmmodule": module, **options})


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def _write_for_ever(backend: Backend, acknowledged: int) -> None:
    number = 0
    while True:
        number += 1
        session = opened(backend, UNKNOWN_ID)
        session["number"], session["text"] = number, "x" * random.randrange(3000)
        session.save()
        os.write(acknowledged, number.to_bytes(4, "big"))


@pytest.mark.parametrize("durability", ["beaker", "full"])
def test_a_process_that_is_killed_loses_nothing_acknowledged(
    tmp_path: Path, module: Any, durability: str
) -> None:
    chance = random.Random(7)
    for turn in range(KILLS):
        backend = backend_of(tmp_path / str(turn), module, durability=durability)
        opened(backend, UNKNOWN_ID).save()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _write_for_ever(backend, writer)
            finally:
                os._exit(1)
        os.close(writer)
        time.sleep(chance.uniform(0.001, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reader, "rb") as acknowledged:
            last = int.from_bytes(acknowledged.read()[-4:] or b"\0", "big")
        session = opened(backend, UNKNOWN_ID)
        assert not session.is_new
        assert session.get("number", 0) in (last, last + 1)
        assert set(session.get("text", "x")) <= {"x"}
        session["after"] = True
        session.save()
        assert opened(backend, UNKNOWN_ID)["after"]


def test_a_dbm_does_not_grow_with_its_saves(tmp_path: Path, module: Any) -> None:
    backend = backend_of(tmp_path, module)
    chance = random.Random(3)
    for _ in range(60):
        session = opened(backend, UNKNOWN_ID)
        session["text"] = "x" * chance.randrange(6000)
        session.save()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 64 * 1024
    assert len([path for path in files if path.suffix != ".lock"]) <= 2


def test_our_dbms_read_like_those_of_the_implementation(tmp_path: Path, module: Any) -> None:
    file = str(tmp_path / "n.dbm")
    contents = {b"session": b"x" * 700, "ä".encode(): b"", b"\xff'\"\n": b"\0" * 512, b"other": b"y"}
    for kept in (contents, {b"session": b"short"}, contents, {**contents, b"more": b"z" * 5000}):
        _dbm_files.write(module, file, kept, to_disk=False)
        assert _dbm_files.read(module, file) == kept
        with module.open(file, "r") as found:
            assert {key: found[key] for key in found.keys()} == kept  # noqa: SIM118
    with module.open(file, "w") as changed:
        changed[b"session"] = b"theirs" * 300
        del changed[b"other"]
    after = _dbm_files.read(module, file)
    assert after[b"session"] == b"theirs" * 300
    assert b"other" not in after


@pytest.mark.parametrize(
    ("calls", "error"),
    [
        (["write", "pwrite64"], "ENOSPC"),
        (["fsync", "fdatasync"], "EIO"),
        (["rename", "renameat", "renameat2"], "EIO"),
    ],
    ids=["write", "sync", "rename"],
)
def test_a_write_that_fails_leaves_the_old_dbm_and_no_other(
    tmp_path: Path, module: Any, calls: list[str], error: str
) -> None:
    with skipped_where_impossible():
        tracer = strace()
    folder, log = tmp_path / "data", tmp_path / "strace"
    folder.mkdir()
    file = str(folder / "n.dbm")
    old, new = {b"session": b"old"}, {b"session": b"new" * 900}
    failures = 0
    # Each kind of call is counted by itself.
    left = [(call, 1) for call in calls]
    while left:
        call, number = left.pop()
        _dbm_files.write(module, file, old, to_disk=False)
        before = names_in(folder)
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"]
        command = [tracer, "-f", *inject, "-o", str(log), sys.executable, "-B", "-c", REPLACING]
        ran = subprocess.run(
            [*command, module.__name__, file], capture_output=True, text=True, check=False, timeout=60
        )
        found = _dbm_files.read(module, file)
        assert names_in(folder) == before
        if ran.returncode == 0:
            assert found == new
        else:
            assert ran.returncode == FAILED, ran.stderr
            failures += 1
            # The last that is brought to the disk is the names in the folders.
            assert found == old or (found == new and "sync" in call)
        if "(INJECTED)" in log.read_text():
            left.append((call, number + 1))
    assert failures >= 1


def test_an_ended_session_leaves_no_file(tmp_path: Path, module: Any) -> None:
    backend = backend_of(tmp_path, module)
    for session_id in (UNKNOWN_ID, "a.b"):
        session = opened(backend, session_id)
        session.save()
        assert names_in(tmp_path)
        session.delete()
        assert names_in(tmp_path) == []


def test_an_index_that_beaker_was_killed_while_replacing_is_found(tmp_path: Path) -> None:
    module = importlib.import_module("dbm.dumb")
    backend = backend_of(tmp_path, module)
    session = opened(backend, UNKNOWN_ID)
    session["name"] = "Ada"
    session.save()
    (index,) = tmp_path.rglob("*.dir")
    index.rename(index.with_suffix(".bak"))
    again = opened(backend, UNKNOWN_ID)
    assert again["name"] == "Ada"
    again["name"] = "Grace"
    again.save()
    assert opened(backend, UNKNOWN_ID)["name"] == "Grace"
    assert not list(tmp_path.rglob("*.bak"))


def test_a_cache_in_a_dbm_is_changed_in_place(tmp_path: Path, module: Any) -> None:
    namespace = DBMNamespaceManager("cache", dbmmodule=module, data_dir=str(tmp_path))
    for number in range(3):
        namespace.acquire_write_lock()
        namespace[str(number)] = [number]
        namespace.release_write_lock()
    namespace.acquire_read_lock()
    assert sorted(namespace.keys()) == [b"0", b"1", b"2"]
    assert namespace["1"] == [1]
    namespace.release_read_lock()


def test_a_dbm_that_cannot_be_read_is_corrupt_and_can_be_removed(tmp_path: Path) -> None:
    module = importlib.import_module("dbm.dumb")
    backend = backend_of(tmp_path, module)
    for session_id in (UNKNOWN_ID, "a.b"):
        session = opened(backend, session_id)
        session.save()
        (index,) = tmp_path.rglob("*.dir")
        index.write_text("'session', (0, ")
        with pytest.raises(CorruptSessionError):
            opened(backend, session_id)
        session.namespace.remove()
        assert opened(backend, session_id).is_new
        assert names_in(tmp_path) == []


# What Python has not come to set up complains when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("umask")
def test_an_exception_while_a_dbm_is_made_loses_no_later_save(tmp_path: Path) -> None:
    module = importlib.import_module("dbm.dumb")

    def struck(step: int) -> bool:
        namespace = DBMNamespaceManager("cache", dbmmodule=module, data_dir=str(tmp_path / str(step)))
        interruption = Interruption(step, strike, str(module.__file__))
        try:
            interruption.during(namespace.acquire_write_lock)
        except Struck:
            # A kept exception keeps its frames and their open files.
            verify_directory(str(Path(namespace.file).parent))
            with module.open(namespace.file, "c") as others:
                others[b"key"] = b"stored"
        else:
            namespace.release_write_lock()
            return interruption.came
        del namespace
        gc.collect()
        (index,) = tmp_path.glob(f"{step}/**/*.dir")
        with module.open(str(index.with_suffix("")), "r") as found:
            assert found[b"key"] == b"stored", step
        return True

    assert at_every_step(struck) > 30


def test_a_cache_survives_an_interrupted_replacement_of_its_index(tmp_path: Path) -> None:
    module = importlib.import_module("dbm.dumb")
    namespace = DBMNamespaceManager("cache", dbmmodule=module, data_dir=str(tmp_path))
    for key in ("first", "second"):
        namespace.acquire_write_lock()
        namespace[key] = key
        namespace.release_write_lock()
        (index,) = tmp_path.rglob("*.dir")
        index.rename(index.with_suffix(".bak"))
    namespace.acquire_write_lock()
    assert [namespace["first"], namespace["second"]] == ["first", "second"]
    namespace.release_write_lock()


def test_a_dbm_that_cannot_be_opened_is_a_store_that_is_down(tmp_path: Path, module: Any) -> None:
    backend = backend_of(tmp_path, module)
    opened(backend, UNKNOWN_ID).save()
    for found in [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]:
        found.unlink()
        found.mkdir()
    with pytest.raises(StoreUnavailableError):
        opened(backend, UNKNOWN_ID)
    namespace = DBMNamespaceManager("cache", dbmmodule=module, data_dir=str(tmp_path))
    for name in (".dir", ".dat", ".db", ""):
        Path(namespace.file + name).mkdir(parents=True)
    with pytest.raises(StoreUnavailableError):
        namespace.acquire_write_lock()


class OneFile(ModuleType):
    """A dbm implementation with one file for a dbm, which is written when it is closed."""

    def __init__(self) -> None:
        super().__init__("one_file")
        self.modes: set[int] = set()
        self.fails = False

    def open(self, file: str, flag: str, mode: int = 0o666) -> Any:
        module = self
        module.modes.add(mode)

        class Opened(dict[Any, bytes]):
            def close(self) -> None:
                if flag != "r":
                    Path(file).write_bytes(pickle.dumps(dict(self)))
                if module.fails:
                    raise OSError("no space")

        return Opened({} if flag == "n" or not Path(file).exists() else pickle.loads(Path(file).read_bytes()))


def test_a_dbm_of_one_file_is_replaced_whole(tmp_path: Path) -> None:
    module, file = OneFile(), tmp_path / "n.dbm"
    for contents in ({b"a": b"1", b"b": b""}, {b"c": b"2"}):
        _dbm_files.write(module, str(file), contents, to_disk=True)
        assert _dbm_files.read(module, str(file)) == contents
        assert list(tmp_path.iterdir()) == [file]
    module.fails = True
    with pytest.raises(OSError, match="no space"):
        _dbm_files.write(module, str(file), {b"d": b"3"}, to_disk=False)
    module.fails = False
    assert _dbm_files.read(module, str(file)) == {b"c": b"2"}
    assert list(tmp_path.iterdir()) == [file]


def test_a_dbm_is_opened_for_its_owner_alone(tmp_path: Path) -> None:
    module = OneFile()
    _dbm_files.write(module, str(tmp_path / "n.dbm"), {}, to_disk=False)
    assert module.modes == {0o600}
    module.modes.clear()
    data = tmp_path / "data"
    namespace = DBMNamespaceManager("n", dbmmodule=module, data_dir=str(data))
    namespace.acquire_write_lock()
    namespace["a"] = 1
    namespace.release_write_lock()
    assert module.modes == {0o600}
    # No files of dbm.dumb are made for another implementation.
    files = [path for path in data.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert files == [Path(namespace.file)]
