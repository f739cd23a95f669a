"""The options of caches that Beaker does not have: their values, and where they are given."""

from datetime import timedelta
from typing import Any

import pytest

from beaker.cache import Cache, CacheManager, cache_regions
from beaker.container import MemoryNamespaceManager
from beaker.exceptions import ConfigurationError
from beaker.middleware import CacheMiddleware
from beaker.util import coerce_cache_params, parse_cache_config_options

pytestmark = pytest.mark.usefixtures("no_caches")

NO_NUMBERS: list[Any] = [-1, "-1", "soon", "", "nan", "inf", float("nan"), float("inf"), True, [], 10**400]
WRONG: list[tuple[str, Any]] = [
    *(
        (name, value)
        for name in ("stale_while_revalidate", "early_renewal", "negative_expire")
        for value in (*NO_NUMBERS, timedelta(seconds=1))
    ),
    *(("statistics", value) for value in ("perhaps", "", "2")),
    *(("tags", value) for value in ("", ",", 5)),
    *(("negative_exceptions", value) for value in ("", 5, object)),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=repr)
def test_a_wrong_value_is_refused_by_name_wherever_it_is_given(name: str, value: Any) -> None:
    uses: list[Any] = [
        lambda: Cache("n", **{name: value}),
        lambda: CacheManager(type="memory").get_cache("n", **{name: value}),
        lambda: coerce_cache_params({name: value}),
        lambda: parse_cache_config_options({f"cache.{name}": value}),
        lambda: parse_cache_config_options({"cache.regions": "one", f"cache.one.{name}": value}),
        lambda: CacheMiddleware(None, {f"beaker.cache.{name}": value}),  # type: ignore[arg-type]
    ]
    for use in uses:
        with pytest.raises(ConfigurationError, match=f"{name} must be .*, got "):
            use()


def test_a_region_has_its_own_value_or_else_that_of_the_whole() -> None:
    config = {
        "cache.regions": "short, long",
        "cache.stale_while_revalidate": "60",
        "cache.early_renewal": "0.5",
        "cache.tags": "all",
        "cache.statistics": "true",
        "cache.negative_expire": "5",
        "cache.short.stale_while_revalidate": "1.5",
        "cache.short.tags": "prices, users",
        "cache.short.statistics": "off",
        "cache.short.negative_exceptions": "KeyError, IndexError",
    }
    regions = parse_cache_config_options(config)["cache_regions"]
    own = {name: regions["short"][name] for name in regions["short"] if name not in BEAKERS}
    assert own == {
        "stale_while_revalidate": 1.5,
        "early_renewal": 0.5,
        "tags": ("prices", "users"),
        "statistics": False,
        "negative_expire": 5.0,
        "negative_exceptions": ("KeyError", "IndexError"),
    }
    assert {name: regions["long"][name] for name in regions["long"] if name not in BEAKERS} == {
        "stale_while_revalidate": 60.0,
        "early_renewal": 0.5,
        "negative_expire": 5.0,
        "tags": ("all",),
        "statistics": True,
    }


BEAKERS = {"type", "data_dir", "lock_dir", "enabled", "expire", "key_length"}


def test_without_the_options_everything_is_as_in_beaker() -> None:
    config = {"cache.regions": "one", "cache.expire": "5"}
    assert set(parse_cache_config_options(config)["cache_regions"]["one"]) == BEAKERS
    cache = Cache("n", expire=5)
    assert cache._policy is None
    assert type(cache._get_value("k")).__name__ == "Value"
    nothing: dict[str, Any] = {
        **dict.fromkeys(("stale_while_revalidate", "negative_expire", "negative_exceptions", "tags")),
        "statistics": "false",
    }
    assert Cache("n", **nothing)._policy is None


def test_the_backend_does_not_get_them() -> None:
    class Strict(MemoryNamespaceManager):
        def __init__(self, namespace: str, colour: str = "red") -> None:
            super().__init__(namespace)
            self.colour = colour

    from beaker.cache import clsmap

    clsmap["ext:strict"] = Strict
    try:
        options: dict[str, Any] = {
            "stale_while_revalidate": 5,
            "early_renewal": 1,
            "negative_expire": 5,
            "tags": "one",
        }
        cache = Cache("n", type="ext:strict", colour="blue", statistics=True, **options)
        cache["k"] = 1
        assert cache["k"] == 1
        assert cache.namespace.colour == "blue"
    finally:
        del clsmap["ext:strict"]


def test_a_manager_of_an_ini_file_passes_them_on() -> None:
    config = {
        "cache.regions": "short",
        "cache.short.expire": "10",
        "cache.short.stale_while_revalidate": "60",
    }
    manager = CacheManager(**parse_cache_config_options(config))
    policy = manager.get_cache_region("n", "short")._policy
    assert policy is not None
    assert policy.stale == 60.0
    assert cache_regions["short"]["expire"] == 10


def test_a_backend_for_one_value_keeps_the_policy(tmp_path: Any) -> None:
    cache = Cache("n", type="memory", data_dir=str(tmp_path), tags="one")
    with pytest.warns(DeprecationWarning, match="get_cache"):
        assert cache.get("k", type="file", createfunc=lambda: "filed", tags="two") == "filed"
    other = Cache("n", type="file", data_dir=str(tmp_path), tags="two")
    assert other["k"] == "filed"
    other.invalidate_tag("two")
    assert "k" not in other
