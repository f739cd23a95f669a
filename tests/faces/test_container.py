"""Backends: what is put into a namespace is there, whole, private and for the next process too."""

import hashlib
import os
import pickle
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beaker import _core
from beaker.container import (
    Container,
    DBMContainer,
    DBMNamespaceManager,
    FileContainer,
    FileNamespaceManager,
    MemoryContainer,
    MemoryNamespaceManager,
    NamespaceManager,
    Value,
)
from beaker.exceptions import (
    BeakerException,
    CorruptSessionError,
    LockError,
    MissingCacheParameter,
    StoreUnavailableError,
)

Make = Callable[[str], Any]
AN_ID = "c0ffee00c0ffee00c0ffee00c0ffee00"


@pytest.fixture(params=["memory", "file", "dbm", "dumb dbm"])
def make(request: pytest.FixtureRequest, tmp_path: Path, memory: type[MemoryNamespaceManager]) -> Make:
    """Opens a namespace by name, on every backend."""
    if request.param == "memory":
        return memory
    if request.param == "file":
        return lambda name: FileNamespaceManager(name, data_dir=str(tmp_path), digest_filenames=False)
    import dbm.dumb

    module = dbm.dumb if request.param == "dumb dbm" else None
    return lambda name: DBMNamespaceManager(
        name, dbmmodule=module, data_dir=str(tmp_path), digest_filenames=False
    )


def put(namespace: Any, **values: Any) -> None:
    namespace.acquire_write_lock()
    try:
        for key, value in values.items():
            namespace[key] = value
    finally:
        namespace.release_write_lock()


def contents(namespace: Any) -> dict[str, Any]:
    namespace.acquire_read_lock()
    try:
        return {_name(key): namespace[_name(key)] for key in namespace.keys()}  # noqa: SIM118 - a namespace is no dictionary
    finally:
        namespace.release_read_lock()


def _name(key: Any) -> str:
    return key.decode() if isinstance(key, bytes) else key


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_one_puts_another_finds(make: Make) -> None:
    put(make("n"), session="dGV4dA==", other=[1, {"a": 2}])
    found = make("n")
    assert contents(found) == {"session": "dGV4dA==", "other": [1, {"a": 2}]}
    found.acquire_read_lock()
    assert "session" in found
    assert found.has_key("other")
    assert "nothing" not in found
    with pytest.raises(KeyError):
        found["nothing"]
    found.release_read_lock()
    assert contents(make("m")) == {}


def test_a_key_that_is_deleted_is_gone(make: Make) -> None:
    namespace = make("n")
    put(namespace, session="text", other=1)
    namespace.acquire_write_lock()
    del namespace["session"]
    with pytest.raises(KeyError):
        del namespace["session"]
    namespace.release_write_lock()
    assert contents(make("n")) == {"other": 1}


def test_what_is_removed_is_gone_and_can_be_removed_again(make: Make, tmp_path: Path) -> None:
    put(make("n"), session="text", other=1)
    make("n").remove()
    make("n").do_remove()
    assert contents(make("n")) == {}
    assert [path for path in files(tmp_path) if path.suffix != ".lock"] == []


def test_looking_for_what_is_not_there_allocates_nothing(make: Make, tmp_path: Path) -> None:
    namespace = make("unknown")
    namespace.acquire_read_lock()
    assert "session" not in namespace
    namespace.release_read_lock()
    assert [path for path in files(tmp_path) if path.suffix != ".lock"] == []
    assert _core.memory_ids() == []
    assert list(MemoryNamespaceManager.namespaces.dict) == []


def test_values_of_any_kind_are_kept(make: Make) -> None:
    values = {"a": (1.5, None, b"\x00"), "session": ("not text", 1), "b": {"é"}}
    put(make("n"), **values)
    assert contents(make("n")) == values


def test_a_value_of_any_kind_can_be_made_of_text_and_back(make: Make) -> None:
    for value in ("text", ["list"], "text again"):
        put(make("n"), session=value)
        assert contents(make("n")) == {"session": value}


def test_threads_that_share_a_namespace_lose_nothing(make: Make) -> None:
    def add(number: int) -> None:
        for step in range(5):
            put(make("n"), **{f"k{number}-{step}": step})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(contents(make("n"))) == 20


def test_everything_that_is_stored_is_private(make: Make, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        put(make("n"), session="text")
    finally:
        os.umask(old)
    for path in tmp_path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert not [path for path in files(tmp_path) if path.suffix == ".tmp"]


# Memory


def test_a_session_in_memory_is_the_native_stores(memory: type[MemoryNamespaceManager]) -> None:
    _core.memory_set(AN_ID, "text")
    namespace = memory(AN_ID)
    assert namespace["session"] == "text"
    assert dict(namespace.dictionary) == {"session": "text"}
    assert AN_ID in memory.namespaces
    assert memory.namespaces[AN_ID]["session"] == "text"
    namespace["session"] = "new"
    assert _core.memory_get(AN_ID) == "new"
    del namespace["session"]
    assert _core.memory_get(AN_ID) is None
    assert AN_ID not in memory.namespaces


def test_clearing_the_memory_backend_ends_all_sessions(memory: type[MemoryNamespaceManager]) -> None:
    _core.memory_set(AN_ID, "text")
    memory("n")["other"] = 1
    assert set(memory.namespaces.dict) == {AN_ID, "n"}
    memory.namespaces.clear()
    assert _core.memory_ids() == []
    assert "n" not in memory.namespaces
    assert len(memory.namespaces.dict) == 0


def test_the_registry_of_memory_is_a_map_of_maps(memory: type[MemoryNamespaceManager]) -> None:
    made = memory.namespaces.get("n", dict)
    made["a"] = 1
    assert memory("n")["a"] == 1
    assert memory.namespaces.get("n", dict) == {"a": 1}
    memory.namespaces["n"] = {"b": 2, "session": "text"}
    assert dict(memory("n").dictionary) == {"b": 2, "session": "text"}
    assert _core.memory_get("n") == "text"
    del memory.namespaces["n"]
    with pytest.raises(KeyError):
        memory.namespaces["n"]


def test_a_view_of_memory_does_not_show_what_it_holds(memory: type[MemoryNamespaceManager]) -> None:
    namespace = memory(AN_ID)
    namespace["session"] = "a secret"
    assert "secret" not in repr(namespace.dictionary)
    assert AN_ID not in repr(namespace.dictionary)


# Files


def test_a_file_is_where_beaker_has_it(tmp_path: Path) -> None:
    namespace = FileNamespaceManager(AN_ID, data_dir=str(tmp_path), digest_filenames=False)
    put(namespace, session="text")
    path = tmp_path / "container_file" / "c" / "c0" / f"{AN_ID}.cache"
    assert namespace.file == str(path)
    assert pickle.loads(path.read_bytes()) == {"session": "text"}
    assert _core.read_envelope(path.read_bytes()) == ("text", None)


def test_a_session_whose_id_has_dots_says_whose_it_is(tmp_path: Path) -> None:
    def open_one(name: str) -> FileNamespaceManager:
        return FileNamespaceManager(name, data_dir=str(tmp_path), digest_filenames=False)

    dotted, other, plain = open_one("ab.c.d"), open_one("a.bcd"), open_one("abcd")
    put(dotted, session="text")
    path = tmp_path / "container_file" / "a" / "ab" / "abcd.cache"
    assert dotted.file == other.file == plain.file == str(path)
    assert pickle.loads(path.read_bytes()) == {"session": "text", "id": "ab.c.d"}
    for allowed in (True, False):
        for namespace in (dotted, other, plain):
            namespace.allow_pickle = allowed
        assert contents(dotted) == {"session": "text"}
        for namespace in (other, plain):
            assert contents(namespace) == {}
            namespace.remove()
            namespace.acquire_write_lock(replace=True)
            namespace["session"] = "mine"
            with pytest.raises(StoreUnavailableError, match="another session's"):
                namespace.release_write_lock()
        assert contents(dotted) == {"session": "text"}
    dotted.remove()
    put(plain, session="plain")
    assert pickle.loads(path.read_bytes()) == {"session": "plain"}


def test_a_key_called_id_is_a_key_like_any_other_where_names_are_digests(tmp_path: Path) -> None:
    put(FileNamespaceManager("n", data_dir=str(tmp_path)), session="text", id="mine")
    assert contents(FileNamespaceManager("n", data_dir=str(tmp_path))) == {"session": "text", "id": "mine"}


def test_an_id_that_could_lead_elsewhere_has_a_hash_for_a_name(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("a/b", data_dir=str(tmp_path), digest_filenames=False)
    put(namespace, session="text")
    name = "~" + hashlib.sha256(b"a/b").hexdigest()
    assert namespace.file == str(tmp_path / "container_file" / "~" / name[:2] / f"{name}.cache")
    assert pickle.loads(Path(namespace.file).read_bytes()) == {"session": "text", "id": "a/b"}
    posing = FileNamespaceManager(name, data_dir=str(tmp_path), digest_filenames=False)
    assert posing.file != namespace.file


def test_what_does_not_exist_leaves_no_lock_file(tmp_path: Path) -> None:
    for kind in (FileNamespaceManager, DBMNamespaceManager):
        namespace = kind("unknown", data_dir=str(tmp_path), digest_filenames=False)
        assert contents(namespace) == {}
        assert files(tmp_path) == []
        put(namespace, session="text")
        assert files(tmp_path) != []
        namespace.remove()
        assert files(tmp_path) == []


def test_other_folders_can_be_given(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("n", file_dir=str(tmp_path / "f"), lock_dir=str(tmp_path / "l"))
    put(namespace, session="text")
    assert {path.relative_to(tmp_path).parts[0] for path in files(tmp_path)} == {"f", "l"}
    for kind in (FileNamespaceManager, DBMNamespaceManager):
        with pytest.raises(MissingCacheParameter):
            kind("n")
        with pytest.raises(MissingCacheParameter):
            kind("n", lock_dir=str(tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "~" + "0" * 64,
        "\x85",
        "\ud800",
        "é",
        "../../../escape",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b",
        "a\\b",
        "a\x00b",
        "x" * 3000,
        "a\nb",
    ],
)
def test_an_id_decides_no_path_but_its_own(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    namespace = FileNamespaceManager(name, data_dir=str(folder), digest_filenames=False)
    put(namespace, session=f"of {name}")
    for other in ("b", "escape", "passwd", "ab"):
        put(FileNamespaceManager(other, data_dir=str(folder), digest_filenames=False), session="another")
    assert contents(FileNamespaceManager(name, data_dir=str(folder), digest_filenames=False)) == {
        "session": f"of {name}"
    }
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    parts = Path(namespace.file).relative_to(folder / "container_file").parts
    assert len(parts) == 3
    assert parts[2].startswith(parts[1])
    assert parts[1].startswith(parts[0])


def test_a_write_that_replaces_all_does_not_read(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path))
    put(namespace, session="old", other=1)
    Path(namespace.file).write_bytes(b"damaged")
    namespace.acquire_write_lock(replace=True)
    namespace["session"] = "new"
    namespace.release_write_lock()
    assert contents(namespace) == {"session": "new"}


@pytest.mark.parametrize(
    "data", [b"", b"damaged", pickle.dumps({"a": 1})[:-2], pickle.dumps([1]), b"cos\nnothing\n."]
)
def test_a_damaged_file_is_corrupt_and_the_lock_is_given_back(tmp_path: Path, data: bytes) -> None:
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path))
    put(namespace, session="text")
    Path(namespace.file).write_bytes(data)
    for _ in range(2):
        with pytest.raises(CorruptSessionError):
            namespace.acquire_read_lock()
    namespace.remove()
    assert contents(namespace) == {}


class Boom:
    def __reduce__(self) -> Any:
        return (os.putenv, ("BEAKER_BOOM", "1"))


def test_where_pickle_is_not_allowed_none_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path))
    namespace.allow_pickle = False
    put(namespace, session="text")
    monkeypatch.setattr(pickle, "loads", lambda data: pytest.fail("a pickle was loaded"))
    assert contents(namespace) == {"session": "text"}
    Path(namespace.file).write_bytes(pickle.dumps({"session": Boom()}))
    with pytest.raises(CorruptSessionError):
        namespace.acquire_read_lock()
    namespace.acquire_write_lock(replace=True)
    namespace["other"] = 1
    with pytest.raises(BeakerException, match="pickle is not allowed"):
        namespace.release_write_lock()
    assert namespace.access_lock.acquire_write_lock(wait=False)
    namespace.access_lock.release_write_lock()


def test_where_pickle_is_not_allowed_a_dbm_gives_plain_values_only(tmp_path: Path) -> None:
    namespace = DBMNamespaceManager("n", data_dir=str(tmp_path))
    namespace.allow_pickle = False
    put(namespace, session="text", bad=Boom())
    namespace.acquire_read_lock()
    assert namespace["session"] == "text"
    with pytest.raises(CorruptSessionError):
        namespace["bad"]
    namespace.release_read_lock()


def test_a_link_in_the_place_of_a_file_is_neither_read_nor_written(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(pickle.dumps({"session": "theirs"}))
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path / "data"))
    Path(namespace.file).parent.mkdir(parents=True)
    Path(namespace.file).symlink_to(target)
    with pytest.raises(StoreUnavailableError):
        namespace.acquire_read_lock()
    namespace.acquire_write_lock(replace=True)
    namespace["session"] = "ours"
    namespace.release_write_lock()
    assert not Path(namespace.file).is_symlink()
    assert pickle.loads(target.read_bytes()) == {"session": "theirs"}
    assert contents(namespace) == {"session": "ours"}


def test_a_store_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path))
    Path(namespace.file).mkdir(parents=True)
    with pytest.raises(StoreUnavailableError):
        namespace.acquire_read_lock()
    namespace.acquire_write_lock(replace=True)
    namespace["session"] = "text"
    with pytest.raises(StoreUnavailableError):
        namespace.release_write_lock()
    with pytest.raises(StoreUnavailableError):
        namespace.remove()
    assert not [path for path in files(tmp_path) if path.suffix == ".tmp"]
    blocked = tmp_path / "file"
    blocked.write_text("")
    for kind in (FileNamespaceManager, DBMNamespaceManager):
        with pytest.raises(StoreUnavailableError):
            kind("n", data_dir=str(blocked))


def test_a_dbm_is_used_under_a_lock(tmp_path: Path) -> None:
    with pytest.raises(LockError):
        DBMNamespaceManager("n", data_dir=str(tmp_path))["a"]


# With Beaker

WRITES = """
import sys
from beaker import container
ns = getattr(container, sys.argv[1])(sys.argv[3], data_dir=sys.argv[2], digest_filenames=False)
ns.acquire_write_lock()
ns['session'] = 'theirs'
len(sys.argv) > 4 and ns.__setitem__('other', [1, 2])
ns.release_write_lock()
print(ns.file)
"""
READS = """
import sys
from beaker import container
ns = getattr(container, sys.argv[1])(sys.argv[3], data_dir=sys.argv[2], digest_filenames=False)
ns.acquire_read_lock()
print(sorted((k.decode() if isinstance(k, bytes) else k, ns[k]) for k in ns.keys()))
ns.release_read_lock()
"""


@pytest.mark.parametrize("kind", [FileNamespaceManager, DBMNamespaceManager])
@pytest.mark.parametrize("name", [AN_ID, "ab.progress.c"])
def test_beaker_and_we_read_each_other(
    tmp_path: Path, oracle: Callable[..., str], kind: Any, name: str
) -> None:
    where = oracle(WRITES, kind.__name__, str(tmp_path), name)
    namespace = kind(name, data_dir=str(tmp_path), digest_filenames=False)
    assert namespace.file == where
    assert contents(namespace) == {"session": "theirs"}
    put(namespace, session="ours")
    assert "('session', 'ours')" in oracle(READS, kind.__name__, str(tmp_path), name)
    oracle(WRITES, kind.__name__, str(tmp_path), name, "more")
    assert contents(namespace) == {"session": "theirs", "other": [1, 2]}
    put(namespace, other={"a": 1})
    assert oracle(READS, kind.__name__, str(tmp_path), name) == "[('other', {'a': 1}), ('session', 'theirs')]"


# Values


def test_a_value_is_made_once_and_again_when_it_is_too_old(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    made: list[int] = []

    def create() -> int:
        made.append(len(made))
        return made[-1]

    value = Value("k", make("n"), createfunc=create, expiretime=10)
    assert value.can_have_value()
    assert not value.has_value()
    assert [value.get_value(), value.get_value()] == [0, 0]
    assert value.has_current_value()
    now[0] += 10
    assert value.has_value()
    assert not value.has_current_value()
    assert value.get_value() == 1
    value.clear_value()
    value.clear_value()
    assert not value.has_value()
    assert not Value("k", make("n")).can_have_value()
    with pytest.raises(KeyError):
        Value("k", make("n")).get_value()


def test_a_value_from_before_the_start_is_stale(make: Make) -> None:
    Value("k", make("n")).set_value("old", storedtime=5.0)
    assert Value("k", make("n"), starttime=5.0).get_value() == "old"
    assert Value("k", make("n"), starttime=6.0, createfunc=lambda: "new").get_value() == "new"


def test_a_value_without_an_expiry_of_its_own_takes_the_readers(make: Make) -> None:
    put(make("n"), k=(time.time() - 5, "old"))
    assert Value("k", make("n")).get_value() == "old"
    assert Value("k", make("n"), expiretime=60).get_value() == "old"
    with pytest.raises(KeyError):
        Value("k", make("n"), expiretime=1).get_value()


def test_while_one_makes_a_value_the_others_get_the_old_one(make: Make) -> None:
    Value("k", make("n")).set_value("old", storedtime=1.0)
    started, go_on = threading.Event(), threading.Event()

    def create() -> str:
        started.set()
        assert go_on.wait(10)
        return "new"

    got: list[str] = []
    thread = threading.Thread(
        target=lambda: got.append(Value("k", make("n"), createfunc=create, starttime=2.0).get_value())
    )
    thread.start()
    assert started.wait(10)
    assert Value("k", make("n"), createfunc=lambda: "never", starttime=2.0).get_value() == "old"
    go_on.set()
    thread.join(10)
    assert got == ["new"]
    assert Value("k", make("n")).get_value() == "new"


def test_a_failure_to_make_a_value_frees_the_others(make: Make) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            Value("k", make("n"), createfunc=fail).get_value()


def test_containers_make_values_that_share_their_namespaces(tmp_path: Path, memory: Any) -> None:
    kinds: list[Any] = [FileContainer, DBMContainer, MemoryContainer]
    for kind in kinds:
        context: dict[str, Any] = {}
        value = kind("k", context, "n", createfunc=lambda: "made", data_dir=str(tmp_path))
        assert isinstance(value, Value)
        assert value.get_value() == "made"
        assert kind("k", context, "n").namespace is value.namespace
        assert list(context) == ["n"]


def test_a_container_without_a_backend_of_its_own_has_its_parents() -> None:
    class Mine(Container):
        namespace_class = MemoryNamespaceManager

    class Derived(Mine):
        pass

    derived: Any = Derived
    assert isinstance(derived("k", {}, "n").namespace, MemoryNamespaceManager)


def test_a_backend_says_what_it_does_not_do() -> None:
    namespace = NamespaceManager("n")
    namespace.acquire_read_lock()
    assert namespace.acquire_write_lock() is True
    namespace.release_read_lock()
    namespace.release_write_lock()
    for call in (
        namespace.keys,
        namespace.do_remove,
        namespace.remove,
        lambda: namespace["a"],
        lambda: "a" in namespace,
    ):
        with pytest.raises(NotImplementedError):
            call()


def test_backends_do_not_load_the_guard_before_it_is_needed() -> None:
    import subprocess

    code = "import sys, beaker.container; sys.exit('beaker._pickle_guard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
