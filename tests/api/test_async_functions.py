"""Coroutine functions whose results are cached."""

import asyncio
import inspect
import threading
import time
from typing import Any

import pytest

from beaker.cache import CacheManager, cache_region, cache_regions
from tests.support.threads import in_threads

pytestmark = pytest.mark.usefixtures("no_caches")


class Load:
    """Makes values that say how many were made, and can be stopped while it does."""

    def __init__(self) -> None:
        self.made = 0
        self.failures = 0
        self.pause = 0.01

    async def __call__(self, term: str, limit: int = 1) -> str:
        self.made += 1
        number = self.made
        await asyncio.sleep(self.pause)
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        return f"{term} {limit} made {number}"


@pytest.fixture
def load() -> Load:
    return Load()


def decorated(manager: CacheManager, load: Load, **options: Any) -> Any:
    @manager.cache("load", **options)
    async def find(term: str, limit: int = 1) -> str:
        """Finds."""
        return await load(term, limit)

    return find


def test_a_coroutine_functions_result_is_cached(manager: CacheManager, load: Load) -> None:
    find = decorated(manager, load, expire=60)

    async def work() -> list[str]:
        return [await find("a"), await find(term="a"), await find("a", 2)]

    assert inspect.iscoroutinefunction(find)
    assert (find.__name__, find.__doc__) == ("find", "Finds.")
    assert asyncio.run(work()) == ["a 1 made 1", "a 1 made 1", "a 2 made 2"]
    # Another event loop finds them too.
    assert asyncio.run(work()) == ["a 1 made 1", "a 1 made 1", "a 2 made 2"]
    manager.invalidate(find, "load", "a")
    assert asyncio.run(work())[0] == "a 1 made 3"


def test_one_of_many_tasks_makes_a_missing_value(manager: CacheManager, load: Load) -> None:
    find = decorated(manager, load)

    async def work() -> list[str]:
        return list(await asyncio.gather(*(find("a") for _ in range(64))))

    assert asyncio.run(work()) == ["a 1 made 1"] * 64


def test_one_of_many_event_loops_makes_a_missing_value(manager: CacheManager, load: Load) -> None:
    find = decorated(manager, load)
    works = [lambda: asyncio.run(find("a")) for _ in range(8)]
    assert in_threads(*works) == ["a 1 made 1"] * 8


def test_tasks_get_the_expired_value_while_one_makes_another(
    manager: CacheManager, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    find = decorated(manager, load, expire=10)

    async def work() -> list[str]:
        await find("a")
        now[0] += 10
        return [*await asyncio.gather(*(find("a") for _ in range(4))), await find("a")]

    # SQLite removes what has expired by itself, so there is no old value.
    has_old = manager.kwargs["type"] != "sqlite"
    old = "a 1 made 1" if has_old else "a 1 made 2"
    assert sorted(asyncio.run(work())) == [old] * 3 + ["a 1 made 2"] * 2


def test_a_failure_reaches_its_task_and_the_next_one_makes_the_value(
    manager: CacheManager, load: Load
) -> None:
    find = decorated(manager, load)
    load.failures = 1

    async def work() -> list[Any]:
        return await asyncio.gather(*(find("a") for _ in range(5)), return_exceptions=True)

    found = asyncio.run(work())
    assert [type(one) for one in found].count(ZeroDivisionError) == 1
    assert [one for one in found if isinstance(one, str)] == ["a 1 made 2"] * 4


def test_a_task_that_is_cancelled_frees_the_others(manager: CacheManager, load: Load) -> None:
    find = decorated(manager, load)
    load.pause = 60

    async def work() -> str:
        first = asyncio.create_task(find("a"))
        while not load.made:
            await asyncio.sleep(0)
        second = asyncio.create_task(find("a"))
        await asyncio.sleep(0)
        load.pause = 0
        first.cancel()
        found = await asyncio.gather(first, second, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        return str(found[1])

    assert asyncio.run(work()) == "a 1 made 2"


def test_an_event_loop_runs_on_while_a_thread_makes_the_value(manager: CacheManager, load: Load) -> None:
    find = decorated(manager, load)
    namespace = find._arg_namespace
    making, go_on = threading.Event(), threading.Event()

    def create() -> str:
        making.set()
        assert go_on.wait(60)
        return "of the thread"

    cache = manager.get_cache(namespace)
    thread = threading.Thread(target=lambda: cache.get("load a", createfunc=create))
    thread.start()
    assert making.wait(60)

    async def work() -> str:
        task = asyncio.create_task(find("a"))
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not task.done()
        go_on.set()
        return str(await task)

    assert asyncio.run(work()) == "of the thread"
    thread.join(60)
    assert load.made == 0


def test_a_region_that_is_off_awaits_the_function(load: Load) -> None:
    cache_regions["off"] = {"type": "memory", "enabled": False}

    @cache_region("off")
    async def find(term: str) -> str:
        return await load(term)

    async def work() -> list[str]:
        return [await find("a"), await find(term="a")]

    assert asyncio.run(work()) == ["a 1 made 1", "a 1 made 2"]


def test_a_coroutine_method_is_cached_for_all_objects(manager: CacheManager, load: Load) -> None:
    class Shop:
        @manager.cache()
        async def price(self, item: str) -> str:
            return await load(item)

    async def work() -> list[str]:
        return [await Shop().price("tea"), await Shop().price(item="tea")]

    assert asyncio.run(work()) == ["tea 1 made 1"] * 2
