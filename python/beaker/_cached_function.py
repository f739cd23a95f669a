"""Functions whose results are cached, and the keys of the results."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from beaker._compat import bindfuncargs
from beaker._options import DEFAULT_CACHE_KEY_LENGTH
from beaker.util import func_namespace, has_self_arg

__all__ = ["Source", "cached_function", "key_of"]


class Source(Protocol):
    """Where a decorator gets its cache from."""

    def open(self, namespace: str) -> Any:
        """The cache of a function, or ``None`` if caching is off."""

    def options(self) -> Mapping[str, Any]:
        """The options that the keys depend on."""


def key_of(parts: Iterable[str], namespace: str, options: Mapping[str, Any]) -> str:
    """The key of a result: the texts of its arguments, or their SHA-1 if they are too long.

    ``key_length`` of ``options`` is the number of characters that the key and the namespace may have.
    """
    key = " ".join(parts)
    length = options.get("key_length")
    if len(key) + len(namespace) > int(DEFAULT_CACHE_KEY_LENGTH if length is None else length):
        return hashlib.sha1(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    return key


def cached_function(
    deco_args: tuple[Any, ...], source: Source, region: str | None = None
) -> Callable[[Any], Any]:
    """A decorator. The attributes of its functions tell ``invalidate`` where the results are."""

    def decorate(func: Callable[..., Any]) -> Callable[..., Any]:
        namespace = func_namespace(func)
        skipped = 1 if has_self_arg(func) else 0
        signature = inspect.signature(func)
        cache: Any = None

        @functools.wraps(func)
        def cached(*args: Any, **kwargs: Any) -> Any:
            nonlocal cache
            if cache is None:
                cache = source.open(namespace)
                if cache is None:
                    return func(*args, **kwargs)
            parts = [*map(str, deco_args)]
            if kwargs:
                # An argument has the same key whether it is given by position or by name.
                args, kwargs = bindfuncargs(signature, args, kwargs)
            parts += map(str, args[skipped:])
            parts += [f"{name}:{value}" for name, value in kwargs.items()]

            def create() -> Any:
                return func(*args, **kwargs)

            create.__name__ = f"_cached_{func.__name__}"
            return cache.get_value(key_of(parts, namespace, source.options()), createfunc=create)

        attributes: Any = cached
        attributes._arg_namespace = namespace
        if region is not None:
            attributes._arg_region = region
        return cached

    return decorate
