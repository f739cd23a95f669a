"""All values of a tag are invalidated at once, in every process that shares the store."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beaker._cache_tags import TagStore
from beaker.cache import Cache, CacheManager
from beaker.exceptions import ConfigurationError
from tests.support.environment import ROOT
from tests.support.threads import in_thread

pytestmark = pytest.mark.usefixtures("no_caches")


def test_an_invalidated_tag_makes_its_values_misses_and_no_others(
    anywhere: CacheManager, now: list[float]
) -> None:
    names = ["one", "two", "one, two"]
    opened = [anywhere.get_cache(tags, tags=tags) for tags in names] + [anywhere.get_cache("none")]
    for cache in opened:
        cache["k"] = "value"
    now[0] += 1
    opened[0].invalidate_tag("one")
    now[0] += 1
    assert ["k" in cache for cache in opened] == [False, True, False, True]
    assert [cache.get("k", createfunc=lambda: "made") for cache in opened] == [
        *("made", "value", "made", "value")
    ]
    now[0] += 1
    anywhere.invalidate_tag("two")
    now[0] += 1
    assert ["k" in cache for cache in opened] == [True, False, False, True]


def test_a_value_that_is_stored_with_a_new_tag_counts_at_once(anywhere: CacheManager) -> None:
    cache = anywhere.get_cache("n", tags=["one"])
    cache["k"] = "put"
    assert cache["k"] == "put"
    cache.put("l", "put", tags=["one", "three"])
    assert cache.get("l", tags="three") == "put"
    assert cache.get("m", createfunc=lambda: "made", tags="four") == "made"
    assert cache.get("m", tags=["four"]) == "made"


def test_a_value_may_have_tags_of_its_own(anywhere: CacheManager, now: list[float]) -> None:
    cache = anywhere.get_cache("n")
    for user in ("ann", "bob"):
        cache.get(user, createfunc=lambda: "made", tags=[f"user {user}"])
    now[0] += 1
    cache.invalidate_tag("user ann")
    now[0] += 1
    assert cache.get("ann", createfunc=lambda: "new", tags="user ann") == "new"
    assert cache.get("bob", createfunc=lambda: "new", tags="user bob") == "made"
    # A reader that does not name the tag does not check it.
    assert cache["bob"] == "made"


def test_an_invalidated_value_is_served_to_nobody(anywhere: CacheManager, now: list[float]) -> None:
    cache = anywhere.get_cache("n", expire=100, stale_while_revalidate=100, tags="one")
    cache["k"] = "old"
    now[0] += 1
    cache.invalidate_tag("one")
    now[0] += 1
    making, go_on = threading.Event(), threading.Event()

    def create() -> str:
        making.set()
        assert go_on.wait(60)
        return "new"

    got: list[Any] = []
    threads = [
        threading.Thread(target=lambda: got.append(cache.get("k", createfunc=create))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    assert making.wait(60)
    assert got == []
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert got == ["new"] * 3


def test_a_value_that_is_being_made_when_its_tag_is_invalidated_is_old(
    anywhere: CacheManager, now: list[float]
) -> None:
    cache = anywhere.get_cache("n", expire=10, tags="one")

    def create() -> str:
        now[0] += 1
        in_thread(lambda: anywhere.invalidate_tag("one"))
        now[0] += 1
        return "of the old data"

    assert cache.get("k", createfunc=create) == "of the old data"
    assert cache.get("k", createfunc=lambda: "of the new data") == "of the new data"
    now[0] += 1
    assert cache.get("k", createfunc=lambda: "again") == "of the new data"


def test_the_time_that_a_value_took_does_not_shorten_its_freshness(
    anywhere: CacheManager, now: list[float]
) -> None:
    cache = anywhere.get_cache("n", expire=10, tags="one")

    def create() -> str:
        now[0] += 30
        return "slow"

    cache.get("k", createfunc=create)
    now[0] += 9.5
    assert "k" in cache
    now[0] += 0.5
    assert "k" not in cache


A_PROCESS = """
import sys
from beaker.cache import CacheManager
manager = CacheManager(type=sys.argv[1], data_dir=sys.argv[2])
manager.invalidate_tag("one")
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "dbm", "sqlite"])
def test_another_process_invalidates_a_tag(kind: str, tmp_path: Path) -> None:
    cache = CacheManager(type=kind, data_dir=str(tmp_path)).get_cache("n", tags="one")
    cache["k"] = "value"
    assert cache["k"] == "value"
    subprocess.run([sys.executable, "-c", A_PROCESS, kind, str(tmp_path)], cwd=ROOT, check=True, timeout=60)
    assert "k" not in cache


def test_a_tag_that_the_store_has_lost_counts_as_invalidated(
    anywhere: CacheManager, now: list[float]
) -> None:
    cache = anywhere.get_cache("n", tags="one")
    cache["k"] = "value"
    now[0] += 1
    cache.invalidate_tag("one")
    lost = cache._tag_store._open("one")
    lost.clear_value()
    now[0] += 1
    assert "k" not in cache
    cache["k"] = "new"
    now[0] += 1
    assert cache["k"] == "new"


def test_a_tag_that_cannot_be_read_counts_as_invalidated(tmp_path: Path, now: list[float]) -> None:
    cache = CacheManager(type="file", data_dir=str(tmp_path)).get_cache("n", tags="one")
    cache["k"] = "value"
    Path(cache._tag_store._open("one").namespace.file).write_bytes(b"damaged")  # type: ignore[attr-defined]
    now[0] += 1
    assert "k" not in cache
    cache["k"] = "new"
    now[0] += 1
    assert cache["k"] == "new"


def test_a_clock_that_is_behind_takes_no_invalidation_back(anywhere: CacheManager, now: list[float]) -> None:
    cache = anywhere.get_cache("n", tags="one")
    cache["k"] = "value"
    now[0] += 10
    cache.invalidate_tag("one")
    cache["k"] = "of that very moment"
    assert "k" not in cache
    now[0] -= 9
    cache["k"] = "of a clock that is behind"
    cache.invalidate_tag("one")
    assert "k" not in cache
    now[0] += 10
    cache["k"] = "new"
    assert "k" in cache


def test_the_bounds_of_values_do_not_hold_for_tags(now: list[float]) -> None:
    cache = CacheManager(type="memory", max_bytes=400, max_entries=2).get_cache("n", tags="one")
    cache["k"] = "value"
    assert cache["k"] == "value"
    now[0] += 1
    cache.invalidate_tag("one")
    now[0] += 1
    assert "k" not in cache


@pytest.mark.parametrize(
    "form", [{"data_serializer": "json"}, {"secret": "s" * 32}, {"pickle": "allowlist"}], ids=str
)
def test_tags_work_whatever_the_form_of_values(tmp_path: Path, now: list[float], form: Any) -> None:
    manager = CacheManager(type="file", data_dir=str(tmp_path), **form)
    cache = manager.get_cache("n", tags="one")
    plain = CacheManager(type="file", data_dir=str(tmp_path)).get_cache("plain", tags="one")
    for each in (cache, plain):
        each["k"] = "value"
        assert each["k"] == "value"
    now[0] += 1
    manager.invalidate_tag("one")
    now[0] += 1
    assert "k" not in cache
    # They share the store, and so the tag.
    assert "k" not in plain


@pytest.mark.parametrize("tag", ["é", "\udc80", "x" * 300, "a b/../c", "*", "\x00", "é" * 100])
def test_a_tag_may_be_any_text(anywhere: CacheManager, now: list[float], tag: str) -> None:
    cache, other = anywhere.get_cache("n", tags=[tag]), anywhere.get_cache("o", tags=[tag + "x"])
    cache["k"] = other["k"] = "value"
    assert cache["k"] == "value"
    now[0] += 1
    cache.invalidate_tag(tag)
    now[0] += 1
    assert "k" not in cache
    assert "k" in other


@pytest.mark.parametrize("tags", ["", "a,,b", [""], [5], 5, [None], {"a": 1, 2: 3}])
def test_tags_are_names(tags: Any) -> None:
    with pytest.raises(ConfigurationError, match="tags must be names with commas between them"):
        Cache("n", tags=tags)
    with pytest.raises(ConfigurationError, match="tags must be names"):
        Cache("n").get("k", tags=tags)


def test_a_cache_without_tags_asks_for_none(manager: CacheManager, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(TagStore, "_value", never)
    cache = manager.get_cache("n", stale_while_revalidate=5, expire=5)
    cache["k"] = "value"
    assert cache["k"] == "value"


def test_beaker_and_ours_read_tagged_values_of_the_other(
    tmp_path: Path, in_beaker: Callable[..., str]
) -> None:
    program = """
import sys
from beaker.cache import CacheManager
cache = CacheManager(type="file", data_dir=sys.argv[1]).get_cache("n", expire=60)
print(cache.get("k", createfunc=lambda: "of beaker"), cache.get("l", createfunc=lambda: "of beaker"))
"""
    cache = CacheManager(type="file", data_dir=str(tmp_path)).get_cache("n", expire=60, tags="one")
    assert cache.get("k", createfunc=lambda: "ours") == "ours"
    assert in_beaker(program, str(tmp_path)) == "ours of beaker"
    assert cache["l"] == "of beaker"
