"""Decorated functions have tags, which may depend on their arguments, and regions share them."""

import asyncio
from pathlib import Path

import pytest

from beaker.cache import CacheManager, cache_region, cache_regions, invalidate_tag, region_invalidate
from beaker.exceptions import UnknownRegionError

pytestmark = pytest.mark.usefixtures("no_caches")


def test_functions_of_one_tag_are_invalidated_together(anywhere: CacheManager, now: list[float]) -> None:
    calls: list[str] = []

    @anywhere.cache("name", expire=60, tags="users")
    def name(user: str) -> str:
        calls.append("name")
        return user

    @anywhere.cache("age", expire=90, tags=["users", "ages"])
    def age(user: str) -> int:
        calls.append("age")
        return len(user)

    for _ in range(2):
        assert (name("ann"), age("ann")) == ("ann", 3)
    now[0] += 1
    anywhere.invalidate_tag("ages")
    now[0] += 1
    assert (name("ann"), age("ann")) == ("ann", 3)
    assert calls == ["name", "age", "age"]
    now[0] += 1
    anywhere.invalidate_tag("users")
    now[0] += 1
    assert (name("ann"), age("ann")) == ("ann", 3)
    assert sorted(calls[3:]) == ["age", "name"]


def test_the_tags_of_a_call_may_depend_on_its_arguments(anywhere: CacheManager, now: list[float]) -> None:
    calls: list[tuple[str, int]] = []
    tags = lambda user, limit=1: [f"user {user}", f"limit {limit}"]  # noqa: E731 - as programs write it

    @anywhere.cache("orders", expire=60, tags=tags)
    def orders(user: str, limit: int = 1) -> None:
        calls.append((user, limit))

    def ask() -> None:
        orders("ann")
        orders("bob", limit=2)

    ask()
    ask()
    assert calls == [("ann", 1), ("bob", 2)]
    for tag, expected in (("user ann", ("ann", 1)), ("limit 2", ("bob", 2))):
        calls.clear()
        now[0] += 1
        anywhere.invalidate_tag(tag)
        now[0] += 1
        ask()
        assert calls == [expected]
    calls.clear()
    anywhere.invalidate(orders, "orders", "ann", expire=60, tags=tags)
    ask()
    assert calls == [("ann", 1)]


def test_the_tags_of_a_method_may_depend_on_its_object(manager: CacheManager, now: list[float]) -> None:
    calls: list[str] = []

    class Shop:
        name = "corner"

        @manager.cache("prices", tags=lambda self, item: f"shop {self.name}, item {item}")
        def price(self, item: str) -> int:
            calls.append(item)
            return 5

    for tag in ("shop corner", "item tea"):
        Shop().price("tea")
        now[0] += 1
        manager.invalidate_tag(tag)
        now[0] += 1
    Shop().price("tea")
    assert calls == ["tea"] * 3


def test_coroutine_functions_have_tags_too(anywhere: CacheManager, now: list[float]) -> None:
    calls: list[str] = []

    @anywhere.cache("load", tags=lambda user: [f"user {user}"])
    async def load(user: str) -> str:
        await asyncio.sleep(0)
        calls.append(user)
        return user

    async def work() -> None:
        for user in ("ann", "bob", "ann"):
            await load(user)

    asyncio.run(work())
    now[0] += 1
    anywhere.invalidate_tag("user bob")
    now[0] += 1
    asyncio.run(work())
    assert calls == ["ann", "bob", "bob"]


def test_a_tag_is_invalidated_in_the_stores_of_all_regions(tmp_path: Path, now: list[float]) -> None:
    manager = CacheManager(
        type="file",
        data_dir=str(tmp_path / "own"),
        cache_regions={
            "memory": {"type": "memory", "tags": "users"},
            "file": {"type": "file", "data_dir": str(tmp_path / "other"), "expire": 9, "tags": "users"},
            # Nothing can be in it.
            "nowhere": {"type": "file", "tags": "users"},
        },
    )
    opened = [
        manager.get_cache("n", tags="users"),
        manager.get_cache_region("n", "memory"),
        manager.get_cache_region("n", "file"),
    ]

    def left() -> list[bool]:
        now[0] += 1
        found = ["k" in cache for cache in opened]
        for cache in opened:
            cache["k"] = "value"
        now[0] += 1
        return found

    left()
    manager.invalidate_tag("users")
    assert left() == [False, False, False]
    manager.invalidate_tag("others")
    assert left() == [True, True, True]
    invalidate_tag("users")
    assert left() == [True, False, False]
    invalidate_tag("users", "file")
    assert left() == [True, True, False]
    manager.invalidate_tag("users", data_dir=str(tmp_path / "a third"))
    assert left() == [True, False, False]
    with pytest.raises(UnknownRegionError, match="'unknown' is not configured"):
        invalidate_tag("users", "unknown")


def test_a_function_of_a_region_has_the_tags_of_the_region(tmp_path: Path, now: list[float]) -> None:
    cache_regions["tagged"] = {"type": "file", "data_dir": str(tmp_path), "tags": "prices"}
    calls: list[str] = []

    @cache_region("tagged", "load")
    def load(item: str) -> str:
        calls.append(item)
        return item

    load("tea")
    now[0] += 1
    invalidate_tag("prices")
    now[0] += 1
    load("tea")
    load("tea")
    region_invalidate(load, None, "load", "tea")
    load("tea")
    assert calls == ["tea"] * 3
