"""Helpers for applications and backends."""

import functools
import inspect
import uuid
import warnings
from collections.abc import Callable
from typing import Any, TypeVar
from unittest import SkipTest

from beaker._core import coerce_session_params
from beaker._files import encoded_path, safe_write, verify_directory
from beaker._options import (
    DEFAULT_CACHE_KEY_LENGTH,
    asint,
    coerce_cache_params,
    parse_cache_config_options,
    verify_options,
    verify_rules,
)
from beaker._registry import SyncDict, ThreadLocal, WeakValuedRegistry
from beaker._serializers import JsonSerializer, PickleSerializer, deserialize, serialize
from beaker.converters import asbool
from beaker.exceptions import BeakerWarning

__all__ = [
    "DEFAULT_CACHE_KEY_LENGTH",
    "JsonSerializer",
    "PickleSerializer",
    "SyncDict",
    "ThreadLocal",
    "WeakValuedRegistry",
    "asbool",
    "asint",
    "assert_raises",
    "coerce_cache_params",
    "coerce_session_params",
    "deprecated",
    "deserialize",
    "encoded_path",
    "func_namespace",
    "function_named",
    "has_self_arg",
    "machine_identifier",
    "parse_cache_config_options",
    "safe_write",
    "serialize",
    "skip_if",
    "verify_directory",
    "verify_options",
    "verify_rules",
    "warn",
]

F = TypeVar("F", bound=Callable[..., Any])


def function_named(fn: F, name: str) -> F:
    """Renames ``fn`` to ``name``, and returns it."""
    fn.__name__ = name
    return fn


def skip_if(predicate: Callable[[], object], reason: str | None = None) -> Callable[[F], Callable[..., Any]]:
    """A decorator that skips a test if ``predicate()`` is true when the test runs."""
    why = reason or predicate.__name__

    def decorate(fn: F) -> Callable[..., Any]:
        name = fn.__name__

        def maybe(*args: Any, **kwargs: Any) -> Any:
            if predicate():
                raise SkipTest(f"{name} is skipped: {why}")
            return fn(*args, **kwargs)

        return function_named(maybe, name)

    return decorate


def assert_raises(
    except_cls: type[BaseException] | tuple[type[BaseException], ...],
    callable_: Callable[..., Any],
    *args: Any,
    **kw: Any,
) -> None:
    """Raises :class:`AssertionError` unless ``callable_(*args, **kw)`` raises ``except_cls``."""
    try:
        callable_(*args, **kw)
    except except_cls:
        return
    raise AssertionError(f"{callable_!r} raised no exception")


def has_self_arg(func: Callable[..., Any]) -> bool:
    """Whether the first parameter of ``func`` is called ``self`` or ``cls``."""
    return next(iter(inspect.signature(func).parameters), None) in ("self", "cls")


def warn(msg: str | Warning, stacklevel: int = 3) -> None:
    """Issues ``msg`` as a warning. Text becomes a :class:`BeakerWarning`."""
    if isinstance(msg, str):
        msg = BeakerWarning(msg)
    warnings.warn(msg, stacklevel=stacklevel)


def deprecated(message: str) -> Callable[[F], Callable[..., Any]]:
    """A decorator that issues ``message`` as a :class:`DeprecationWarning` at each call."""

    def decorate(fn: F) -> Callable[..., Any]:
        @functools.wraps(fn)
        def deprecated_function(*args: Any, **kwargs: Any) -> Any:
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            return fn(*args, **kwargs)

        deprecated_function.__doc__ = f"{message}\n\n{fn.__doc__ or ''}"
        return deprecated_function

    return decorate


def func_namespace(func: Callable[..., Any]) -> str:
    """The cache namespace of ``func``: its class if it is a bound method, else its source file and name."""
    if inspect.ismethod(func):
        owner = type(func.__self__)
        return f"{owner.__module__}.{owner.__name__}"
    return f"{inspect.getsourcefile(func)}|{func.__name__}"


def machine_identifier() -> str:
    """32 hexadecimal digits that differ between machines and calls."""
    return uuid.uuid1().hex
