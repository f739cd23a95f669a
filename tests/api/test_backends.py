"""The backends by name, and the errors for those that need another library."""

import importlib
import importlib.metadata
import sys
import types
from typing import Any

import pytest

from beaker import cache
from beaker._backends import BackendRegistry
from beaker.container import DBMNamespaceManager, FileNamespaceManager, MemoryNamespaceManager
from beaker.exceptions import (
    BeakerException,
    BeakerWarning,
    InvalidCacheBackendError,
    UnknownBackendError,
)
from beaker.ext import memcached
from beaker.ext.sqla import make_cache_table
from tests.support.environment import need_distribution

BEAKERS_OWN = ["database", "google", "memcached", "mongodb", "redis", "rediscluster", "sqla"]


class Mine(MemoryNamespaceManager):
    pass


@pytest.fixture
def registry() -> BackendRegistry:
    return BackendRegistry({"memory": MemoryNamespaceManager})


def offer(monkeypatch: pytest.MonkeyPatch, **backends: str) -> list[str]:
    """Makes it look as if a package offered the backends; gives back what is asked for, as it is asked."""
    asked: list[str] = []
    points = [
        importlib.metadata.EntryPoint(name, value, "beaker.backends") for name, value in backends.items()
    ]

    def entry_points(*, group: str) -> list[importlib.metadata.EntryPoint]:
        asked.append(group)
        return points

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return asked


def test_the_built_in_backends_are_known() -> None:
    assert cache.clsmap["memory"] is MemoryNamespaceManager
    assert cache.clsmap["file"] is FileNamespaceManager
    assert cache.clsmap["dbm"] is DBMNamespaceManager
    assert {"memory", "file", "dbm"} <= set(cache.clsmap)


@pytest.mark.parametrize("name", BEAKERS_OWN)
def test_a_backend_that_is_not_brought_is_refused_with_what_there_is(
    registry: BackendRegistry, name: str
) -> None:
    with pytest.raises(InvalidCacheBackendError) as caught:
        registry[f"ext:{name}"]
    message = str(caught.value)
    assert f"does not have the backend 'ext:{name}'" in message
    assert "use one of memory" in message
    assert "namespace_class" in message
    assert isinstance(caught.value, BeakerException)


def test_a_backend_of_a_module_is_imported_when_it_is_asked_for() -> None:
    registry = BackendRegistry(
        {}, modules={"mine": "beaker.container:MemoryNamespaceManager", "bad": "beaker.no_such:X"}
    )
    assert list(registry) == []
    assert registry["mine"] is MemoryNamespaceManager
    assert list(registry) == ["mine"]
    with pytest.raises(ModuleNotFoundError):
        registry["bad"]
    with pytest.raises(UnknownBackendError, match="use one of bad, mine"):
        registry["nonsense"]


def test_an_unknown_name_is_no_key(registry: BackendRegistry) -> None:
    with pytest.raises(UnknownBackendError, match="unknown backend 'nonsense'"):
        registry["nonsense"]
    assert "nonsense" not in registry
    assert registry.get("nonsense") is None
    with pytest.raises(KeyError):
        registry["nonsense"]


def test_a_program_can_add_a_backend_and_take_it_away(registry: BackendRegistry) -> None:
    registry["ext:redis"] = Mine
    assert registry["ext:redis"] is Mine
    assert list(registry) == ["memory", "ext:redis"]
    del registry["ext:redis"]
    assert len(registry) == 1


def test_an_installed_package_is_asked_only_for_what_is_not_known(
    registry: BackendRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = offer(monkeypatch, mine=f"{__name__}:Mine", memory="nowhere:Nothing", broken="nowhere:Nothing")
    assert registry["memory"] is MemoryNamespaceManager
    assert asked == []
    assert registry["mine"] is Mine
    assert registry["mine"] is Mine
    assert asked == ["beaker.backends"]


def test_a_broken_package_is_named_and_harms_no_other(
    registry: BackendRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, mine=f"{__name__}:Mine", broken="nowhere_at_all:Nothing")
    with pytest.raises(
        InvalidCacheBackendError, match=r"'broken'.*nowhere_at_all:Nothing.*ModuleNotFoundError"
    ) as caught:
        registry["broken"]
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert registry["mine"] is Mine
    with pytest.raises(UnknownBackendError, match="use one of broken, memory, mine"):
        registry["other"]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The memcached clients that are installed: none, and what a test adds."""
    installed: dict[str, Any] = {}
    monkeypatch.setattr(memcached, "_client_libs", {})

    def import_module(name: str) -> Any:
        if name not in installed:
            raise ImportError(name)
        return installed[name]

    monkeypatch.setattr(importlib, "import_module", import_module)
    return installed


def test_the_client_that_is_named_is_loaded_once(clients: dict[str, Any]) -> None:
    clients["bmemcached"] = types.ModuleType("bmemcached")
    clients["memcache"] = types.ModuleType("memcache")
    assert memcached._load_client("bmemcached") is clients["bmemcached"]
    found = clients.pop("bmemcached")
    assert memcached._load_client("bmemcached") is found
    assert memcached._load_client() is clients["memcache"]


def test_without_a_client_memcached_cannot_be_had(clients: dict[str, Any]) -> None:
    with pytest.raises(ImportError, match="install one of"):
        memcached._load_client()
    with pytest.raises(InvalidCacheBackendError, match="cannot import the memcached client bmemcached"):
        memcached._load_client("bmemcached")
    with pytest.raises(InvalidCacheBackendError, match="unknown memcached client"):
        memcached._load_client("os")


def test_a_client_that_is_not_thread_safe_causes_a_warning(clients: dict[str, Any]) -> None:
    clients["cmemcache"] = types.ModuleType("cmemcache")
    with pytest.warns(BeakerWarning, match="not thread-safe"):
        memcached._load_client("cmemcache")


def test_a_cache_table_has_beakers_columns() -> None:
    need_distribution("sqlalchemy")
    sqlalchemy = importlib.import_module("sqlalchemy")
    table = make_cache_table(sqlalchemy.MetaData(schema="s"), "sessions")
    assert [(column.name, type(column.type).__name__, column.primary_key) for column in table.columns] == [
        ("namespace", "String", True),
        ("accessed", "DateTime", False),
        ("created", "DateTime", False),
        ("data", "PickleType", False),
    ]
    assert table.c.namespace.type.length == 255
    assert not any(column.nullable for column in table.columns)
    assert (table.name, table.schema) == ("sessions", "s")
    other = make_cache_table(sqlalchemy.MetaData(), schema_name="t")
    assert (other.name, other.schema) == ("beaker_cache", "t")


def test_without_sqlalchemy_no_table_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(InvalidCacheBackendError, match="SQLAlchemy"):
        make_cache_table(None)
