"""The stored form of cached values: which are read, and what a writer to the store can do."""

import copy
import json
import logging
import pickle
import time
import zlib
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from beaker.cache import Cache, CacheManager, clsmap
from beaker.container import AbstractDictionaryNSManager
from beaker.exceptions import BeakerWarning, ConfigurationError, UnstorableValueError

pytestmark = pytest.mark.usefixtures("no_caches")

SECRET = "a secret of the tests, of some length"
OTHER = "another secret of the tests, as long"
RAN: list[str] = []


def ran(text: str) -> None:
    RAN.append(text)


class Hostile:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return ran, ("code",)


class Reversed:
    """A serializer of a program."""

    def __repr__(self) -> str:
        return "Reversed()"

    def dumps(self, data: Any) -> bytes:
        return json.dumps(data).encode()[::-1]

    def loads(self, data_string: bytes) -> Any:
        return json.loads(data_string[::-1])


@pytest.fixture(params=["file", "dbm"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(kind: str, folder: Path, name: str = "n", **options: Any) -> Cache:
    return CacheManager(type=kind, data_dir=str(folder), **options).get_cache(name)


def record(cache: Cache, key: bytes = b"k") -> Any:
    """The record as the backend has it."""
    backend: Any = getattr(cache.namespace, "_backend", cache.namespace)
    backend.acquire_read_lock()
    try:
        return backend[key]
    finally:
        backend.release_read_lock()


def plant(kind: str, folder: Path, value: Any, key: bytes = b"k") -> None:
    """Writes into the store, as somebody does who can."""
    namespace = opened(kind, folder).namespace
    namespace.acquire_write_lock()
    try:
        namespace[key] = value
    finally:
        namespace.release_write_lock()


def str_of(times: tuple[Any, ...]) -> str:
    return ",".join("huge" if isinstance(one, int) and one > 1 else type(one).__name__ for one in times)


FORMS: list[dict[str, Any]] = [
    {"data_serializer": "json"},
    {"data_serializer": Reversed()},
    {"secret": SECRET},
    {"secret": SECRET, "data_serializer": "json"},
    {"secret": [SECRET, OTHER], "pickle": "allowlist"},
    {"pickle": "allowlist"},
    {"pickle": "deny", "data_serializer": "json"},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_value_comes_back(kind: str, tmp_path: Path, form: dict[str, Any]) -> None:
    cache = opened(kind, tmp_path, expire=60, **form)
    cache["k"] = {"a": ["é", 1, None]}
    assert cache["k"] == {"a": ["é", 1, None]}
    assert cache.get("made", createfunc=lambda: "made") == "made"
    assert "made" in cache
    del cache["k"]
    assert "k" not in cache
    cache.namespace.acquire_read_lock()
    try:
        assert list(cache.namespace.keys()) == [b"made"]
    finally:
        cache.namespace.release_read_lock()
    cache.clear()
    assert "made" not in cache


@pytest.mark.parametrize("form", [{}, *FORMS], ids=str)
def test_a_hostile_entry_is_a_miss_and_runs_nothing(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, form: dict[str, Any]
) -> None:
    RAN.clear()
    plant(kind, tmp_path, (1e9, None, Hostile()))
    cache = opened(kind, tmp_path, **form)
    with caplog.at_level(logging.WARNING, "beaker.cache"):
        found = cache.get("k", createfunc=lambda: "made")
    if form:
        assert (found, RAN) == ("made", [])
        assert "counts as absent" in caplog.text
    else:
        # Beaker's pickles run what they name.
        assert RAN == ["code"]


def test_json_loads_no_pickle_in_the_place_of_its_value(kind: str, tmp_path: Path) -> None:
    cache = opened(kind, tmp_path, data_serializer="json")
    cache["k"] = "value"
    stored, expires, data = record(cache)
    RAN.clear()
    plant(kind, tmp_path, (stored, expires, data[:3] + pickle.dumps(Hostile())))
    assert cache.get("k", createfunc=lambda: "made") == "made"
    assert RAN == []


HUGE = 10**400


@pytest.mark.parametrize("form", [{}, *FORMS], ids=str)
@pytest.mark.parametrize("times", [(HUGE, 1.5), (1.5, HUGE), ([10**5000], None)], ids=str_of)
def test_a_time_that_is_no_time_is_a_miss(
    kind: str, tmp_path: Path, form: dict[str, Any], times: tuple[Any, ...]
) -> None:
    cache = opened(kind, tmp_path, **form)
    cache["k"] = "value"
    plant(kind, tmp_path, (*times, record(cache)[-1]))
    assert cache.get("k", createfunc=lambda: "made") == "made"
    assert cache["k"] == "made"


@pytest.mark.parametrize(
    "text", [b"[" * 200_000, b" " * (65 << 20) + b"1", b"[1"], ids=["deep", "long", "cut"]
)
def test_json_that_needs_more_than_its_length_allows_is_a_miss(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: bytes
) -> None:
    cache = opened(kind, tmp_path, data_serializer="json")
    plant(kind, tmp_path, (time.time(), None, b"c1p" + zlib.compress(text)))
    assert cache.get("k", createfunc=lambda: "made") == "made"
    assert "cannot be read" in caplog.text


def test_json_that_would_be_too_long_to_be_read_again_is_refused(kind: str, tmp_path: Path) -> None:
    cache = opened(kind, tmp_path, data_serializer="json")
    with pytest.raises(UnstorableValueError, match="67108864 at the most"):
        cache.put("k", " " * (64 << 20))
    assert "k" not in cache


def test_a_namespace_with_a_form_of_its_own_can_be_copied(kind: str, tmp_path: Path) -> None:
    cache = opened(kind, tmp_path, data_serializer="json")
    cache["k"] = "value"
    duplicate = copy.copy(cache.namespace)
    duplicate.acquire_read_lock()
    try:
        assert duplicate[b"k"][-1] == "value"
    finally:
        duplicate.release_read_lock()


@pytest.mark.parametrize("change", ["value", "stored", "expires", "key", "namespace", "secret", "unsigned"])
def test_a_signature_binds_a_value_to_its_place_and_time(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    cache = opened(kind, tmp_path, expire=60, secret=SECRET)
    cache["k"] = "value"
    stored, expires, data = record(cache)
    key, name, secret = b"k", "n", SECRET
    if change == "value":
        data = data[:-1] + bytes([data[-1] ^ 1])
    elif change == "stored":
        stored += 3600
    elif change == "expires":
        expires += 3600
    elif change == "key":
        key = b"other"
    elif change == "namespace":
        name = "other"
    elif change == "secret":
        secret = OTHER
    else:
        data = b"c1p" + data[35:]
    backend: Any = opened(kind, tmp_path, name=name).namespace
    backend.acquire_write_lock()
    try:
        backend[key] = (stored, expires, data)
    finally:
        backend.release_write_lock()
    reader = opened(kind, tmp_path, name=name, expire=60, secret=secret)
    with caplog.at_level(logging.WARNING, "beaker.cache"):
        assert reader.get(key.decode(), createfunc=lambda: "made") == "made"
    assert "counts as absent" in caplog.text


def test_secrets_can_be_replaced_while_values_stay(kind: str, tmp_path: Path) -> None:
    opened(kind, tmp_path, secret=OTHER)["k"] = "value"
    both = opened(kind, tmp_path, secret=[SECRET, OTHER.encode()])
    assert both["k"] == "value"
    both["k"] = "again"
    assert opened(kind, tmp_path, secret=SECRET)["k"] == "again"
    assert "k" not in opened(kind, tmp_path, secret=OTHER)


def test_an_allowlist_keeps_the_form_that_beaker_reads(kind: str, tmp_path: Path) -> None:
    cache = opened(
        kind, tmp_path, pickle="allowlist", pickle_allow="fractions.Fraction, collections.OrderedDict"
    )
    cache["k"] = OrderedDict(half=Fraction(1, 2))
    assert record(cache)[2] == {"half": Fraction(1, 2)}
    assert opened(kind, tmp_path)["k"] == cache["k"] == {"half": Fraction(1, 2)}


def test_a_value_that_would_not_be_read_again_is_refused(kind: str, tmp_path: Path) -> None:
    cache = opened(kind, tmp_path, pickle="allowlist")
    cache["kept"] = 1
    with pytest.raises(UnstorableValueError, match=r"value of Reversed.*pickle_allow can allow it"):
        cache["k"] = Reversed()
    assert "k" not in cache
    assert cache["kept"] == 1
    with pytest.raises(TypeError):
        opened(kind, tmp_path, data_serializer="json")["k"] = Reversed()


def test_memory_keeps_the_programs_own_objects() -> None:
    cache = CacheManager(type="memory", data_serializer="json", secret=SECRET, pickle="deny").get_cache("n")
    value = Reversed()
    cache["k"] = value
    assert cache["k"] is value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pickle": "deny"}, "contradicts data_serializer"),
        ({"pickle": "never"}, "any, allowlist or deny, got 'never'"),
        ({"pickle": "allowlist", "data_serializer": "json"}, "needs data_serializer = pickle"),
        ({"pickle_allow": ["a.B"]}, "pickle_allow needs pickle"),
        ({"data_serializer": "yaml"}, "got 'yaml'"),
        ({"secret": [SECRET, ""]}, "secret must not be empty"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        opened("file", tmp_path, **options)


def test_a_backend_that_loads_pickles_by_itself_is_refused() -> None:
    class Mine(AbstractDictionaryNSManager):
        def __init__(self, namespace: str, **options: Any) -> None:
            super().__init__(namespace)
            self.dictionary = {}

    clsmap["ext:mine"] = Mine
    try:
        assert isinstance(CacheManager(type="ext:mine").get_cache("n").namespace, Mine)
        for options in ({"pickle": "allowlist"}, {"secret": SECRET}, {"data_serializer": "json"}):
            with pytest.raises(ConfigurationError, match="Mine loads pickles by itself"):
                CacheManager(type="ext:mine", **options).get_cache("n")
    finally:
        del clsmap["ext:mine"]


def test_a_short_secret_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(BeakerWarning, match="secret of a cache has a key of 5 bytes, which can be guessed"):
        opened("file", tmp_path, secret="short")


def test_what_the_backend_has_besides_is_still_there(kind: str, tmp_path: Path) -> None:
    namespace: Any = opened(kind, tmp_path, secret=SECRET).namespace
    assert namespace.file == opened(kind, tmp_path).namespace.file
    assert namespace.acquire_write_lock(wait=False)
    namespace.release_write_lock()
    namespace.do_remove()
