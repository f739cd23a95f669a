"""Checks the options of caches that Beaker does not have."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from beaker.converters import asbool
from beaker.exceptions import ConfigurationError

__all__ = ["POLICY_OPTIONS", "checked", "coerce_seconds", "without_policy"]


def _amount(name: str, given: Any, what: str) -> float:
    try:
        number = float(given) if isinstance(given, str) else given
        is_right = isinstance(number, int | float) and not isinstance(number, bool) and number >= 0
        if is_right and math.isfinite(number):
            return float(number)
    except (ValueError, OverflowError):
        pass
    raise ConfigurationError(f"{name} must be {what}, 0 or more, got {given!r}")


def _seconds(name: str, given: Any) -> float:
    return _amount(name, given, "a number of seconds")


def _factor(name: str, given: Any) -> float:
    return _amount(name, given, "a number")


def _parts(given: Any) -> list[Any]:
    if isinstance(given, str):
        return [part.strip() for part in given.split(",")]
    return list(given) if isinstance(given, Iterable) else [given]


def _tags(name: str, given: Any) -> Any:
    if callable(given):
        return given
    tags = _parts(given)
    if all(isinstance(tag, str) and tag.strip() for tag in tags):
        return tuple(dict.fromkeys(tags))
    raise ConfigurationError(
        f"{name} must be names with commas between them, a list of names, or for a decorated function a "
        f"function of its arguments that returns them, got {given!r}"
    )


def _exceptions(name: str, given: Any) -> tuple[Any, ...]:
    found = _parts(given)
    for one in found:
        is_class = isinstance(one, type) and issubclass(one, Exception)
        if not is_class and not (isinstance(one, str) and one):
            raise ConfigurationError(
                f"{name} must be classes of exceptions or their names, as module.Class with commas between "
                f"them, got {one!r}"
            )
    return tuple(found)


def _switch(name: str, given: Any) -> bool:
    try:
        return bool(asbool(given))
    except ValueError:
        raise ConfigurationError(f"{name} must be true or false, got {given!r}") from None


POLICY_OPTIONS: Mapping[str, Callable[[str, Any], Any]] = {
    "stale_while_revalidate": _seconds,
    "early_renewal": _factor,
    "negative_expire": _seconds,
    "negative_exceptions": _exceptions,
    "tags": _tags,
    "statistics": _switch,
}
"""The options that say when a value is renewed, what is kept of a failure, and what is counted."""


_OF_BACKENDS = ("connect_timeout", "operation_timeout", "sweep_interval", "timeout")


def coerce_seconds(options: dict[str, Any]) -> dict[str, Any]:
    """``options`` itself, with numbers in the place of text for the times that backends take."""
    for name in _OF_BACKENDS:
        if isinstance(options.get(name), str):
            options[name] = _seconds(name, options[name])
    return options


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``options`` that are set, in their types. Raises :class:`ConfigurationError` by name."""
    return {
        name: check(name, options[name])
        for name, check in POLICY_OPTIONS.items()
        if options.get(name) is not None
    }


def without_policy(options: Mapping[str, Any]) -> dict[str, Any]:
    """The other options, which the backend gets."""
    return {name: value for name, value in options.items() if name not in POLICY_OPTIONS}
