"""Functions whose results are cached, and the keys of the results."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from beaker._compat import bindfuncargs
from beaker._core import FunctionLookup
from beaker._options import DEFAULT_CACHE_KEY_LENGTH
from beaker.util import func_namespace, has_self_arg

__all__ = ["Source", "cached_function", "key_of"]


class Source(Protocol):
    """Where a decorator gets its cache from."""

    def open(self, namespace: str) -> Any:
        """The cache of a function, or ``None`` if caching is off."""

    def options(self) -> Mapping[str, Any]:
        """The options that the keys depend on."""

    def lookup(self, names: tuple[Any, ...], skipped: int, namespace: str) -> FunctionLookup:
        """Finds results in memory, by the same keys."""


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
        bind = _binder(inspect.signature(func))
        lookup = source.lookup(deco_args, skipped, namespace)
        find = lookup.find
        cache: Any = None

        def open_cache() -> Any:
            nonlocal cache
            if cache is None:
                cache = source.open(namespace)
                if cache is not None:
                    lookup.follow(cache)
            return cache

        def key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
            parts = [*map(str, deco_args), *map(str, args[skipped:])]
            parts += [f"{name}:{value}" for name, value in kwargs.items()]
            return key_of(parts, namespace, source.options())

        @functools.wraps(func)
        def cached(*args: Any, **kwargs: Any) -> Any:
            if cache is None and open_cache() is None:
                return func(*args, **kwargs)
            if kwargs:
                # An argument has the same key whether it is given by position or by name.
                args, kwargs = bind(args, kwargs)
            if not kwargs:
                found = find(args)
                if found is not lookup:
                    return found

            def create() -> Any:
                return func(*args, **kwargs)

            create.__name__ = f"_cached_{func.__name__}"
            return cache.get_value(key(args, kwargs), createfunc=create, **cache._tags_of_call(args, kwargs))

        @functools.wraps(func)
        async def cached_async(*args: Any, **kwargs: Any) -> Any:
            if cache is None and open_cache() is None:
                return await func(*args, **kwargs)
            if kwargs:
                args, kwargs = bind(args, kwargs)
            if not kwargs:
                found = find(args)
                if found is not lookup:
                    return found
            # Imported when needed, because it imports asyncio.
            from beaker._async_value import get_value  # noqa: PLC0415

            value = cache._get_value(key(args, kwargs), **cache._tags_of_call(args, kwargs))
            return await get_value(value, functools.partial(func, *args, **kwargs))

        attributes: Any = cached_async if inspect.iscoroutinefunction(func) else cached
        attributes._arg_namespace = namespace
        if region is not None:
            attributes._arg_region = region
        decorated: Callable[..., Any] = attributes
        return decorated

    return decorate


Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def _binder(signature: inspect.Signature) -> Callable[[tuple[Any, ...], dict[str, Any]], Arguments]:
    """A function that gives arguments by position where that is possible.

    It is :func:`bindfuncargs` for a function, and faster if all parameters are of the usual kind.
    """
    parameters = signature.parameters.values()
    names = [one.name for one in parameters]
    needed = sum(one.default is one.empty for one in parameters)
    is_usual = all(one.kind is one.POSITIONAL_OR_KEYWORD for one in parameters)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        if not kwargs:
            return args, kwargs
        if is_usual:
            found, left = list(args), dict(kwargs)
            for name in names[len(args) :]:
                if name not in left:
                    break
                found.append(left.pop(name))
            if not left and len(found) >= needed:
                return tuple(found), left
        return bindfuncargs(signature, args, kwargs)

    return bind
