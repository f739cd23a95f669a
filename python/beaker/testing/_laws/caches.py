"""Caches on the backend: their values, and the functions that make them."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from beaker.cache import Cache, clsmap
from beaker.testing._backend import Backend, needs
from beaker.testing._clock import Clock
from beaker.testing._laws._fixtures import Laws
from beaker.testing._processes import in_process
from beaker.testing._sessions import ID, opened
from beaker.testing._threads import together

Caches_ = Callable[..., Cache]
KEYS = ["key", "a b", "é", "日本", "\x00", "x" * 1000, "a.b", "ab", "a/b", "a:b", "*"]
VALUES = ["", "text", "é日", b"\x00\xff" * 500, 0, -1.5, True, [1, [2]], {"a": {"b": (1, 2)}}, "x" * 200_000]


class Maker:
    """Makes values that say how many were made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.made = 0

    def __call__(self) -> str:
        """The next value."""
        with self._lock:
            self.made += 1
            made = self.made
        # A caller that does not wait for the lock gets here at the same time.
        time.sleep(0.005)
        return f"made {made}"


class Caches(Laws):
    """Caches on the backend."""

    @pytest.fixture
    def cache(self, backend: Backend) -> Iterator[Caches_]:
        """Makes caches: one of its own, or that of a name."""
        session = opened(backend, ID)
        arguments = {"data_dir": backend.options.get("data_dir"), **session.namespace_args}
        arguments.pop("timeout", None)
        kind, own = f"ext:{uuid.uuid4().hex}", uuid.uuid4().hex
        clsmap[kind] = session.namespace_class
        yield lambda name=own, **options: Cache(name, type=kind, **arguments, **options)
        del clsmap[kind]

    @needs("caches")
    def test_a_value_that_was_put_is_got(self, cache: Caches_) -> None:
        values = cache()
        with pytest.raises(KeyError):
            values["key"]
        assert "key" not in values
        values.put("key", "one")
        assert values.get("key") == values["key"] == cache()["key"] == "one"
        assert "key" in values
        assert values.has_key("key")
        values["key"] = "two"
        assert cache().get("key") == "two"

    @needs("caches")
    @pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:12])
    def test_a_cached_value_of_any_kind_comes_back(self, cache: Caches_, value: Any) -> None:
        cache().put("key", value)
        found = cache().get("key")
        assert found == value
        assert type(found) is type(value)

    @needs("caches")
    def test_no_two_keys_of_a_cache_share_a_value(self, cache: Caches_) -> None:
        for number, key in enumerate(KEYS):
            cache().put(key, number)
        assert [cache().get(key) for key in KEYS] == list(range(len(KEYS)))
        cache().remove_value("ab")
        assert [key for key in KEYS if key not in cache()] == ["ab"]

    @needs("caches")
    def test_no_two_caches_share_a_value(self, cache: Caches_) -> None:
        names = [uuid.uuid4().hex + end for end in ("", "a", "a.b", "ab", " ")]
        for name in names:
            cache(name).put("key", name)
        assert [cache(name).get("key") for name in names] == names
        cache(names[0]).remove_value("key")
        assert ["key" in cache(name) for name in names] == [False, True, True, True, True]

    @needs("caches", "clear")
    def test_a_cache_that_is_cleared_leaves_the_others(self, cache: Caches_) -> None:
        cache("one").put("key", "one")
        cache("other").put("key", "other")
        cache("one").clear()
        assert "key" not in cache("one")
        assert cache("other").get("key") == "other"

    @needs("caches")
    def test_a_value_is_made_once(self, cache: Caches_) -> None:
        make = Maker()
        assert [cache().get("key", createfunc=make) for _ in range(3)] == ["made 1"] * 3
        assert cache().get("other", createfunc=make) == "made 2"

    @needs("caches")
    def test_a_value_that_was_removed_is_made_again(self, cache: Caches_) -> None:
        make, values = Maker(), cache()
        for number in range(1, 4):
            assert values.get("key", createfunc=make) == f"made {number}"
            values.remove_value("key")
            assert "key" not in cache()
        values.remove_value("key")

    @needs("caches")
    def test_a_value_that_has_expired_is_made_again(self, cache: Caches_, clock: Clock) -> None:
        make, values = Maker(), cache(expire=60)
        assert values.get("key", createfunc=make) == "made 1"
        clock.advance(59)
        assert values.get("key", createfunc=make) == "made 1"
        clock.advance(2)
        assert "key" not in values
        with pytest.raises(KeyError):
            values.get("key")
        assert values.get("key", createfunc=make) == "made 2"

    @needs("caches")
    def test_a_failure_to_make_a_value_is_not_cached(self, cache: Caches_) -> None:
        values = cache()
        with pytest.raises(ZeroDivisionError):
            values.get("key", createfunc=lambda: 1 // 0)
        assert "key" not in values
        assert values.get("key", createfunc=lambda: "made") == "made"

    @needs("caches")
    def test_a_cache_that_is_cleared_is_empty(self, cache: Caches_) -> None:
        values = cache()
        for key in KEYS:
            values.put(key, key)
        values.clear()
        assert [key for key in KEYS if key in cache()] == []

    @needs("caches")
    def test_of_threads_that_want_a_value_one_makes_it(self, cache: Caches_) -> None:
        for _ in range(3):
            make, key = Maker(), uuid.uuid4().hex

            def get(_: int, make: Maker = make, key: str = key) -> Any:
                return cache().get(key, createfunc=make)

            assert together(get, 6) == ["made 1"] * 6

    @needs("caches")
    def test_threads_that_want_different_values_get_them(self, cache: Caches_) -> None:
        values = cache()
        assert together(lambda number: values.get(f"{number}", createfunc=lambda: number), 6) == list(
            range(6)
        )

    @needs("caches", "processes")
    def test_another_process_gets_the_value(self, cache: Caches_) -> None:
        cache().put("key", "ours")
        assert in_process("fork", lambda: cache().get("key")) == "ours"
        in_process("fork", lambda: cache().put("key", "theirs"))
        assert cache().get("key") == "theirs"

    @needs("caches")
    def test_a_cache_and_a_session_of_one_name_keep_apart(self, cache: Caches_, backend: Backend) -> None:
        values = cache(ID)
        values.put("key", "cached")
        session = opened(backend, "another")
        session["key"] = "kept"
        session.save()
        assert values.get("key") == "cached"
        assert opened(backend, "another")["key"] == "kept"
