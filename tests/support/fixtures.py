"""Fixtures that the laws of sessions, of stores and of requests share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from beaker.container import MemoryNamespaceManager
from beaker.synchronization import file_synchronizer, mutex_synchronizer
from tests.support.dict_namespace import DictNamespace, SwappingNamespace, namespace_class
from tests.support.documents import in_documents
from tests.support.memcached_server import make_memcached_backend
from tests.support.redis_server import make_redis_backend
from tests.support.sessions import COOKIE, VALIDATE_KEY, Backend, Browser, Clock, Literals
from tests.support.tables import NAMES, TABLES, table_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from beaker.synchronization import SynchronizerImpl

SECRETS = {
    "encrypt_key": "an encryption key of the tests, of some length",
    "validate_key": VALIDATE_KEY,
}
BACKENDS = ["memory", "file", "sqlite", "python", "swap", "redis", "memcached"]
"""The places where sessions are kept. `python` and `swap` are Python classes; `swap` compares and changes."""
COOKIES: dict[str, dict[str, Any]] = {"cookie": COOKIE, "sealed cookie": {**COOKIE, "cookie_format": 2}}


def make_backend(name: str, folder: Path) -> Backend:
    """The place of that name where sessions are kept; after `hashed`, under hashes of their ids."""
    how, _, kind = name.rpartition(" ")
    backend = _backend(kind, folder)
    if how == "hashed":
        backend.options["hash_ids"] = True
    return backend


def _backend(name: str, folder: Path) -> Backend:
    if name == "memory":
        return Backend(name, {"type": "memory"})
    if name == "memcached":
        return make_memcached_backend()
    if name in {"file", "dbm", "sqlite"}:
        return Backend(name, {"type": name, "data_dir": str(folder / "sessions")}, folder / "sessions")
    if name == "redis":
        return make_redis_backend()
    if name == "mongodb":
        return in_documents()
    base = SwappingNamespace if name == "swap" else DictNamespace
    return Backend(name, {"namespace_class": namespace_class(base)})


def store_options(name: str, folder: Path) -> dict[str, Any]:
    """The options of the store of that name."""
    if name == "dbm":
        return {"type": "dbm", "data_dir": str(folder / "sessions")}
    return _backend(name, folder).options


@pytest.fixture
def empty_memory() -> Iterator[None]:
    """The memory store is empty before and after."""
    MemoryNamespaceManager.namespaces.clear()
    yield
    MemoryNamespaceManager.namespaces.clear()


@pytest.fixture(params=[*BACKENDS, *TABLES])
def backend(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> Backend:
    """Each place where sessions are kept."""
    if request.param in NAMES:
        return table_backend(request, request.param)
    return _backend(request.param, tmp_path)


@pytest.fixture(params=[*BACKENDS, "dbm", *TABLES])
def stores(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> dict[str, Any]:
    """The options of each store."""
    if request.param in NAMES:
        return table_backend(request, request.param).options
    return store_options(request.param, tmp_path)


@pytest.fixture
def memory(tmp_path: Path, empty_memory: None) -> Backend:
    """Sessions in memory."""
    return _backend("memory", tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Backend:
    """Sessions in files."""
    return _backend("file", tmp_path)


@pytest.fixture
def dbm(tmp_path: Path) -> Backend:
    """Sessions in dbm files, by a backend of ours that is written in Python."""
    return _backend("dbm", tmp_path)


@pytest.fixture
def written_in_python(tmp_path: Path) -> Backend:
    """Sessions in a backend that is written in Python."""
    return _backend("python", tmp_path)


@pytest.fixture(params=["pickle", "json", "custom"])
def serializer(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options for each way to serialize."""
    return {"data_serializer": Literals() if request.param == "custom" else request.param}


@pytest.fixture(params=["plain", "encrypted"])
def secrecy(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options with encryption and without."""
    return SECRETS if request.param == "encrypted" else {}


@pytest.fixture(params=[1, 2])
def record_format(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options for each format of records."""
    return {"record_format": request.param}


@pytest.fixture
def encoding(
    serializer: dict[str, Any], secrecy: dict[str, Any], record_format: dict[str, Any]
) -> dict[str, Any]:
    """The options for each way to serialize, with encryption and without, in each format."""
    return {**serializer, **secrecy, **record_format}


@pytest.fixture
def browser(backend: Backend) -> Callable[..., Browser]:
    """Makes browsers of an application on the backend."""
    return lambda **options: Browser(backend.options, options)


@pytest.fixture(params=[*BACKENDS, *COOKIES])
def visitors(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> Callable[..., Browser]:
    """Makes browsers of an application on each backend, and of one whose cookie keeps the session."""
    options = COOKIES.get(request.param) or _backend(request.param, tmp_path).options
    return lambda **more: Browser(options, more)


@pytest.fixture(params=["file", "condition"])
def make_lock(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SynchronizerImpl]:
    """Makes the same reentrant lock each time, between processes or between threads."""
    if request.param == "file":
        return lambda: file_synchronizer("a lock", lock_dir=str(tmp_path))
    return lambda: mutex_synchronizer("a lock")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that `time.time` is read from."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock
