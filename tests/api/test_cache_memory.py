"""Caches in memory: their bounds, what leaves them, and the native path to a fresh value."""

import gc
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from beaker._sizes import size_of
from beaker.cache import Cache, CacheManager
from beaker.container import MemoryNamespaceManager
from beaker.exceptions import ConfigurationError
from tests.support.threads import together

pytestmark = pytest.mark.usefixtures("no_caches")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test moves."""
    moment = [1000.0]
    monkeypatch.setattr(time, "time", lambda: moment[0])
    return moment


NAME = {"name": ""}
"""The name of the namespace of this test."""


@pytest.fixture(autouse=True)
def _own_name(request: pytest.FixtureRequest) -> None:
    """A namespace of its own for each test: what another keeps alive has its bounds still."""
    NAME["name"] = request.node.name.encode("utf-8", "replace").decode()


def opened(**options: Any) -> Cache:
    return CacheManager(type="memory", **options).get_cache(NAME["name"])


def kept(cache: Cache) -> set[bytes]:
    return set(cache.namespace.keys())


@pytest.mark.parametrize("most", [1, 2, 50, "50", " 50 "])
def test_a_cache_has_no_more_entries_than_it_may(most: Any) -> None:
    cache = opened(max_entries=most)
    for number in range(300):
        cache[str(number)] = number
        assert len(kept(cache)) <= int(most)
    assert len(kept(cache)) >= int(most) * 0.9
    values = [cache.get(str(number), createfunc=lambda: "again") for number in range(300)]
    assert set(values) - {"again"} <= set(range(300))


def test_a_value_that_is_used_stays() -> None:
    cache = opened(max_entries=20)
    for number in range(20):
        cache[str(number)] = number
    for number in range(100, 1000):
        assert [cache[str(used)] for used in range(5)] == [0, 1, 2, 3, 4]
        cache[str(number)] = number


def test_a_cache_has_no_more_bytes_than_it_may() -> None:
    cache = opened(max_bytes=10_000)
    for number in range(300):
        cache[str(number)] = bytes(number)
        assert sum(len(cache.namespace[key][2]) for key in kept(cache)) <= 10_000
    assert len(kept(cache)) > 10


def test_a_value_that_exceeds_the_bound_alone_is_made_each_time() -> None:
    cache = opened(max_bytes=1000)
    cache["small"] = 1
    made = [cache.get("large", createfunc=lambda: bytes(2000)) for _ in range(2)]
    assert made == [bytes(2000)] * 2
    assert kept(cache) == {b"small"}


def test_a_bound_that_comes_later_holds_for_what_is_there() -> None:
    cache = opened()
    for number in range(100):
        cache[str(number)] = bytes(100)
    opened(max_bytes=2000)
    assert 5 < len(kept(cache)) < 20
    opened(max_entries=5)
    assert 0 < len(kept(cache)) <= 5
    assert all(cache[key] == bytes(100) for key in kept(cache))


@pytest.mark.parametrize("name", ["max_entries", "max_bytes"])
@pytest.mark.parametrize("bound", [0, -1, "0", "many", "", 1.5, True, []])
def test_a_bound_is_a_whole_number_above_nothing(name: str, bound: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be a whole number above 0"):
        opened(**{name: bound})


def test_expired_values_leave_as_others_come(now: list[float]) -> None:
    cache = opened(expire=10)
    most = 0
    for number in range(20_000):
        now[0] += 0.01
        cache[str(number)] = number
        most = max(most, len(kept(cache))) if number % 500 == 0 else most
    # 1000 are fresh, 1000 are kept to be served while others are made, and as many come until the next sweep.
    assert 2000 <= most < 5000
    eternal = Cache("eternal")
    for number in range(5000):
        eternal[str(number)] = number
    now[0] += 1000
    for number in range(10_000):
        cache[str(number)] = number
    assert len(kept(eternal)) == 5000


def test_an_expired_value_stays_as_long_again(now: list[float]) -> None:
    cache = opened(expire=10)
    cache["k"] = "old"
    now[0] += 19
    for number in range(5000):
        cache[str(number)] = number
    assert cache._get_value("k").has_value()
    now[0] += 1
    for number in range(20_000):
        cache[str(number)] = number
    assert not cache._get_value("k").has_value()


class Last:
    """Uses the cache when it goes."""

    def __init__(self, use: Callable[[], Any]) -> None:
        self._use = use

    def __del__(self) -> None:
        self._use()


def test_what_goes_may_use_the_cache(now: list[float]) -> None:
    went: list[Any] = []
    cache = opened(max_entries=3, expire=10)

    def use() -> None:
        cache["from a destructor"] = "put"
        went.append(cache["from a destructor"])

    def put(key: str) -> None:
        cache[key] = Last(use)

    put("replaced")
    cache["replaced"] = 1
    put("removed")
    del cache["removed"]
    for number in range(10):
        put(str(number))
    put("cleared")
    cache.clear()
    put("emptied")
    MemoryNamespaceManager.namespaces.clear()
    put("bounded")
    opened(max_entries=1)["last"] = 1
    gc.collect()
    assert len(went) == 1 + 1 + 10 + 1 + 1 + 1


def test_a_hit_makes_nothing_and_asks_for_the_time_of_the_program(now: list[float]) -> None:
    def never() -> None:
        raise AssertionError

    cache = opened(expire=10)
    cache["k"] = "value"
    assert cache.get(key="k", createfunc=never) == "value"
    assert cache.get("k", createfunc=never, expiretime=1) == "value"
    assert cache.get_value(b"k") == "value"
    assert cache.get("k", starttime=2000.0, createfunc=lambda: "new") == "new"
    now[0] += 10
    with pytest.raises(KeyError):
        cache.get("k")


def test_a_start_that_is_set_later_counts(now: list[float]) -> None:
    cache = opened()
    cache["k"] = "value"
    cache.starttime = 1001.0
    with pytest.raises(KeyError):
        cache.get("k")
    cache.starttime = None
    assert cache.get("k") == "value"


def test_a_namespace_that_is_set_later_counts() -> None:
    cache = opened()
    cache["k"] = "value"
    cache.namespace = MemoryNamespaceManager("other")
    with pytest.raises(KeyError):
        cache.get("k")
    cache["k"] = "other"
    assert Cache("other")["k"] == "other"


def test_a_subclass_decides_how_its_values_are_found() -> None:
    class Own(Cache):
        def _get_value(self, key: Any, **kw: Any) -> Any:
            return super()._get_value("k", **kw)

    cache = Own("n")
    cache["k"] = "value"
    assert cache.get("anything") == cache["anything"] == "value"

    class Named(Cache):
        def get(self, key: Any, **kw: Any) -> Any:
            return key, kw

    assert Named("n")["k"] == ("k", {})


@pytest.mark.parametrize("key", ["k", b"k", "é", 5, ("a", 1), None, type("Bytes", (bytes,), {})(b"own")])
@pytest.mark.parametrize("name", ["n", "é", "\udc80", type("Name", (str,), {})("own")])
def test_a_key_may_be_any_object(name: str, key: Any) -> None:
    cache = Cache(name)
    cache[key] = "value"
    assert cache.get(key) == cache[key] == "value"
    assert key in cache
    assert len(kept(cache)) == 1
    assert name in list(MemoryNamespaceManager.namespaces.dict)
    del cache[key]
    assert key not in cache
    assert kept(cache) == set()
    cache[key] = "value"
    cache.clear()
    assert key not in cache


def test_threads_may_share_a_bounded_cache() -> None:
    cache = opened(max_entries=10)

    def work(number: int) -> None:
        for step in range(300):
            key = str((number * 7 + step) % 30)
            assert cache.get(key, createfunc=lambda key=key: key) == key

    together(work, 8)
    assert len(kept(cache)) <= 10


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left: Any) -> None:
        self.left = left


class Open:
    def __init__(self, value: Any) -> None:
        self.value = value


def test_a_size_is_that_of_all_parts() -> None:
    large = "x" * 5000
    parts: list[Any] = [[large], (large,), {large}, {large: 1}, {1: large}, Slotted(large), Open([large])]
    for value in parts:
        assert 5000 < size_of(value) < 7000
    assert size_of([large, [large, large]]) < 6000
    assert size_of(large) == sys.getsizeof(large)
    circle: list[Any] = [large]
    circle.append(circle)
    assert 5000 < size_of(circle) < 6000
    assert size_of([len, Open, sys, gc]) < 1000
    many = [*range(1000, 300_000)]
    assert size_of(many) > sys.getsizeof(many) + 150_000 * 28


def test_a_start_among_the_arguments_counts_for_a_hit(now: list[float]) -> None:
    cache = opened(expire=60)
    cache["k"] = "value"
    assert cache.get("k", starttime=1000.0, createfunc=lambda: "new") == "value"
    assert cache.get("k", starttime=None) == "value"
    assert cache.get("k", expiretime=1, starttime=999, createfunc=lambda: "new") == "value"
    assert cache.get("k", starttime=1000.5, createfunc=lambda: "new") == "new"
    with pytest.raises(TypeError):
        cache.get("k", starttime="text")
    with pytest.raises(TypeError):
        cache.get("k", nonsense=1)


def test_a_value_is_stored_with_the_time_and_the_expiry(now: list[float]) -> None:
    cache = opened(expire=60)
    cache.put("k", "value")
    assert cache.namespace[b"k"] == (1000.0, 60, "value")
    cache.put("k", "value", expiretime=5)
    assert cache.namespace[b"k"] == (1000.0, 5, "value")
    cache.expiretime = None
    cache["k"] = "value"
    assert cache.namespace[b"k"] == (1000.0, None, "value")


def test_a_value_expires_by_the_clock_of_the_machine() -> None:
    cache = opened(expire=60)
    # As if it had been stored earlier: nothing waits here.
    for age, is_fresh in ((0.0, True), (20.0, True), (60.0, False), (3600.0, False)):
        cache._get_value("k").set_value("value", storedtime=time.time() - age)
        found = cache.get("k", createfunc=lambda: "new")
        assert (found == "value") is is_fresh
