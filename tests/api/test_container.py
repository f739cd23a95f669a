"""Backends keep values in private namespaces, where every program finds them."""

import os
import stat
import sys
from pathlib import Path

import pytest

from beaker import _core
from beaker.container import (
    MemoryNamespaceManager,
    NamespaceManager,
)
from tests.api.namespaces import AN_ID, Make, contents, files, put
from tests.support.threads import together


def test_one_container_finds_the_values_of_another(make: Make) -> None:
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


def test_a_removed_value_is_gone_and_can_be_removed_again(make: Make, tmp_path: Path) -> None:
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

    together(add, 4)
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


def test_a_namespace_in_memory_is_there_while_it_has_keys(memory: type[MemoryNamespaceManager]) -> None:
    namespace = memory("n")
    for key in ("a", "b"):
        namespace[key] = 1
    del namespace["a"]
    assert dict(namespace.dictionary) == {"b": 1}
    del namespace["b"]
    assert list(memory.namespaces.dict) == []


def test_clearing_the_memory_backend_ends_all_sessions(memory: type[MemoryNamespaceManager]) -> None:
    _core.memory_set(AN_ID, "text")
    memory("n")["other"] = 1
    assert set(memory.namespaces.dict) == {AN_ID, "n"}
    assert len(memory.namespaces.dict) == 2
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
    assert repr(namespace.dictionary) == "<the namespace of 1 keys in memory>"


def test_a_backend_imports_what_it_needs_before_each_construction() -> None:
    imported: list[type] = []

    class Mine(NamespaceManager):
        @classmethod
        def _init_dependencies(cls) -> None:
            super()._init_dependencies()
            imported.append(cls)

    for _ in range(2):
        Mine("n")
    assert imported == [Mine, Mine]


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
