"""Whatever a program does with a cache that has a policy, each lookup answers as a small model does."""

from __future__ import annotations

import contextlib
import logging
import math
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from beaker import _renewal

if TYPE_CHECKING:
    from collections.abc import Callable

    from beaker.cache import CacheManager

KEYS = ("one", "two")
TAGS = ("red", "blue")
TAKES = 0.25
"""Seconds that a value takes."""

pytestmark = pytest.mark.usefixtures("no_caches")


class Entry(NamedTuple):
    stored: float
    expires: float
    value: Any


class Model:
    """What a cache answers, by the documents. Renewals are done at once."""

    def __init__(self, options: dict[str, Any], now: list[float]) -> None:
        self._now = now
        self._expire: float = options["expire"]
        self._stale: float = options.get("stale_while_revalidate") or 0.0
        self._negative: float | None = options.get("negative_expire")
        self._keeps = "negative_exceptions" in options
        self._tags = options.get("tags", ())
        self._since = dict.fromkeys(TAGS, -math.inf)
        self._values: dict[str, Entry] = {}
        self._errors: dict[str, Entry] = {}

    def _counts(self, found: Entry | None, longer: float = 0.0) -> bool:
        return (
            found is not None
            and self._now[0] < found.stored + found.expires + longer
            and all(found.stored > self._since[tag] for tag in self._tags)
        )

    def has(self, key: str) -> bool:
        return self._counts(self._values.get(key))

    def get(self, key: str, create: Callable[[], Any] | None) -> Any:
        found = self._values.get(key)
        if found is not None and self._counts(found):
            return found.value
        if self._counts(self._errors.get(key)):
            raise LookupError
        if create is None:
            raise KeyError
        if found is None or not self._counts(found, self._stale):
            return self._make(key, create)
        with contextlib.suppress(LookupError, OSError):
            self._make(key, create)
        return found.value

    def _make(self, key: str, create: Callable[[], Any]) -> Any:
        began = self._now[0]
        try:
            value = create()
        except LookupError as error:
            if self._keeps:
                self.remove(key)
                if self._negative:
                    self._errors[key] = Entry(began, TAKES + self._negative, error)
            raise
        expires = self._expire
        self._errors.pop(key, None)
        if value is None and self._negative is not None:
            expires = self._negative
            if not expires:
                self.remove(key)
                return None
        stored = began if self._tags else self._now[0]
        self._values[key] = Entry(stored, expires + (TAKES if self._tags else 0.0), value)
        return value

    def put(self, key: str, value: Any) -> None:
        self._errors.pop(key, None)
        self._values[key] = Entry(self._now[0], self._expire, value)

    def remove(self, key: str) -> None:
        self._values.pop(key, None)
        self._errors.pop(key, None)

    def invalidate(self, tag: str) -> None:
        self._since[tag] = self._now[0]


class Ours:
    """A cache, with the verbs of the model."""

    def __init__(self, cache: Any) -> None:
        self.has = cache.has_key
        self.put, self.remove, self.invalidate = cache.put, cache.remove, cache.invalidate_tag
        self._cache = cache

    def get(self, key: str, create: Callable[[], Any] | None) -> Any:
        return self._cache.get(key, createfunc=create)


class Step(NamedTuple):
    verb: str
    key: str
    tag: str
    result: Any

    def perform(self, cache: Any, now: list[float]) -> Any:
        """The answer, or the name of an exception."""

        def create() -> Any:
            now[0] += TAKES
            if isinstance(self.result, Exception):
                raise self.result
            return self.result

        try:
            match self.verb:
                case "get":
                    return cache.get(self.key, create)
                case "look":
                    return cache.get(self.key, None)
                case "put":
                    return cache.put(self.key, str(self.result))
                case "invalidate":
                    return cache.invalidate(self.tag)
                case _:
                    return getattr(cache, self.verb)(self.key)
        except (LookupError, OSError) as error:
            return type(error).__name__


def policy(chance: random.Random) -> dict[str, Any]:
    options: dict[str, Any] = {"expire": chance.choice([5, 20])}
    for name, values in (
        ("stale_while_revalidate", [None, 0, 4, 100]),
        ("negative_expire", [None, 0, 3]),
        ("tags", [(), ("red",), TAGS]),
        ("statistics", [False, True]),
    ):
        if (value := chance.choice(values)) not in (None, ()):
            options[name] = value
    if "negative_expire" in options and chance.random() < 0.7:
        options["negative_exceptions"] = "LookupError"
    return options


@pytest.mark.parametrize("seed", range(15))
def test_a_cache_answers_as_the_model(
    manager: CacheManager,
    now: list[float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seed: int,
) -> None:
    caplog.set_level(logging.CRITICAL, "beaker.cache")
    monkeypatch.setattr(_renewal, "renew_in_thread", lambda _key, work: work())
    chance = random.Random(seed)
    options, model_now = policy(chance), [now[0]]
    ours, model = Ours(manager.get_cache("n", **options)), Model(options, model_now)
    done: list[Any] = [options]
    for number in range(150):
        now[0] += chance.choice([0.001, 0.001, 0.5, 1.7, 6.3, 30.0])
        model_now[0] = now[0]
        step = Step(
            chance.choice(["get", "get", "get", "look", "has", "put", "remove", "invalidate"]),
            chance.choice(KEYS),
            chance.choice(TAGS),
            chance.choice([number, number, None, LookupError("none"), OSError("down")]),
        )
        done.append((now[0], step))
        found = step.perform(ours, now)
        assert (found, now) == (step.perform(model, model_now), model_now), done
