"""A value is renewed before it expires, by chance: likelier near its end, and if it takes long to make."""

import asyncio
import math
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from beaker import _cache_policy
from beaker.cache import Cache, CacheManager
from tests.support.threads import in_thread

pytestmark = pytest.mark.usefixtures("no_caches")

Warnings = Callable[[], list[str]]


@pytest.fixture
def chance(now: list[float], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds before the end at which a value that takes one second is renewed; the test moves them."""
    seconds = [1.0]
    monkeypatch.setattr(random, "random", lambda: 1 - math.exp(-seconds[0]))
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return seconds


class Create:
    """Makes values that say how many were made, and takes some seconds."""

    def __init__(self, now: list[float]) -> None:
        self._now = now
        self.takes = 2.0
        self.made = 0
        self.fails = False

    def __call__(self) -> str:
        self.made += 1
        self._now[0] += self.takes
        if self.fails:
            raise ZeroDivisionError
        return f"made {self.made}"


@pytest.fixture
def create(now: list[float]) -> Create:
    return Create(now)


def opened(manager: CacheManager, beta: Any = 1, **options: Any) -> Cache:
    return manager.get_cache("n", expire=100, early_renewal=beta, **options)


@pytest.mark.parametrize("beta", [1, 0.5, "3"])
def test_a_value_is_renewed_earlier_by_its_duration_times_the_factor_and_chance(
    anywhere: CacheManager, now: list[float], chance: list[float], create: Create, beta: Any
) -> None:
    cache = opened(anywhere, beta)
    assert cache.get("k", createfunc=create) == "made 1"
    chance[0] = 1.5
    early = 1.5 * 2 * float(beta)
    now[0] += 100 - early - 0.5
    assert cache.get("k", createfunc=create) == "made 1"
    now[0] += 0.5
    assert cache.get("k", createfunc=create) == "made 2"
    now[0] += 10
    assert cache.get("k", createfunc=create) == "made 2"


def test_a_value_is_renewed_at_any_time_if_chance_wills_it(
    manager: CacheManager, now: list[float], create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(random, "random", lambda: 1 - 2**-53)
    cache = opened(manager)
    assert cache.get("k", createfunc=create) == "made 1"
    longest = 2 * 53 * math.log(2)
    now[0] += 100 - longest - 0.1
    assert cache.get("k", createfunc=create) == "made 1"
    now[0] += 0.2
    assert cache.get("k", createfunc=create) == "made 2"


def test_without_the_option_chance_has_no_part(
    manager: CacheManager, now: list[float], chance: list[float], create: Create
) -> None:
    chance[0] = 30
    for options in ({}, {"early_renewal": 0}, {"early_renewal": None}):
        cache = manager.get_cache(str(options), expire=100, **options)
        cache.get("k", createfunc=create)
        now[0] += 99
        assert cache.get("k", createfunc=lambda: "renewed") != "renewed"


def test_one_renews_while_the_others_get_the_present_value(
    anywhere: CacheManager, now: list[float], chance: list[float], create: Create
) -> None:
    cache = opened(anywhere)
    cache.get("k", createfunc=create)
    now[0] += 99
    making, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        making.set()
        assert go_on.wait(60)
        return "renewed"

    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(cache.get("k", createfunc=slow)))
    thread.start()
    assert making.wait(60)
    assert in_thread(lambda: cache.get("k", createfunc=lambda: "never")) == "made 1"
    go_on.set()
    thread.join(60)
    assert got == ["renewed"]
    assert cache["k"] == "renewed"


def test_a_value_that_another_renewed_meanwhile_is_not_made_again(
    manager: CacheManager,
    now: list[float],
    chance: list[float],
    create: Create,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = opened(manager)
    cache.get("k", createfunc=create)
    now[0] += 99
    value = cache._get_value("k", createfunc=create)
    take = cache.namespace.get_creation_lock

    def renew_first(key: Any) -> Any:
        cache["k"] = "of another"
        return take(key)

    monkeypatch.setattr(cache.namespace, "get_creation_lock", renew_first)
    assert value.get_value() == "of another"
    assert create.made == 1


def test_a_failure_to_renew_early_is_logged_and_the_present_value_is_served(
    anywhere: CacheManager,
    now: list[float],
    chance: list[float],
    create: Create,
    warnings_of_caches: Warnings,
) -> None:
    cache = opened(anywhere)
    cache.get("k", createfunc=create)
    now[0] += 98
    create.fails, create.takes = True, 0.5
    assert cache.get("k", createfunc=create) == "made 1"
    assert "ZeroDivisionError" in warnings_of_caches()[0]
    now[0] += 2
    with pytest.raises(ZeroDivisionError):
        cache.get("k", createfunc=create)


def test_an_interrupt_while_a_value_is_renewed_early_reaches_the_caller(
    manager: CacheManager, now: list[float], chance: list[float], create: Create
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    cache = opened(manager)
    cache.get("k", createfunc=create)
    now[0] += 99
    with pytest.raises(KeyboardInterrupt):
        cache.get("k", createfunc=interrupt)
    assert cache.get("k", createfunc=create) == "made 2"


def test_a_lookup_without_a_creator_gets_the_present_value(
    anywhere: CacheManager, now: list[float], chance: list[float], create: Create
) -> None:
    cache = opened(anywhere)
    cache.get("k", createfunc=create)
    now[0] += 99
    assert cache.get("k") == cache["k"] == "made 1"
    assert "k" in cache


def test_with_stale_while_revalidate_a_thread_renews_early(
    anywhere: CacheManager,
    now: list[float],
    chance: list[float],
    create: Create,
    renewed: Callable[[], None],
) -> None:
    cache = opened(anywhere, stale_while_revalidate=10)
    cache.get("k", createfunc=create)
    now[0] += 99
    assert cache.get("k", createfunc=create) == "made 1"
    renewed()
    assert cache.get("k", createfunc=create) == "made 2"
    assert create.made == 2


def test_a_key_that_was_not_made_here_takes_as_long_as_the_last_one(
    anywhere: CacheManager, now: list[float], chance: list[float], create: Create
) -> None:
    cache = opened(anywhere)
    cache["of another process"] = "old"
    now[0] += 99.9
    assert cache.get("of another process", createfunc=create) == "old"
    create.takes = 0.0
    cache.get("here", createfunc=create)
    assert cache.get("of another process", createfunc=create) == "old"
    create.takes = 0.125
    cache.get("there", createfunc=create)
    now[0] -= 0.125
    if anywhere.kwargs["type"] == "memory":
        # There each value is of this process.
        assert cache.get("of another process", createfunc=create) == "old"
    else:
        assert cache.get("of another process", createfunc=create) == "made 3"


def test_each_key_has_the_duration_of_its_own_creation(
    anywhere: CacheManager, now: list[float], chance: list[float], create: Create
) -> None:
    cache = opened(anywhere)
    start = now[0]
    cache.get("slow", createfunc=create)
    create.takes = 0.0
    cache.get("quick", createfunc=create)
    now[0] = start + 101.5
    assert cache.get("quick", createfunc=create) == "made 2"
    assert cache.get("slow", createfunc=create) == "made 3"


def test_few_durations_are_kept() -> None:
    durations = _cache_policy.Durations()
    for number in range(3000):
        durations.note(number, float(number))
    assert [durations.of(number) for number in (2999, 1976, 1975)] == [2999.0, 1976.0, 2999.0]
    durations.note(1976, 5.0)
    durations.note(-1, 6.0)
    assert [durations.of(number) for number in (1976, 1977, -1)] == [5.0, 6.0, 6.0]


def test_a_task_renews_early_while_the_others_get_the_present_value(
    anywhere: CacheManager, now: list[float], chance: list[float]
) -> None:
    made: list[int] = []

    @anywhere.cache("load", expire=100, early_renewal=1)
    async def load() -> int:
        made.append(len(made) + 1)
        number = made[-1]
        now[0] += 2
        await asyncio.sleep(0.01)
        return number

    async def work() -> list[int]:
        await load()
        chance[0] = 2.0
        now[0] += 96
        return [*await asyncio.gather(*(load() for _ in range(5))), await load()]

    assert asyncio.run(work()) == [2, 1, 1, 1, 1, 2]
