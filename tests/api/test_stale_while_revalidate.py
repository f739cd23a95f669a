"""An expired value is served while a thread makes another, for so many seconds after its expiry."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from beaker import _async_value, _renewal
from beaker.cache import Cache, CacheManager
from beaker.exceptions import StoreUnavailableError
from tests.support.threads import in_thread, together

pytestmark = pytest.mark.usefixtures("no_caches")

Renewed = Callable[[], None]
Warnings = Callable[[], list[str]]


class Create:
    """Makes values that say how many were made. It can be stopped, and can fail."""

    def __init__(self) -> None:
        self.made = 0
        self.fails = False
        self.making = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self) -> str:
        self.made += 1
        number = self.made
        self.making.set()
        assert self.go_on.wait(60)
        if self.fails:
            raise ZeroDivisionError("no password here")
        return f"made {number}"


@pytest.fixture
def create() -> Create:
    return Create()


def opened(manager: CacheManager, **options: Any) -> Cache:
    return manager.get_cache("n", expire=10, stale_while_revalidate=30, **options)


def test_an_expired_value_is_served_while_a_thread_renews_it(
    anywhere: CacheManager, now: list[float], create: Create, renewed: Renewed
) -> None:
    cache = opened(anywhere)
    assert cache.get("k", createfunc=create) == "made 1"
    now[0] += 39.9
    create.go_on.clear()
    assert cache.get("k", createfunc=create) == "made 1"
    assert create.making.wait(60)
    assert together(lambda _: cache.get("k", createfunc=create), 8) == ["made 1"] * 8
    create.go_on.set()
    renewed()
    assert cache.get("k") == "made 2"
    assert create.made == 2


def test_no_value_is_served_after_its_bound(
    anywhere: CacheManager, now: list[float], create: Create, renewed: Renewed
) -> None:
    cache = opened(anywhere)
    cache["k"] = "old"
    now[0] += 40
    assert cache.get("k", createfunc=create) == "made 1"
    now[0] += 40
    with pytest.raises(KeyError):
        cache.get("k")
    create.go_on.clear()
    create.making.clear()
    got: list[Any] = []
    asking = [
        threading.Thread(target=lambda: got.append(cache.get("k", createfunc=create))) for _ in range(3)
    ]
    for thread in asking:
        thread.start()
    assert create.making.wait(60)
    assert got == []
    create.go_on.set()
    for thread in asking:
        thread.join(60)
    assert got == ["made 2"] * 3


def test_a_failure_to_renew_is_logged_and_the_old_value_stays_until_its_bound(
    anywhere: CacheManager, now: list[float], create: Create, renewed: Renewed, warnings_of_caches: Warnings
) -> None:
    cache = opened(anywhere)
    cache["k"] = "old"
    now[0] += 20
    create.fails = True
    for count in (1, 2):
        assert cache.get("k", createfunc=create) == "old"
        renewed()
        assert create.made == count
    assert len(warnings_of_caches()) == 2
    assert "'n' is not renewed, and the old one stays for now: ZeroDivisionError" in warnings_of_caches()[0]
    now[0] += 20
    with pytest.raises(ZeroDivisionError):
        cache.get("k", createfunc=create)
    create.fails = False
    assert cache.get("k", createfunc=create) == "made 4"


def test_a_creator_that_ends_its_thread_frees_the_others(
    manager: CacheManager, now: list[float], create: Create, renewed: Renewed, warnings_of_caches: Warnings
) -> None:
    def end() -> None:
        raise SystemExit

    cache = opened(manager)
    cache["k"] = "old"
    now[0] += 20
    assert cache.get("k", createfunc=end) == "old"
    renewed()
    assert "SystemExit" in warnings_of_caches()[0]
    assert cache.get("k", createfunc=create) == "old"
    renewed()
    assert cache["k"] == "made 1"


def test_without_a_creator_an_expired_value_is_none(anywhere: CacheManager, now: list[float]) -> None:
    cache = opened(anywhere)
    cache["k"] = "old"
    now[0] += 10
    with pytest.raises(KeyError):
        cache.get("k")
    assert "k" not in cache


def test_a_value_from_before_the_start_is_served_until_the_bound_after_the_start(
    manager: CacheManager, now: list[float], create: Create, renewed: Renewed
) -> None:
    cache = manager.get_cache("n", stale_while_revalidate=30)
    cache["k"] = "old"
    start = now[0] + 5
    now[0] += 20
    assert cache.get("k", createfunc=create, starttime=start) == "old"
    renewed()
    assert cache.get("k", createfunc=create, starttime=start) == "made 1"
    cache["k"] = "old"
    start = now[0] + 5
    now[0] += 35
    assert cache.get("k", createfunc=create, starttime=start) == "made 2"


def test_a_start_that_is_still_to_come_makes_a_value_stale(
    manager: CacheManager, now: list[float], create: Create, renewed: Renewed
) -> None:
    cache = manager.get_cache("n", stale_while_revalidate=30)
    cache["k"] = "old"
    assert cache.get("k", createfunc=create, starttime=now[0] + 5) == "old"
    renewed()
    assert cache["k"] == "made 1"


def test_few_threads_renew_at_a_time(
    manager: CacheManager, now: list[float], create: Create, renewed: Renewed
) -> None:
    cache = opened(manager)
    keys = [str(number) for number in range(_renewal.MOST + 5)]
    for key in keys:
        cache[key] = "old"
    now[0] += 20
    create.go_on.clear()
    assert [cache.get(key, createfunc=create) for key in keys] == ["old"] * len(keys)
    assert sum(thread.name == "beaker-renewal" for thread in threading.enumerate()) == _renewal.MOST
    create.go_on.set()
    renewed()
    assert [cache.get(key, createfunc=create) for key in keys].count("old") == 5
    renewed()
    assert "old" not in [cache.get(key) for key in keys]


def test_a_process_without_room_for_a_thread_serves_the_old_value(
    manager: CacheManager, now: list[float], create: Create, renewed: Renewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    cache = opened(manager)
    cache["k"] = "old"
    now[0] += 20
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert cache.get("k", createfunc=create) == "old"
    assert create.made == 0
    assert cache.get("k", createfunc=create) == "old"
    renewed()
    assert cache["k"] == "made 1"


def test_the_thread_has_the_context_of_the_caller(
    manager: CacheManager, now: list[float], renewed: Renewed
) -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    cache = opened(manager)
    cache["k"] = "old"
    now[0] += 20
    who.set("the caller")
    assert cache.get("k", createfunc=who.get) == "old"
    renewed()
    assert cache["k"] == "the caller"


def test_a_value_that_another_made_meanwhile_is_not_made_again(
    anywhere: CacheManager, now: list[float], create: Create, renewed: Renewed
) -> None:
    cache = opened(anywhere)
    cache["k"] = "old"
    now[0] += 20
    lock = cache.namespace.get_creation_lock(b"k")
    lock.acquire()
    try:
        assert in_thread(lambda: cache.get("k", createfunc=create)) == "old"
        cache["k"] = "of another"
    finally:
        lock.release()
    renewed()
    assert cache["k"] == "of another"
    assert create.made == 0


def test_a_store_that_fails_while_a_value_is_renewed_is_logged(
    now: list[float],
    create: Create,
    renewed: Renewed,
    warnings_of_caches: Warnings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = opened(CacheManager(type="memory"))
    cache["k"] = "old"
    now[0] += 20

    def down(*_: Any) -> None:
        raise StoreUnavailableError("it is down")

    with monkeypatch.context() as patched:
        patched.setattr(cache.namespace, "_keep", down)
        assert cache.get("k", createfunc=create) == "old"
        renewed()
    assert "StoreUnavailableError" in warnings_of_caches()[0]


def test_an_expired_value_stays_in_memory_until_its_bound(now: list[float]) -> None:
    cache = opened(CacheManager(type="memory"))
    cache["k"] = "old"
    now[0] += 39
    for number in range(5000):
        cache[str(number)] = number
    assert cache._get_value("k").has_value()
    now[0] += 1
    for number in range(20_000):
        cache[str(number)] = number
    assert b"k" not in cache.namespace


def test_a_decorated_function_is_renewed_by_a_thread(
    anywhere: CacheManager, now: list[float], create: Create, renewed: Renewed
) -> None:
    @anywhere.cache("load", expire=10, stale_while_revalidate="30")
    def load(term: str, limit: int = 3) -> str:
        return f"{term} {limit} {create()}"

    assert load("a") == "a 3 made 1"
    now[0] += 20
    assert load("a") == "a 3 made 1"
    renewed()
    assert load("a") == load(term="a") == "a 3 made 2"


def test_a_task_renews_the_value_of_a_coroutine_function(anywhere: CacheManager, now: list[float]) -> None:
    made: list[int] = []

    @anywhere.cache("load", expire=10, stale_while_revalidate=30)
    async def load(term: str) -> str:
        made.append(1)
        number = len(made)
        await asyncio.sleep(0.01)
        return f"{term} {number}"

    async def work() -> list[str]:
        found = [await load("a")]
        now[0] += 20
        found += await asyncio.gather(*(load("a") for _ in range(20)))
        while _async_value._renewals:
            await asyncio.sleep(0.001)
        return [*found, await load("a")]

    assert asyncio.run(work()) == ["a 1"] * 21 + ["a 2"]


def test_a_failure_of_a_task_is_logged_and_the_old_value_stays(
    manager: CacheManager, now: list[float], warnings_of_caches: Warnings
) -> None:
    fails: list[bool] = []

    @manager.cache("load", expire=10, stale_while_revalidate=30)
    async def load() -> str:
        await asyncio.sleep(0)
        if fails:
            raise ZeroDivisionError
        return "made"

    async def work() -> None:
        assert await load() == "made"
        fails.append(True)
        now[0] += 20
        for _ in range(2):
            assert await load() == "made"
            while _async_value._renewals:
                await asyncio.sleep(0.001)
        now[0] += 20
        with pytest.raises(ZeroDivisionError):
            await load()

    asyncio.run(work())
    assert len(warnings_of_caches()) == 2


def test_a_task_that_is_cancelled_leaves_the_renewal_to_another(
    manager: CacheManager, now: list[float], warnings_of_caches: Warnings
) -> None:
    pause = [0.0]

    @manager.cache("load", expire=10, stale_while_revalidate=30)
    async def load() -> str:
        await asyncio.sleep(pause[0])
        return f"made with a pause of {pause[0]}"

    async def work() -> str:
        await load()
        now[0] += 20
        pause[0] = 60.0
        await load()
        await asyncio.sleep(0.01)
        return await load()

    old = "made with a pause of 0.0"
    # The end of the event loop cancels the task.
    assert asyncio.run(work()) == old
    pause[0] = 0.001

    async def again() -> list[str]:
        found = [await load()]
        while _async_value._renewals:
            await asyncio.sleep(0.001)
        return [*found, await load()]

    assert asyncio.run(again()) == [old, "made with a pause of 0.001"]
    # A task that is cancelled is no failure.
    assert warnings_of_caches() == []


def test_a_loop_that_was_left_open_or_closed_takes_no_room(manager: CacheManager, now: list[float]) -> None:
    @manager.cache("load", expire=10, stale_while_revalidate=30)
    async def load(number: int) -> int:
        await asyncio.sleep(60)
        return -number

    async def fill() -> None:
        cache = manager.get_cache(load._arg_namespace, expire=10, stale_while_revalidate=30)  # type: ignore[attr-defined]
        for number in range(_renewal.MOST):
            cache[f"load {number}"] = number
        now[0] += 20
        assert [await load(number) for number in range(_renewal.MOST)] == list(range(_renewal.MOST))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(fill())
    left = list(_async_value._renewals.values())
    assert len(left) == _renewal.MOST
    for task in left:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()

    async def again() -> None:
        assert await load(0) == 0
        assert len(_async_value._renewals) == 1

    asyncio.run(again())
