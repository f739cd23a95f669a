"""The answer "there is none" is kept for a time of its own: `None`, and exceptions that mean it."""

import asyncio
import json
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beaker.cache import Cache, CacheManager
from beaker.exceptions import ConfigurationError
from tests.support.threads import together

pytestmark = pytest.mark.usefixtures("no_caches")

NOT_KEPT: list[Any] = [OSError("another"), ZeroDivisionError("another")]


class NotFoundError(LookupError):
    """An exception with more than a text."""

    def __init__(self, item: str, *, place: str) -> None:
        super().__init__(item)
        self.place = place

    def __reduce__(self) -> Any:
        return _not_found, (self.args[0], self.place)


def _not_found(item: str, place: str) -> NotFoundError:
    return NotFoundError(item, place=place)


class StubbornError(Exception):
    """An exception that cannot be copied."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


class Answers:
    """Answers in turn: returns each, or raises it if it is an exception."""

    def __init__(self, *answers: Any) -> None:
        self.left = list(answers)

    def __call__(self) -> Any:
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def opened(manager: CacheManager, **options: Any) -> Cache:
    return manager.get_cache("n", **{"expire": 100, "negative_expire": 5, **options})


def test_none_is_kept_for_its_own_time(anywhere: CacheManager, now: list[float]) -> None:
    cache = opened(anywhere)
    create = Answers(None, "found", None)
    assert cache.get("k", createfunc=create) is None
    now[0] += 4.9
    assert cache.get("k", createfunc=create) is None
    now[0] += 0.1
    # The old answer may be served by the others only.
    assert cache.get("k", createfunc=create) == "found"
    now[0] += 99
    assert cache.get("k", createfunc=create) == "found"
    now[0] += 1
    assert cache.get("k", createfunc=create) is None
    assert create.left == []


def test_false_and_empty_values_are_values(manager: CacheManager, now: list[float]) -> None:
    cache = opened(manager)
    for key, value in (("a", 0), ("b", ""), ("c", False), ("d", [])):
        cache.get(key, createfunc=Answers(value))
        now[0] += 50
        assert cache.get(key) == value


def test_none_is_not_kept_at_all_if_the_time_is_nothing(anywhere: CacheManager, now: list[float]) -> None:
    cache = opened(anywhere, negative_expire="0", stale_while_revalidate=1000)
    cache["k"] = "old"
    now[0] += 2000
    create = Answers(None, None, "found")
    assert [cache.get("k", createfunc=create) for _ in range(4)] == [None, None, "found", "found"]


def test_none_that_a_program_puts_is_a_value(anywhere: CacheManager, now: list[float]) -> None:
    cache = opened(anywhere)
    cache["k"] = None
    now[0] += 99
    assert cache.get("k", createfunc=lambda: "made") is None


def test_an_exception_that_is_an_answer_is_raised_again(anywhere: CacheManager, now: list[float]) -> None:
    cache = opened(anywhere, negative_exceptions="LookupError, ValueError")
    create = Answers(NotFoundError("tea", place="shop"), "found")
    for _ in range(3):
        with pytest.raises(NotFoundError, match="tea") as caught:
            cache.get("k", createfunc=create)
        assert caught.value.place == "shop"
        now[0] += 1
    # Without a creator the answer is known, too.
    with pytest.raises(NotFoundError):
        cache.get("k")
    now[0] += 2
    assert cache.get("k", createfunc=create) == "found"
    assert create.left == []


@pytest.mark.parametrize("error", NOT_KEPT)
def test_another_exception_is_no_answer(anywhere: CacheManager, error: Exception) -> None:
    cache = opened(anywhere, negative_exceptions=[LookupError, "ValueError"])
    create = Answers(error, "found")
    with pytest.raises(type(error)):
        cache.get("k", createfunc=create)
    assert cache.get("k", createfunc=create) == "found"


def test_each_caller_gets_an_exception_of_its_own(manager: CacheManager) -> None:
    cache = opened(manager, negative_exceptions=NotFoundError)
    create = Answers(NotFoundError("tea", place="shop"))

    def error() -> Exception:
        try:
            cache.get("k", createfunc=create)
        except NotFoundError as caught:
            return caught
        raise AssertionError

    found = [error() for _ in range(5)]
    assert len({id(one) for one in found}) == 5
    lengths = {len(traceback.extract_tb(one.__traceback__)) for one in found[1:]}
    assert len(lengths) == 1


def test_an_exception_that_cannot_be_copied_is_raised_itself(manager: CacheManager) -> None:
    cache = opened(manager, negative_exceptions=[StubbornError])
    create = Answers(StubbornError("no", "copy"))
    found = []
    for _ in range(5):
        with pytest.raises(StubbornError, match="no copy") as caught:
            cache.get("k", createfunc=create)
        found.append(caught.value)
    assert all(one is found[0] for one in found)
    assert len(traceback.extract_tb(found[0].__traceback__)) < 10


def test_an_exception_that_is_an_answer_replaces_the_old_value(
    anywhere: CacheManager, now: list[float], renewed: Callable[[], None], warnings_of_caches: Any
) -> None:
    for options in ({}, {"stale_while_revalidate": 1000}):
        cache = opened(anywhere, negative_exceptions=LookupError, **options)
        cache["k"] = "old"
        now[0] += 200
        create = Answers(KeyError("k"), "found")
        if options:
            assert cache.get("k", createfunc=create) == "old"
            renewed()
        with pytest.raises(KeyError):
            cache.get("k", createfunc=create)
        with pytest.raises(KeyError):
            cache.get("k", createfunc=create)
        now[0] += 5
        assert cache.get("k", createfunc=create) == "found"
    assert warnings_of_caches() == []


def test_a_value_that_comes_or_goes_ends_the_exception(anywhere: CacheManager) -> None:
    cache = opened(anywhere, negative_exceptions=LookupError)

    def ask(key: str = "k") -> Any:
        with pytest.raises(LookupError):
            cache.get(key, createfunc=Answers(LookupError(key)))

    ask()
    cache["k"] = "put"
    assert cache["k"] == "put"
    cache.remove("k")
    assert cache.get("k", createfunc=lambda: "made") == "made"
    cache.remove("k")
    ask()
    cache.remove("k")
    assert cache.get("k", createfunc=lambda: "made") == "made"
    cache.remove("k")
    ask()
    ask("other")
    cache.clear()
    assert [cache.get(key, createfunc=lambda: "made") for key in ("k", "other")] == ["made", "made"]


def test_an_exception_goes_with_its_tag(anywhere: CacheManager, now: list[float]) -> None:
    cache = opened(anywhere, negative_expire=50, negative_exceptions=LookupError, tags="one")

    def ask(create: Any) -> str:
        try:
            return str(cache.get("k", createfunc=create))
        except LookupError:
            return "raised"

    def slow() -> None:
        now[0] += 30
        raise LookupError

    assert ask(slow) == "raised"
    now[0] += 49
    # The time that it took does not count.
    assert ask(lambda: "found") == "raised"
    cache.invalidate_tag("one")
    now[0] += 0.5
    assert ask(lambda: "found") == "found"
    cache.remove("k")

    def late() -> None:
        now[0] += 1
        cache.invalidate_tag("one")
        now[0] += 1
        raise LookupError

    assert ask(late) == "raised"
    assert ask(lambda: "found") == "found"


def test_those_who_wait_get_the_exception_too(anywhere: CacheManager) -> None:
    cache = opened(anywhere, negative_exceptions=LookupError)
    calls: list[int] = []
    started = threading.Barrier(8)

    def create() -> None:
        calls.append(1)
        raise LookupError

    def ask(_number: int) -> str:
        started.wait()
        try:
            return str(cache.get("k", createfunc=create))
        except LookupError:
            return "raised"

    assert together(ask, 8) == ["raised"] * 8
    assert calls == [1]


def test_caches_of_one_name_in_two_stores_share_no_exception(tmp_path: Path) -> None:
    caches = [
        CacheManager(type="file", data_dir=str(tmp_path / name)).get_cache(
            "n", negative_expire=5, negative_exceptions="LookupError"
        )
        for name in ("one", "two")
    ]
    with pytest.raises(LookupError):
        caches[0].get("k", createfunc=Answers(LookupError()))
    assert caches[1].get("k", createfunc=lambda: "made") == "made"


def test_few_exceptions_are_kept(now: list[float]) -> None:
    cache = opened(CacheManager(type="memory"), negative_exceptions="LookupError")
    for number in range(1400):
        with pytest.raises(LookupError):
            cache.get(str(number), createfunc=Answers(LookupError()))

    def is_kept(number: int) -> bool:
        try:
            cache.get(str(number), createfunc=lambda: "made")
        except LookupError:
            return True
        return False

    kept = sum(is_kept(number) for number in range(1400))
    assert 900 < kept <= 1024


def test_a_decorated_function_raises_again(anywhere: CacheManager) -> None:
    create = Answers(NotFoundError("tea", place="shop"))

    @anywhere.cache(
        "load", negative_expire=5, negative_exceptions=f"{NotFoundError.__module__}.NotFoundError"
    )
    def load(_item: str) -> Any:
        return create()

    for _ in range(2):
        with pytest.raises(NotFoundError):
            load("tea")


def test_a_coroutine_function_raises_again(anywhere: CacheManager, now: list[float]) -> None:
    create = Answers(LookupError("tea"), None, "found")

    @anywhere.cache("load", expire=100, negative_expire=5, negative_exceptions="LookupError")
    async def load(_item: str) -> Any:
        await asyncio.sleep(0)
        return create()

    async def work() -> list[Any]:
        found: list[Any] = await asyncio.gather(*(load("tea") for _ in range(3)), return_exceptions=True)
        now[0] += 5
        found += [await load("tea"), await load("tea")]
        now[0] += 5
        return [*found, await load("tea")]

    found = asyncio.run(work())
    assert [type(one) for one in found[:3]] == [LookupError] * 3
    assert found[3:] == [None, None, "found"]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("nonsense", "'nonsense', which cannot be imported"),
        ("no.such.module", "'no.such.module', which cannot be imported"),
        ("json.dumps", "'json.dumps', which is no class of exceptions"),
        ("KeyboardInterrupt", "no class of exceptions"),
        ("LookupError,", "or their names"),
        ([5], "got 5"),
        (KeyboardInterrupt, "or their names"),
        (LookupError("x"), "got LookupError"),
    ],
)
def test_only_classes_of_exceptions_are_answers(names: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"negative_exceptions .*{reason}"):
        Cache("n", negative_expire=5, negative_exceptions=names)


def test_exceptions_need_a_time() -> None:
    with pytest.raises(ConfigurationError, match="negative_exceptions needs negative_expire"):
        Cache("n", negative_exceptions="LookupError")


def test_beaker_reads_a_none_with_its_time(
    tmp_path: Path, in_beaker: Callable[..., str], now: list[float]
) -> None:
    cache = CacheManager(type="file", data_dir=str(tmp_path)).get_cache(
        "n", expire=100, negative_expire=5, stale_while_revalidate=50, tags="one"
    )
    cache.get("k", createfunc=Answers(None))
    cache.get("l", createfunc=Answers("value"))
    program = """
import json, sys, time
from beaker.cache import CacheManager
cache = CacheManager(type="file", data_dir=sys.argv[1]).get_cache("n")
moment = [float(sys.argv[2])]
time.time = lambda: moment[0]
seen = [cache.get("k", createfunc=lambda: "made"), cache.get("l")]
moment[0] += 5
seen += [cache.get("k", createfunc=lambda: "made"), cache.get("l")]
print(json.dumps(seen))
"""
    assert json.loads(in_beaker(program, str(tmp_path), repr(now[0]))) == [None, "value", "made", "value"]
