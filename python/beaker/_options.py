"""Checks and coerces options that come as text or as values, as Beaker does for caches."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from beaker._cache_options import POLICY_OPTIONS, checked, coerce_seconds
from beaker.converters import asbool
from beaker.exceptions import ConfigurationError

__all__ = [
    "DEFAULT_CACHE_KEY_LENGTH",
    "asint",
    "coerce_cache_params",
    "parse_cache_config_options",
    "verify_options",
    "verify_rules",
]

DEFAULT_CACHE_KEY_LENGTH = 250
"""A cache key longer than this is replaced by its hash; memcached takes no longer ones."""

Types = type | tuple[type, ...]
Rule = tuple[str, Types, str]

_DIGITS = re.compile(r"[0-9]+\Z")
_NONE = type(None)

_CACHE_OPTIONS: dict[str, tuple[Types, str, Any]] = {
    "data_dir": ((str, _NONE), "data_dir must be the path of a folder", None),
    "lock_dir": ((str, _NONE), "lock_dir must be the path of a folder", None),
    "type": ((str,), "type must be the name of a cache backend", "memory"),
    "enabled": ((bool, _NONE), "enabled must be true or false", True),
    "expire": ((int, _NONE), "expire must be a number of seconds", None),
    "regions": ((list, tuple, _NONE), "regions must be names with commas between them", None),
    "key_length": ((int, _NONE), "key_length must be a number of characters", DEFAULT_CACHE_KEY_LENGTH),
}
"""The options of a cache: the types of each, the error for another value, and the default."""


def asint(obj: object) -> int:
    """``obj`` if it is an int, or the int of its digits; :class:`ConfigurationError` otherwise."""
    if isinstance(obj, int):
        return obj
    if isinstance(obj, str) and _DIGITS.match(obj):
        return int(obj)
    raise ConfigurationError(f"must be a whole number or digits, got {type(obj).__name__}")


def verify_options(opt: Any, types: Types, error: str) -> Any:
    """``opt`` as the first of ``types`` that it can be, or as it is if it is one of them already.

    Text becomes a list (split at commas), a bool or an int. Raises :class:`ConfigurationError` with the text
    ``error`` if no type fits or ``opt`` is blank.
    """
    if isinstance(opt, types):
        if isinstance(opt, str) and not opt.strip():
            raise ConfigurationError(f"{error}, got blank text")
        return opt
    for wanted in types if isinstance(types, tuple) else (types,):
        try:
            return _coerce(opt, wanted)
        except Exception:  # noqa: PERF203, S112 - a type can fail in any way
            continue
    raise ConfigurationError(f"{error}, got {type(opt).__name__}")


def _coerce(opt: Any, wanted: type) -> Any:
    if wanted in (list, tuple):
        return [part.strip() for part in opt.split(",")]
    if wanted is bool:
        return asbool(opt)
    if wanted is int:
        return asint(opt)
    if wanted in (timedelta, datetime):
        raise TypeError("a time cannot be given as text")
    return wanted(opt)


def verify_rules(params: dict[str, Any], ruleset: Iterable[Rule]) -> dict[str, Any]:
    """``params`` itself, with each option that a rule ``(name, types, error)`` names checked and coerced."""
    for name, types, error in ruleset:
        if name in params:
            params[name] = verify_options(params[name], types, error)
    return params


def coerce_cache_params(params: dict[str, Any]) -> dict[str, Any]:
    """``params`` itself, with the options of a cache checked and coerced."""
    rules = [(name, types, error) for name, (types, error, _) in _CACHE_OPTIONS.items()]
    verify_rules(params, rules)
    params.update(checked(params))
    return coerce_seconds(params)


def parse_cache_config_options(config: Mapping[str, Any], include_defaults: bool = True) -> dict[str, Any]:
    """The options of a cache manager in ``config``, named ``cache.…`` or ``beaker.cache.…``.

    ``cache_regions`` has the options of each region in ``regions`` (``cache.<region>.<option>``). An option
    that a region lacks comes from the whole. ``include_defaults`` adds the defaults.
    """
    options: dict[str, Any] = {}
    if include_defaults:
        options.update(
            {name: _CACHE_OPTIONS[name][2] for name in ("type", "data_dir", "expire")}, log_file=None
        )
    for name, value in config.items():
        for prefix in ("beaker.cache.", "cache."):
            if name.startswith(prefix):
                options[name[len(prefix) :]] = value
    coerce_cache_params(options)
    if include_defaults:
        options.setdefault("enabled", True)
    regions = options.pop("regions", None)
    if regions:
        options["cache_regions"] = {name: _take_region(options, name) for name in regions if name}
    return options


def _take_region(options: dict[str, Any], name: str) -> dict[str, Any]:
    region = {
        option: options.get(option, default)
        for option, (_, _, default) in _CACHE_OPTIONS.items()
        if option != "regions"
    }
    region.update({option: options[option] for option in POLICY_OPTIONS if option in options})
    prefix = name + "."
    for key in [key for key in options if key.startswith(prefix)]:
        region[key[len(prefix) :]] = options.pop(key)
    return coerce_cache_params(region)
