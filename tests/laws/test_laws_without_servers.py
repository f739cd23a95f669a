"""The published laws on the backends of one machine, and on three classes that are written in Python."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from beaker import __main__
from beaker._core import SqliteDatabase
from beaker.container import MemoryNamespaceManager
from beaker.testing import Backend, StoreLaws
from tests.support.dict_namespace import DictNamespace, SwappingNamespace, namespace_class
from tests.support.folders import files_in, lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class InMemory(Backend):
    def names(self) -> list[str]:
        return list(MemoryNamespaceManager.namespaces.dict)


class InFiles(Backend):
    """Sessions in a folder."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__({"type": "file", "data_dir": str(folder), **options})
        self.folder = folder

    def names(self) -> list[str]:
        return [str(path.relative_to(self.folder)) for path in files_in(self.folder)]

    @contextmanager
    def down(self) -> Iterator[None]:
        away = self.folder.with_name("away")
        if self.folder.exists():
            self.folder.rename(away)
        self.folder.write_text("no folder")
        yield
        self.folder.unlink()
        if away.exists():
            away.rename(self.folder)

    def lifetime(self, session_id: str) -> float | None:
        (record,) = self.folder.glob(f"container_file/*/*/{session_id}.cache")
        return None if lifetime(record) == float("inf") else lifetime(record)

    def sweep(self) -> None:
        (self.folder / "container_file").mkdir(parents=True, exist_ok=True)
        __main__.main(["sweep", "--data-dir", str(self.folder)])


class InSqlite(Backend):
    """Sessions in a file of SQLite."""

    def __init__(self, folder: Path) -> None:
        super().__init__({"type": "sqlite", "data_dir": str(folder)})

    @property
    def database(self) -> SqliteDatabase:
        return SqliteDatabase(None, self.options["data_dir"])

    def names(self) -> list[str]:
        return list(self.database.namespaces())

    def sweep(self) -> None:
        self.database.sweep()


class InDictionaries(Backend):
    """Sessions in dictionaries of a class that is written in Python."""

    def __init__(self, base: type[DictNamespace]) -> None:
        self.kind = namespace_class(base)
        super().__init__({"namespace_class": self.kind})

    def names(self) -> list[str]:
        return list(self.kind.contents)

    @contextmanager
    def down(self) -> Iterator[None]:
        def refuse(*_arguments: Any, **_options: Any) -> Any:
            raise ConnectionRefusedError("nobody is there")

        with pytest.MonkeyPatch.context() as patches:
            for name in ("__getitem__", "__setitem__", "__delitem__", "__contains__", "do_remove", "swap"):
                patches.setattr(self.kind, name, refuse, raising=False)
            yield


class TestMemory(StoreLaws):
    lacks = frozenset({"processes", "pickle", "locks", "swap", "down", "lifetime", "sweep"})

    @pytest.fixture
    def backend(self, empty_memory: None) -> Backend:
        return InMemory({"type": "memory"})


class TestFile(StoreLaws):
    lacks = frozenset({"swap"})

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        return InFiles(tmp_path / "sessions")


class TestFileWithHashedIds(StoreLaws):
    lacks = frozenset({"swap", "lifetime", "sweep"})

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        return InFiles(tmp_path / "sessions", hash_ids=True)


class TestSqlite(StoreLaws):
    lacks = frozenset({"swap", "down", "lifetime"})

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        return InSqlite(tmp_path / "sessions")


class TestDbm(StoreLaws):
    lacks = frozenset({"swap", "readers", "lifetime", "sweep"})

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        made = InFiles(tmp_path / "sessions")
        made.options["type"] = "dbm"
        return made


class TestDictionaries(StoreLaws):
    """A `NamespaceManager` of a program: a session is locked by its lock, or only in this process."""

    lacks = frozenset({"processes", "pickle", "locks", "swap", "lifetime", "sweep"})

    @pytest.fixture
    def backend(self) -> Backend:
        return InDictionaries(DictNamespace)


class TestSwappingDictionaries(StoreLaws):
    """One that compares and changes in one step."""

    lacks = frozenset({"processes", "pickle", "locks", "lifetime", "sweep"})

    @pytest.fixture
    def backend(self) -> Backend:
        return InDictionaries(SwappingNamespace)


class TestMemoryWithHashedIds(TestMemory):
    @pytest.fixture
    def backend(self, empty_memory: None) -> Backend:
        return InMemory({"type": "memory", "hash_ids": True})
