"""Backends that break a law each, and the law that has to notice. `test_published.py` runs them."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from beaker.container import FileNamespaceManager
from beaker.synchronization import mutex_synchronizer
from beaker.testing import LACKING, Backend, StoreLaws
from tests.support.dict_namespace import DictNamespace, SwappingNamespace, namespace_class

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path


class Broken(StoreLaws):
    """The laws on a class of dictionaries."""

    lacks: ClassVar[AbstractSet[str]] = frozenset(LACKING) - {"readers", "ids", "caches", "clear", "names"}
    Kind: type[DictNamespace]

    @pytest.fixture
    def backend(self) -> Backend:
        kind = namespace_class(self.Kind)
        made = Backend({"namespace_class": kind})
        made.names = lambda: list(kind.contents)  # type: ignore[method-assign]
        return made


class TestForgetsWrites(Broken):
    """test_the_last_of_many_saves_is_what_is_stored"""

    class Kind(DictNamespace):
        def __setitem__(self, key: str, value: Any) -> None:
            self.calls.append("set")
            if self.calls.count("set") % 5:
                super().__setitem__(key, value)


class TestIgnoresDelete(Broken):
    """test_delete_removes_the_record"""

    class Kind(DictNamespace):
        def __delitem__(self, key: str) -> None:
            self[key]

        def do_remove(self) -> None:
            pass


class TestReturnsStale(Broken):
    """test_a_read_keeps_what_another_request_stored_meanwhile"""

    class Kind(DictNamespace):
        def __getitem__(self, key: str) -> Any:
            if "seen" not in vars(self):
                self.seen = super().__getitem__(key)
            return self.seen


class TestDropsDots(Broken):
    """test_ids_with_dots_are_told_apart_from_those_without"""

    class Kind(DictNamespace):
        def __init__(self, namespace: str, **arguments: Any) -> None:
            super().__init__(namespace.replace(".", ""), **arguments)


class TestFoldsCase(Broken):
    """test_no_two_ids_share_a_record"""

    class Kind(DictNamespace):
        def __init__(self, namespace: str, **arguments: Any) -> None:
            super().__init__(namespace.lower(), **arguments)


class TestCutsLongValues(Broken):
    """test_data_comes_back_as_it_was_saved"""

    class Kind(DictNamespace):
        def __setitem__(self, key: str, value: Any) -> None:
            super().__setitem__(key, value[: 1 << 16])


class TestLeavesEmptyRecords(Broken):
    """test_a_session_that_ended_leaves_nothing"""

    class Kind(DictNamespace):
        def __delitem__(self, key: str) -> None:
            del self.contents[self.namespace][key]

        def do_remove(self) -> None:
            self.contents[self.namespace] = {}


class TestStoresWhatItIsAskedFor(Broken):
    """test_looking_at_an_unknown_id_allocates_nothing"""

    class Kind(DictNamespace):
        def __getitem__(self, key: str) -> Any:
            return self.contents.setdefault(self.namespace, {})[key]


class TestSwapsAnything(Broken):
    """test_a_swap_of_another_text_changes_nothing"""

    lacks = Broken.lacks - {"swap"}

    class Kind(SwappingNamespace):
        def swap(self, key: str, expected: Any, value: Any, expiretime: float | None = None) -> bool:
            return super().swap(key, self.contents.get(self.namespace, {}).get(key), value)


class TestSwapsInTwoSteps(Broken):
    """test_of_swaps_by_threads_one_is_made"""

    lacks = Broken.lacks - {"swap"}

    class Kind(SwappingNamespace):
        def swap(self, key: str, expected: Any, value: Any, expiretime: float | None = None) -> bool:
            if self.contents.get(self.namespace, {}).get(key) != expected:
                return False
            time.sleep(0.005)
            self.contents[self.namespace] = {key: value}
            return True


class TestSwapsAndLeavesEmptyRecords(Broken):
    """test_a_swap_for_nothing_leaves_nothing"""

    lacks = Broken.lacks - {"swap"}

    class Kind(SwappingNamespace):
        def swap(self, key: str, expected: Any, value: Any, expiretime: float | None = None) -> bool:
            made = super().swap(key, expected, value)
            self.contents.setdefault(self.namespace, {})
            return made


class TestMakesValuesAtOnce(Broken):
    """test_of_threads_that_want_a_value_one_makes_it"""

    class Kind(DictNamespace):
        def get_creation_lock(self, key: str) -> Any:
            return mutex_synchronizer(f"{threading.get_ident()}")

        def __contains__(self, key: object) -> bool:
            time.sleep(0.005)
            return super().__contains__(key)


class TestSwallowsErrors(Broken):
    """test_a_session_that_cannot_be_loaded_is_an_error"""

    lacks = Broken.lacks - {"down"}

    @pytest.fixture
    def backend(self) -> Backend:
        class Swallowing(DictNamespace):
            is_down = False

            def __getitem__(self, key: str) -> Any:
                try:
                    if self.is_down:
                        raise ConnectionRefusedError
                    return super().__getitem__(key)
                except OSError:
                    raise KeyError(key) from None

        kind: Any = namespace_class(Swallowing)

        @contextmanager
        def down() -> Iterator[None]:
            kind.is_down = True
            yield
            kind.is_down = False

        made = Backend({"namespace_class": kind})
        made.down = down  # type: ignore[method-assign]
        return made


class TestLocksNobodyOut(StoreLaws):
    """test_a_lock_excludes_a_forked_process"""

    lacks = frozenset({"pickle", "swap", "names", "down", "lifetime", "sweep"})

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        class Unlocked(FileNamespaceManager):
            def get_access_lock(self) -> Any:
                return mutex_synchronizer(f"{os.getpid()}/{self.namespace}")

        return Backend({"namespace_class": Unlocked, "data_dir": str(tmp_path)})


class TestForgetsAtOnce(Broken):
    """test_a_record_is_kept_for_the_timeout"""

    lacks = Broken.lacks - {"lifetime"}

    @pytest.fixture
    def backend(self) -> Backend:
        made = Backend({"namespace_class": namespace_class(DictNamespace)})
        made.lifetime = lambda session_id: 60.0  # type: ignore[method-assign]
        return made


class TestSweepsEverything(Broken):
    """test_a_sweep_removes_what_has_expired_and_nothing_else"""

    lacks = Broken.lacks - {"sweep"}

    @pytest.fixture
    def backend(self) -> Backend:
        kind = namespace_class(DictNamespace)
        made = Backend({"namespace_class": kind})
        made.names = lambda: list(kind.contents)  # type: ignore[method-assign]
        made.sweep = kind.contents.clear  # type: ignore[method-assign]
        return made
