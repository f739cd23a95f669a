"""A region counts what its caches do, if it is asked to."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from beaker import _cache_policy, _cache_statistics
from beaker._core import Counter
from beaker._sizes import size_of
from beaker.cache import (
    Cache,
    CacheManager,
    cache_region,
    cache_regions,
    cache_statistics,
    region_invalidate,
    reset_cache_statistics,
)
from beaker.exceptions import BeakerException, UnknownRegionError
from tests.support.threads import together

pytestmark = pytest.mark.usefixtures("no_caches", "no_numbers")


@pytest.fixture
def no_numbers() -> Iterator[None]:
    """Nothing was counted."""
    _cache_statistics._by_name.clear()
    yield
    _cache_statistics._by_name.clear()


def numbers(name: str = "n", **expected: int) -> dict[str, int]:
    found = cache_statistics(name)
    assert list(found) == ["hits", "stale", "misses", "waits", "loads", "errors", "bytes"]
    return {key: value for key, value in found.items() if value or key in expected}


def test_each_outcome_of_a_lookup_counts_once(anywhere: CacheManager, now: list[float]) -> None:
    cache = anywhere.get_cache("n", expire=10, statistics=True)
    with pytest.raises(KeyError):
        cache.get("k")
    assert numbers() == {"misses": 1}
    cache.get("k", createfunc=lambda: "value")
    assert numbers() == {"misses": 2, "loads": 1, "bytes": size_of("value")}
    for _ in range(3):
        cache.get("k", createfunc=lambda: "never")
    assert cache["k"] == "value"
    assert numbers() == {"hits": 4, "misses": 2, "loads": 1, "bytes": size_of("value")}
    with pytest.raises(ZeroDivisionError):
        cache.get("l", createfunc=lambda: 1 // 0)
    cache["put"] = b"12345"
    cache.put("put", b"12345")
    assert numbers() == {
        "hits": 4,
        "misses": 3,
        "loads": 1,
        "errors": 1,
        "bytes": size_of("value") + 2 * size_of(b"12345"),
    }
    # To look whether there is a value, or to remove it, is no lookup.
    assert "k" in cache
    cache.remove("k")
    assert numbers()["hits"] == 4
    now[0] += 10
    with pytest.raises(KeyError):
        cache.get("put")
    cache.get("put", createfunc=lambda: b"12345")
    assert (numbers()["hits"], numbers()["misses"], numbers()["loads"]) == (4, 5, 2)


def test_a_reset_begins_anew(manager: CacheManager) -> None:
    cache = manager.get_cache("n", statistics="true")
    cache["k"] = "value"
    cache.get("k")
    reset_cache_statistics("n")
    assert numbers() == {}
    cache.get("k")
    assert numbers() == {"hits": 1}


def test_an_expired_value_that_is_served_counts_as_stale(
    anywhere: CacheManager, now: list[float], renewed: Callable[[], None]
) -> None:
    cache = anywhere.get_cache("n", expire=10, stale_while_revalidate=10, statistics=True)
    cache["k"] = None
    now[0] += 10
    reset_cache_statistics("n")
    cache.get("k", createfunc=lambda: None)
    renewed()
    assert numbers() == {"stale": 1, "loads": 1, "bytes": size_of(None)}
    cache.get("k", createfunc=lambda: None)
    assert numbers()["hits"] == 1


def test_a_thread_that_renews_a_value_is_nobody_who_waits(
    manager: CacheManager, now: list[float], renewed: Callable[[], None]
) -> None:
    cache = manager.get_cache("n", expire=10, stale_while_revalidate=10, statistics=True)
    cache["k"] = None
    now[0] += 10
    reset_cache_statistics("n")
    lock = cache.namespace.get_creation_lock(b"k")
    lock.acquire()
    try:
        together(lambda _: cache.get("k", createfunc=lambda: None), 1)
        time.sleep(0.05)
    finally:
        lock.release()
    renewed()
    assert numbers() == {"stale": 1, "loads": 1, "bytes": size_of(None)}


@pytest.mark.parametrize("options", [{}, {"stale_while_revalidate": 10}])
def test_a_value_that_is_renewed_early_counts_as_a_hit(
    anywhere: CacheManager,
    now: list[float],
    renewed: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
) -> None:
    monkeypatch.setattr(_cache_policy.Policy, "is_due", lambda *_: True)
    monkeypatch.setattr(_cache_policy.Policy, "longest_early", lambda *_: 100.0)
    cache = anywhere.get_cache("n", expire=10, early_renewal=1, statistics=True, **options)
    cache["k"] = None
    reset_cache_statistics("n")
    now[0] += 1
    cache.get("k", createfunc=lambda: None)
    renewed()
    assert numbers() == {"hits": 1, "loads": 1, "bytes": size_of(None)}


def test_those_who_get_the_expired_value_while_one_makes_another_are_served_stale(
    manager: CacheManager, now: list[float]
) -> None:
    cache = manager.get_cache("n", expire=10, statistics=True)
    cache["k"] = "old"
    starttime = now[0] + 1
    now[0] += 2
    reset_cache_statistics("n")

    def create() -> str:
        for _ in range(3):
            assert together(lambda _: cache.get("k", starttime=starttime, createfunc=str), 1) == ["old"]
        return "new"

    assert cache.get("k", starttime=starttime, createfunc=create) == "new"
    assert numbers() == {"stale": 3, "misses": 1, "loads": 1, "bytes": size_of("new")}


def test_those_who_wait_for_a_missing_value_count(anywhere: CacheManager) -> None:
    cache = anywhere.get_cache("n", statistics=True)

    def create() -> str:
        end = time.monotonic() + 60
        while cache_statistics("n")["waits"] < 7:
            assert time.monotonic() < end
            time.sleep(0.001)
        return "made"

    assert together(lambda _: cache.get("k", createfunc=create), 8) == ["made"] * 8
    assert numbers() == {"misses": 8, "waits": 7, "loads": 1, "bytes": size_of("made")}


def test_tasks_count_as_threads_do(anywhere: CacheManager, now: list[float]) -> None:
    @anywhere.cache("load", expire=10, statistics=True, stale_while_revalidate=10)
    async def load() -> str:
        await asyncio.sleep(0.01)
        return "made"

    async def work() -> None:
        await asyncio.gather(*(load() for _ in range(8)))
        await load()
        now[0] += 10
        await load()
        await asyncio.sleep(0)
        while [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            await asyncio.sleep(0.001)

    asyncio.run(work())
    assert numbers(load._arg_namespace) == {  # type: ignore[attr-defined]
        "misses": 8,
        "waits": 7,
        "loads": 2,
        "hits": 1,
        "stale": 1,
        "bytes": 2 * size_of("made"),
    }


def next_of(values: tuple[Any, ...]) -> Any:
    return values[0]


def test_an_exception_that_is_an_answer_counts_as_an_error_and_then_as_a_hit(manager: CacheManager) -> None:
    cache = manager.get_cache("n", negative_expire=60, negative_exceptions="LookupError", statistics=True)
    for _ in range(3):
        with pytest.raises(LookupError):
            cache.get("k", createfunc=lambda: next_of(()))
    assert numbers() == {"hits": 2, "misses": 1, "errors": 1}


def test_a_region_counts_for_all_its_functions_and_caches(tmp_path: Path) -> None:
    manager = CacheManager(
        cache_regions={
            name: {"type": "memory", "statistics": on, "key_length": 250}
            for name, on in (("one", True), ("same", True), ("off", False))
        }
    )
    assert numbers("one") == {}

    @cache_region("one", "first")
    def first(number: int) -> int:
        return number

    @cache_region("one", "second")
    def second(number: int) -> int:
        return number

    @cache_region("same", "first")
    def third(number: int) -> int:
        return number

    for function in (first, second, third):
        for _ in range(3):
            function(1)
    # The same options, and so the same values.
    manager.get_cache_region(first._arg_namespace, "same").get("first 1")  # type: ignore[attr-defined]
    size = size_of(1)
    assert numbers("one") == {"hits": 4, "misses": 2, "loads": 2, "bytes": 2 * size}
    assert numbers("same") == {"hits": 3, "misses": 1, "loads": 1, "bytes": size}
    region_invalidate(first, None, "first", 1)
    first(1)
    assert numbers("one")["misses"] == 3


def test_what_does_not_count_has_no_numbers() -> None:
    cache_regions["off"] = {"type": "memory"}
    Cache("n")["k"] = 1
    for name in ("off", "n", "unknown"):
        for kind in (UnknownRegionError, BeakerException, KeyError):
            with pytest.raises(kind, match=rf"nothing counts under the name '{name}': set statistics = true"):
                cache_statistics(name)
        with pytest.raises(UnknownRegionError, match="known: none"):
            reset_cache_statistics(name)


def test_no_hit_of_many_threads_is_lost(manager: CacheManager) -> None:
    @manager.cache("load", statistics=True)
    def load(number: int) -> int:
        return number

    load(1)

    def work(_number: int) -> None:
        for _ in range(100):
            load(1)

    together(work, 8)
    assert numbers(load._arg_namespace)["hits"] == 800  # type: ignore[attr-defined]


def test_a_counter_adds_and_begins_anew() -> None:
    counter = Counter()
    counter.add()
    counter.add(41)
    assert counter.value == 42
    counter.reset()
    assert counter.value == 0
    with pytest.raises((OverflowError, TypeError)):
        counter.add(-1)


def test_numbers_can_be_read_while_a_value_is_made(manager: CacheManager) -> None:
    cache = manager.get_cache("n", statistics=True)
    making, go_on = threading.Event(), threading.Event()

    def create() -> Any:
        making.set()
        return go_on.wait(60)

    thread = threading.Thread(target=lambda: cache.get("k", createfunc=create))
    thread.start()
    assert making.wait(60)
    assert numbers() == {"misses": 1}
    go_on.set()
    thread.join(60)
    assert numbers()["loads"] == 1
