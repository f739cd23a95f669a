"""Functions whose results are cached."""

from pathlib import Path
from typing import Any

import pytest

from beaker.cache import CacheManager, cache_managers, cache_region, cache_regions, region_invalidate
from beaker.exceptions import BeakerException, UnknownRegionError
from beaker.util import func_namespace

pytestmark = pytest.mark.usefixtures("no_caches")


def test_a_function_is_called_once_for_its_arguments(manager: CacheManager) -> None:
    calls: list[Any] = []

    @manager.cache("load", expire=60)
    def load(term: str, limit: int = 10) -> str:
        """Loads."""
        calls.append((term, limit))
        return f"{term} {limit}"

    for _ in range(2):
        assert load("é", 3) == load("é", limit=3) == load(limit=3, term="é") == "é 3"
    assert calls == [("é", 3)]
    assert (load.__name__, load.__doc__) == ("load", "Loads.")
    manager.invalidate(load, "load", "é", 3)
    load("é", 3)
    assert len(calls) == 2


def test_a_method_is_cached_for_all_objects(manager: CacheManager) -> None:
    calls: list[Any] = []

    class Shop:
        @manager.cache("price")
        def price(self, item: str) -> str:
            calls.append(item)
            return item.upper()

        @classmethod
        @manager.cache("tax")
        def tax(cls, item: str) -> str:
            calls.append(item)
            return cls.__name__

    assert Shop().price("tea") == Shop().price(item="tea") == "TEA"
    assert Shop.tax("tea") == Shop().tax("tea") == "Shop"
    assert calls == ["tea", "tea"]
    manager.invalidate(Shop.price, "price", "tea")
    Shop().price("tea")
    assert len(calls) == 3


def test_a_region_has_its_options_when_the_function_is_called(tmp_path: Path) -> None:
    calls: list[int] = []

    @cache_region("short", "load")
    def load(number: int) -> int:
        calls.append(number)
        return number

    with pytest.raises(UnknownRegionError, match="'short' is not configured; known: none"):
        load(1)
    for kind in (BeakerException, KeyError):
        with pytest.raises(kind):
            region_invalidate(load, "short", "load", 1)
    CacheManager(cache_regions={"short": {"type": "file", "data_dir": str(tmp_path), "expire": 60}})
    assert load(1) == load(1) == 1
    assert calls == [1]
    for invalidate in (region_invalidate, CacheManager().region_invalidate):
        invalidate(load, None, "load", 1)
        assert load(1) == 1
    assert calls == [1, 1, 1]
    region_invalidate(load._arg_namespace, "short", "load", 1)  # type: ignore[attr-defined]
    load(1)
    assert len(calls) == 4
    with pytest.raises(UnknownRegionError, match="needs the name of a region"):
        region_invalidate("a namespace", None)


def test_a_region_that_is_off_calls_the_function() -> None:
    calls: list[int] = []
    manager = CacheManager(cache_regions={"off": {"type": "memory", "enabled": False}})

    @manager.region("off")
    def load() -> None:
        calls.append(1)

    load()
    load()
    assert calls == [1, 1]
    cache_regions["off"]["enabled"] = True
    load()
    load()
    assert calls == [1, 1, 1]


def test_one_decorator_gives_each_function_a_cache_of_its_own(manager: CacheManager) -> None:
    decorator = manager.cache("same")

    @decorator
    def first(a: int) -> str:
        return "first"

    @decorator
    def second(a: int) -> str:
        return "second"

    assert [first(1), second(1), first(1), second(1)] == ["first", "second", "first", "second"]


def test_the_length_of_a_key_holds_for_every_call(manager: CacheManager) -> None:
    @manager.cache("load", key_length="10")
    def load(text: str) -> str:
        return text

    cache: Any = None
    for text in ("one", "two"):
        assert load(text) == text
    (cache,) = cache_managers.values()
    cache.namespace.acquire_read_lock()
    try:
        assert {len(key) for key in cache.namespace.keys()} == {40}  # noqa: SIM118 - a namespace is no dictionary
    finally:
        cache.namespace.release_read_lock()
    manager.invalidate(load, "load", "one", key_length="10")
    cache_regions["tight"] = {"type": "memory", "key_length": None}
    assert cache_region("tight")(lambda text: text)("x" * 300) == "x" * 300


def test_the_namespace_of_a_function_is_the_one_that_its_decorator_gave() -> None:
    def load() -> None:
        pass

    decorated: Any = CacheManager(type="memory").cache()(load)
    assert decorated._arg_namespace == func_namespace(load) == f"{__file__}|load"
    assert not hasattr(decorated, "_arg_region")
    assert decorated.__wrapped__ is load
