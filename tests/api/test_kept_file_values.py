"""Values of a cache in a file that are kept in memory: fresh copies, and never older than the file."""

from __future__ import annotations

import datetime
import decimal
import os
import pickle
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from beaker import _file_values, container
from beaker._core import CacheLookup, FileValues
from beaker.cache import Cache, CacheManager
from beaker.exceptions import LockError
from beaker.util import func_namespace
from tests.support.threads import in_thread

SETTLING = 0.02
"""In seconds: more than a tick of the clock of a file system."""


@pytest.fixture(autouse=True)
def _settles_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_file_values, "_SETTLING", SETTLING)


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the files of caches were opened."""
    made: list[str] = []
    open_it = container.FileNamespaceManager.do_open

    def do_open(self: Any, flags: str, replace: bool) -> None:
        made.append(flags)
        open_it(self, flags, replace)

    monkeypatch.setattr(container.FileNamespaceManager, "do_open", do_open)
    return made


def make(folder: Path, **more: Any) -> Cache:
    """A cache that other objects, and processes, share."""
    return Cache("n", type="file", data_dir=str(folder), **more)


def settle(cache: Cache, *keys: str) -> None:
    """Reads values until they are kept."""
    for _ in range(2):
        for key in keys:
            cache.get(key)
        time.sleep(SETTLING * 1.5)
    for key in keys:
        cache.get(key)


PLAIN = [
    None,
    True,
    7,
    2.5,
    "text",
    b"bytes",
    (1, [2]),
    {"a": [{"b": {1, 2}}], "c": bytearray(b"d")},
    frozenset({1}),
    datetime.datetime(2026, 5, 4, 3, 2, tzinfo=datetime.timezone.utc),
    [datetime.date(2026, 5, 4), datetime.timedelta(1), datetime.time(3)],
    decimal.Decimal("1.50"),
    uuid.UUID(int=5),
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_plain_data_is_kept_and_read_from_no_file(tmp_path: Path, openings: list[str], value: Any) -> None:
    cache = make(tmp_path, expire=600)
    cache.put("k", value)
    settle(cache, "k")
    openings.clear()
    first, second = cache.get("k"), cache["k"]
    assert openings == []
    assert (first, type(first)) == (second, type(second)) == (value, type(value))


def test_each_reader_gets_a_value_of_its_own(tmp_path: Path, openings: list[str]) -> None:
    cache = make(tmp_path)
    cache.put("k", {"list": [1]})
    settle(cache, "k")
    openings.clear()
    cache.get("k")["list"].append(2)
    assert cache.get("k") == {"list": [1]}
    assert openings == []


class Counted:
    """A value that notes how often it is read."""

    read = 0

    def __setstate__(self, state: Any) -> None:
        type(self).read += 1


def test_a_value_of_a_class_is_read_from_the_file_each_time(tmp_path: Path) -> None:
    cache = make(tmp_path)
    value = Counted()
    value.name = "a"  # type: ignore[attr-defined]
    cache.put("k", [value])
    settle(cache, "k")
    before = Counted.read
    for _ in range(3):
        assert isinstance(cache.get("k")[0], Counted)
    assert Counted.read == before + 3


def test_an_attempt_to_keep_a_value_is_made_once_for_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = make(tmp_path)
    cache.put("k", [Counted()])
    settle(cache, "k")
    monkeypatch.setattr(_file_values, "_plain_pickle", lambda _: pytest.fail("it was tried before"))
    assert len(cache.get("k")) == 1


def test_a_change_by_others_is_seen_at_once(tmp_path: Path) -> None:
    mine, theirs = make(tmp_path), make(tmp_path)
    theirs.put("k", 0)
    for number in range(400):
        if number % 50 == 0:
            settle(mine, "k")
        theirs.put("k", number)
        assert mine.get("k") == number, "the file has the same size, and often the same number"


def test_a_file_counts_only_after_it_was_unchanged_for_a_while(
    tmp_path: Path, openings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_file_values, "_SETTLING", 3600.0)
    cache = make(tmp_path)
    cache.put("k", 1)
    openings.clear()
    for _ in range(3):
        assert cache.get("k") == 1
    assert openings == ["r"] * 3


def test_a_value_that_is_removed_is_gone(tmp_path: Path) -> None:
    for end in (
        lambda cache: make(tmp_path).remove("k"),
        lambda cache: make(tmp_path).clear(),
        lambda cache: cache.clear(),
        lambda cache: Path(cache.namespace.file).unlink(),
    ):
        cache = make(tmp_path)
        cache.put("k", 1)
        settle(cache, "k")
        end(cache)
        with pytest.raises(KeyError):
            cache.get("k")


def test_a_kept_value_expires(tmp_path: Path, openings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make(tmp_path, expire=60)
    cache.put("k", "old")
    settle(cache, "k")
    now = time.time()
    openings.clear()
    monkeypatch.setattr(time, "time", lambda: now + 59)
    assert cache.get("k", createfunc=lambda: "new") == "old"
    assert openings == []
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert cache.get("k", createfunc=lambda: "new") == "new"


def test_a_kept_value_from_before_the_start_does_not_count(tmp_path: Path, openings: list[str]) -> None:
    cache = make(tmp_path)
    cache.put("k", "old")
    settle(cache, "k")
    openings.clear()
    assert cache.get("k", starttime=1.0) == "old"
    assert openings == []
    assert cache.get("k", starttime=time.time() + 5, createfunc=lambda: "new") == "new"


def test_a_decorated_function_uses_kept_values(tmp_path: Path, openings: list[str]) -> None:
    manager = CacheManager(type="file", data_dir=str(tmp_path))

    @manager.cache("load")
    def load(term: str) -> list[str]:
        return [term]

    assert load("a") == ["a"]
    settle(manager.get_cache(func_namespace(load.__wrapped__)), "load a")  # type: ignore[attr-defined]
    openings.clear()
    assert load("a") == ["a"]
    assert openings == []


def test_no_value_is_kept_of_what_was_not_stored(tmp_path: Path) -> None:
    cache = make(tmp_path)
    cache.put("k", "stored")
    settle(cache, "k")
    namespace = cache.namespace
    namespace.acquire_read_lock()
    namespace[b"k"] = (1.0, None, "not stored")
    assert namespace[b"k"][2] == "not stored"
    namespace.release_read_lock()
    assert cache.get("k") == "stored"


def test_a_thread_that_writes_is_refused_as_before(tmp_path: Path) -> None:
    cache = make(tmp_path)
    cache.put("k", "old")
    settle(cache, "k")
    cache.namespace.acquire_write_lock()
    with pytest.raises(LockError):
        cache.get("k")
    cache.namespace.release_write_lock()
    assert in_thread(lambda: cache.get("k")) == "old"


def test_values_beyond_a_mebibyte_are_read_from_the_file(tmp_path: Path, openings: list[str]) -> None:
    cache = make(tmp_path)
    cache.put("big", "b" * (1 << 20))
    cache.put("small", "s")
    settle(cache, "big", "small")
    openings.clear()
    assert cache.get("small") == "s"
    assert openings == []
    assert len(cache.get("big")) == 1 << 20
    assert openings == ["r"]


def test_a_subclass_a_reader_of_its_own_and_a_start_keep_nothing(tmp_path: Path, openings: list[str]) -> None:
    class Own(Cache):
        pass

    make(tmp_path).put("k", "v")
    data_dir = str(tmp_path)
    for cache in (
        Own("n", type="file", data_dir=data_dir),
        make(tmp_path, pickle="allowlist"),
        make(tmp_path, starttime=1.0),
    ):
        settle(cache, "k")
        openings.clear()
        assert cache.get("k") == "v"
        assert openings == ["r"]


def test_a_damaged_file_is_a_miss_after_its_values_were_kept(tmp_path: Path) -> None:
    cache = make(tmp_path)
    cache.put("k", "old")
    settle(cache, "k")
    Path(cache.namespace.file).write_bytes(b"damaged")
    assert cache.get("k", createfunc=lambda: "new") == "new"


def test_a_file_that_the_kernel_makes_up_is_opened_to_be_compared() -> None:
    # Its file system is not known to belong to this machine alone, as that of a network.
    path = "/sys/kernel/mm/transparent_hugepage/enabled"
    if not os.path.exists(path):  # noqa: PTH110
        pytest.skip(f"there is no {path}")
    values, cache = FileValues(path, 0.0), CacheLookup()
    cache._follow_file(values)
    values.read()
    assert values.read()[1]
    values.keep(b"k", 1.0, None, pickle.dumps([1]), None)
    assert cache.get("k") == [1]


def test_the_time_to_settle_is_a_number_of_seconds(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="negative"):
        FileValues(str(tmp_path), -1.0)
