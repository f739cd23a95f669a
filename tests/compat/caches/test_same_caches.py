"""Whatever a program does with caches, the original and ours do the same."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.compat.caches.cache_play import FUNCTIONS, VALUES, play
from tests.compat.interop.original import Original, original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BACKENDS = ("memory", "file", "dbm")
SEEDS = range(20)
NAMES = ("one", "two", "naïve")
REGIONS = ("short", "long", "tight", "text", "off", "unknown")
RAISES = re.compile(r"raises ([\w|]+)")
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"expire": 5},
    {"expire": 0},
    {"expiretime": 7},
    {"expire": "20"},
)


@pytest.fixture(scope="module")
def theirs(oracle: Path) -> Iterator[Original]:
    """The original in a process of its own."""
    with original(oracle) as running:
        yield running


class Writer:
    """Writes a random program."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._decorated: dict[str, tuple[str, list[str], dict[str, Any]]] = {}

    def program(self) -> list[list[Any]]:
        """The steps of a program."""
        chance = self._chance
        steps: list[list[Any]] = [["open", name, chance.choice(OPTIONS)] for name in NAMES[:2]]
        steps.append(["open_region", NAMES[2], chance.choice(REGIONS)])
        steps += [self._decorate(name) for name in (*FUNCTIONS, "method", "of_class", "static")]
        return steps + [self._step() for _ in range(60)]

    def _decorate(self, name: str) -> list[Any]:
        chance = self._chance
        names = chance.sample(["load", "x", "y z"], chance.randrange(3))
        how = chance.choice(["cache", "region", "cache_region"])
        options = chance.choice(OPTIONS) if how == "cache" else {"region": chance.choice(REGIONS)}
        self._decorated[name] = how, names, options
        return ["decorate", name, how, names, options]

    def _step(self) -> list[Any]:
        chance = self._chance
        name = chance.choice(NAMES)
        # A few keys, so that they meet.
        key = chance.randrange(4) if chance.random() < 0.7 else chance.randrange(len(VALUES))
        options = chance.choice([{}, {}, {"expiretime": 3}, {"starttime": 1700000003.0}])
        steps: list[list[Any]] = [
            ["wait", chance.choice([0.5, 2, 5, 30])],
            ["put", name, key, chance.randrange(len(VALUES)), options],
            ["get", name, key, options],
            ["make", name, key, options],
            ["make", name, key, options],
            ["item", name, key],
            ["has", name, key],
            ["set_item", name, key, chance.randrange(len(VALUES))],
            ["drop", name, key],
            self._call(),
            self._call(),
            self._call(),
            self._invalidate(),
        ]
        if chance.random() < 0.03:
            return ["clear", name]
        return chance.choice(steps)

    def _arguments(self) -> list[int]:
        return [self._chance.randrange(len(VALUES)) for _ in range(self._chance.choice([1, 1, 1, 2, 3]))]

    def _call(self) -> list[Any]:
        chance = self._chance
        name = chance.choice([*self._decorated])
        arguments = self._arguments() if name == "plain" else self._arguments()[:1]
        named: dict[str, int] = {}
        if chance.random() < 0.3:
            named = dict.fromkeys(chance.sample(["a", "b", "named", "rest"], 2), chance.randrange(4))
        if "a" in named and chance.random() < 0.8:
            arguments = []
        return ["call", name, arguments, named]

    def _invalidate(self) -> list[Any]:
        chance = self._chance
        name = chance.choice([*self._decorated])
        how, names, options = self._decorated[name]
        arguments = self._arguments()[:1]
        if how == "cache":
            return ["invalidate", name, options, names, arguments]
        region = chance.choice([None, options["region"]])
        return ["region_invalidate", name, region, region is not None, names, arguments]


def agree(their: str, our: str) -> bool:
    """Whether the two are the same. What catches the original's exception catches ours."""
    told, *raised = RAISES.split(their)
    our_told, *our_raised = RAISES.split(our)
    return told == our_told and all(
        {*one.split("|")} <= {*another.split("|")} for one, another in zip(raised, our_raised, strict=True)
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_both_caches_do_the_same(theirs: Original, tmp_path: Path, backend: str, seed: int) -> None:
    steps = Writer(seed).program()
    expected = theirs.call(play, backend, str(tmp_path / "theirs"), steps)
    found = play(backend, str(tmp_path / "ours"), steps)
    differing = [
        f"{step}\n  original: {their}\n  ours:     {our}"
        for step, their, our in zip([*steps, *["stored"] * len(found)], expected, found, strict=False)
        if not agree(their, our)
    ]
    assert differing == []
    assert len(expected) == len(found)


@pytest.mark.parametrize("backend", ["file", "dbm"])
def test_a_warm_cache_stays_warm_in_both_directions(theirs: Original, tmp_path: Path, backend: str) -> None:
    steps: list[list[Any]] = [
        ["open", "one", {"expire": 60}],
        ["make", "one", 0, {}],
        ["make", "one", 5, {}],
        ["make", "one", 8, {}],
        ["decorate", "plain", "region", ["load"], {"region": "long"}],
        ["decorate", "method", "region", [], {"region": "tight"}],
        *(["call", name, [number], {}] for name in ("plain", "method") for number in range(len(VALUES))),
        ["call", "plain", [1], {"named": 2, "rest": 3}],
    ]
    folders = [str(tmp_path / name) for name in ("theirs", "ours")]
    made = [theirs.call(play, backend, folders[0], steps), play(backend, folders[1], steps)]
    # Each goes on where the other stopped: nothing is made again.
    again = [play(backend, folders[0], steps), theirs.call(play, backend, folders[1], steps)]
    calls = [at for at, step in enumerate(steps) if step[0] == "call"]
    for before, after in zip(made, again, strict=True):
        assert [after[at].rpartition(", [")[0] for at in calls] == [
            before[at].rpartition(", [")[0] for at in calls
        ]
        assert all(after[at].endswith(", []]") for at in calls)
        assert after[:4] == before[:4]
