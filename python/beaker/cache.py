"""Caches: values that are made once and kept until they expire, in memory, files or another backend.

A :class:`CacheManager` opens caches by name and decorates functions. A region is a set of options with a
name, in :data:`cache_regions`. A function that is decorated with a region needs no manager.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from beaker import _cache_values, _core, util
from beaker._backends import BackendRegistry
from beaker._cache_options import checked, coerce_seconds, without_policy
from beaker._cache_policy import Durations, Policy
from beaker._cache_statistics import cache_statistics, reset_cache_statistics, statistics_of
from beaker._cache_tags import TagStore, tag_options
from beaker._cached_function import Source, cached_function, key_of
from beaker._dbm_namespace import DBMNamespaceManager
from beaker._file_namespace import FileNamespaceManager
from beaker._governed_value import GovernedValue
from beaker._kept_exceptions import KeptExceptions
from beaker._memory_namespace import MemoryNamespaceManager, is_native_name
from beaker._option_keys import key_of_options
from beaker._regions import cache_regions, options_of
from beaker._value import Value
from beaker.exceptions import MissingCacheParameter, UnknownCacheError, UnknownRegionError

__all__ = [
    "Cache",
    "CacheManager",
    "cache_managers",
    "cache_region",
    "cache_regions",
    "cache_statistics",
    "clsmap",
    "invalidate_tag",
    "region_invalidate",
    "reset_cache_statistics",
]

clsmap = BackendRegistry(
    {"memory": MemoryNamespaceManager, "dbm": DBMNamespaceManager, "file": FileNamespaceManager},
    # Each imports a library, or opens a store that few programs use.
    modules={
        "ext:database": "beaker.ext.database:DatabaseNamespaceManager",
        "ext:google": "beaker.ext.google:GoogleNamespaceManager",
        "ext:mongodb": "beaker.ext.mongodb:MongoNamespaceManager",
        "ext:sqla": "beaker.ext.sqla:SqlaNamespaceManager",
        "ext:memcached": "beaker.ext.memcached:MemcachedNamespaceManager",
        "memcached": "beaker.ext.memcached:MemcachedNamespaceManager",
        "ext:redis": "beaker.ext.redisnm:RedisNamespaceManager",
        "ext:rediscluster": "beaker.ext.redisclusternm:RedisClusterNamespaceManager",
        "redis": "beaker.ext.redisnm:RedisNamespaceManager",
        "sqlite": "beaker._sqlite_namespace:SqliteNamespaceManager",
    },
)
"""The backends by name. ``clsmap['ext:mine'] = MyNamespaceManager`` adds one."""

cache_managers: dict[str, "Cache"] = {}
"""The caches that are open, by their name and options. :meth:`CacheManager.get_cache` finds them here."""

F = TypeVar("F", bound=Callable[..., Any])


class Cache(_core.CacheLookup):
    """The values of one namespace.

    ``type`` names the backend, and ``nsargs`` are its options. A value is fresh for ``expire`` seconds
    (``expiretime`` is its older name), for ever if that is ``None``. A value from before ``starttime``
    (seconds since the epoch) is stale. The options of ``docs/caches.md`` that go beyond Beaker's are among
    ``nsargs`` too. Raises :class:`~beaker.exceptions.UnknownCacheError` if there is no such backend, and
    :class:`~beaker.exceptions.ConfigurationError` for a wrong value of an option.
    """

    def __init__(
        self,
        namespace: str,
        type: str = "memory",  # noqa: A002 - the name is the one that applications use
        expiretime: float | None = None,
        starttime: float | None = None,
        expire: float | str | None = None,
        **nsargs: Any,
    ) -> None:
        backend, own = _backend(type), coerce_seconds(without_policy(nsargs))
        self.namespace_name = namespace
        self._starttime = starttime
        self._tag_store = TagStore(backend, tag_options(own))
        self._policy = Policy.read(
            nsargs,
            self._tag_store,
            lambda seconds: KeptExceptions(namespace, {**own, "type": type}, seconds),
            lambda: statistics_of(namespace),
        )
        form = {name: nsargs[name] for name in _cache_values.OPTIONS if name in nsargs}
        self.namespace = _cache_values.guarded(backend(namespace, **own), **form)
        self.expiretime = expiretime or (None if expire is None else int(expire))
        self.nsargs = nsargs

    @property
    def namespace(self) -> Any:
        """The namespace in its backend."""
        return self._namespace

    @namespace.setter
    def namespace(self, namespace: Any) -> None:
        self._namespace = namespace
        self._settle()

    @property
    def starttime(self) -> float | None:
        """The moment before which a value is stale, in seconds since the epoch."""
        return self._starttime

    @starttime.setter
    def starttime(self, starttime: float | None) -> None:
        self._starttime = starttime
        self._settle()

    def _settle(self) -> None:
        """Lets the base class look values up, if they are in memory or in a file and nothing else decides."""
        namespace = self._namespace
        is_plain = (
            type(self) is Cache
            and type(namespace) is MemoryNamespaceManager
            and self._starttime is None
            and is_native_name(namespace.namespace)
        )
        policy = self._policy
        if policy is None:
            self._follow(namespace.namespace if is_plain else None)
            is_file = type(self) is Cache and type(namespace) is FileNamespaceManager
            kept = namespace._kept if is_file and self._starttime is None else None
            self._follow_file(None if kept is None else kept.values)
            return
        statistics = policy.statistics
        self._follow(
            namespace.namespace if is_plain and not policy.tags else None,
            stores=False,
            hits=None if statistics is None else statistics.hits,
        )

    @classmethod
    def _get_cache(cls, namespace: str, kw: dict[str, Any], region: str | None = None) -> "Cache":
        """The cache of this name and these options, which is opened if it is not open."""
        counts = region is not None and checked(kw).get("statistics", False)
        key = namespace + key_of_options(kw) + (f" {region}" if counts else "")
        found = cache_managers.get(key)
        if found is not None:
            return found
        cache = cls(namespace, **kw)
        if counts and cache._policy is not None:
            cache._policy = replace(cache._policy, statistics=statistics_of(str(region)))
            cache._settle()
        return cache_managers.setdefault(key, cache)

    # `get` and `put` of the base class do what memory alone decides, and leave the rest to the methods below.
    get_value = _core.CacheLookup.get
    set_value = _core.CacheLookup.put

    def _store(self, key: Any, value: Any, **kw: Any) -> None:
        self._get_value(key, **kw).set_value(value)

    def _look_up(self, key: Any, **kw: Any) -> Any:
        return self._get_value(key, **kw).get_value()

    def remove_value(self, key: Any, **kw: Any) -> None:
        """Removes the value of ``key``; no error if there is none."""
        self._get_value(key, **kw).clear_value()

    remove = remove_value

    def _get_value(self, key: Any, **kw: Any) -> Value:
        """The :class:`~beaker.container.Value` of ``key``. Text is stored as ASCII, with escapes."""
        if isinstance(key, str):
            key = key.encode("ascii", "backslashreplace")
        if "type" in kw:
            legacy: Value = self._legacy_get_value(key, **kw)
            return legacy
        kw.setdefault("expiretime", self.expiretime)
        kw.setdefault("starttime", self.starttime)
        policy, tags = self._policy, checked({"tags": kw.pop("tags", None)}).get("tags", ())
        if policy is None:
            if not tags:
                return Value(key, self.namespace, **kw)
            policy = Policy(self._tag_store, Durations())
        if policy.tags and not callable(policy.tags):
            tags = (*policy.tags, *tags)
        return GovernedValue(key, self.namespace, policy, tags, **kw)

    def _tags_of_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The argument ``tags`` for the value of a function's call, if they depend on its arguments."""
        return {} if self._policy is None else self._policy.tags_of(args, kwargs)

    @util.deprecated(
        "options of a backend for one value are deprecated; give 'type' and the other options of the "
        "backend to CacheManager.get_cache() or to Cache()"
    )
    def _legacy_get_value(self, key: Any, type: str, **kw: Any) -> Value:  # noqa: A002
        value = {name: kw.pop(name, default) for name, default in self._value_defaults()}
        other = Cache(self.namespace.namespace, type=type, **{**self.nsargs, **kw})
        return other._get_value(key, **value)

    def _value_defaults(self) -> list[tuple[str, Any]]:
        return [("expiretime", self.expiretime), ("starttime", None), ("createfunc", None)]

    def clear(self) -> None:
        """Removes all values of the namespace."""
        if self._policy is not None and self._policy.kept is not None:
            self._policy.kept.clear()
        self.namespace.remove()

    def invalidate_tag(self, tag: str) -> None:
        """Makes all values of the tag count no more, in all caches and processes that share the store."""
        self._tag_store.invalidate(tag)

    def __contains__(self, key: Any) -> bool:
        return bool(self._get_value(key).has_current_value())

    def has_key(self, key: Any) -> bool:
        """Whether there is a fresh value of ``key``."""
        return key in self

    def __delitem__(self, key: Any) -> None:
        self.remove_value(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.put(key, value)


class CacheManager:
    """Opens caches and decorates functions, with options that all of them share.

    The options are those of :class:`Cache`. :func:`beaker.util.parse_cache_config_options` makes them from a
    configuration. ``cache_regions`` maps the names of regions to their options, and is added to the module's
    :data:`cache_regions`.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs
        self.regions: dict[str, dict[str, Any]] = kwargs.pop("cache_regions", {})
        cache_regions.update(self.regions)

    def get_cache(self, name: str, **kwargs: Any) -> Cache:
        """The cache ``name``. ``kwargs`` replace the manager's options."""
        return Cache._get_cache(name, {**self.kwargs, **kwargs})

    def get_cache_region(self, name: str, region: str) -> Cache:
        """The cache ``name`` with the options of a region of this manager.

        Raises :class:`~beaker.exceptions.UnknownRegionError` if the manager has no such region.
        """
        return Cache._get_cache(name, options_of(self.regions, region), region)

    def region(self, region: str, *args: Any) -> Callable[[F], F]:
        """The decorator :func:`cache_region`."""
        return cache_region(region, *args)

    def region_invalidate(self, namespace: Any, region: str | None, *args: Any) -> None:
        """The function :func:`region_invalidate`."""
        region_invalidate(namespace, region, *args)

    def cache(self, *args: Any, **kwargs: Any) -> Callable[[F], F]:
        """A decorator that caches the results of a function by its arguments.

        ``args`` are a part of the key, before the arguments. Functions of one name in one file need them to
        be told apart. ``kwargs`` are options for :meth:`get_cache`, and ``key_length``: a key that is longer
        together with its namespace is replaced by its SHA-1.
        """
        return cached_function(args, _ManagerSource(self, kwargs))

    def invalidate(self, func: Any, *args: Any, **kwargs: Any) -> None:
        """Removes a result of a function that was decorated by :meth:`cache`.

        ``args`` are those of the decorator and then those of the call, without ``self`` or ``cls``.
        ``kwargs`` are the options of the decorator.
        """
        cache = self.get_cache(func._arg_namespace, **kwargs)
        options = cache_regions[func._arg_region] if hasattr(func, "_arg_region") else kwargs
        _remove(cache, options, args)

    def invalidate_tag(self, tag: str, **kwargs: Any) -> None:
        """Makes all values of the tag count no more: in the manager's store and in those of its regions.

        ``kwargs`` replace the manager's options. Other processes that share a store see it too.
        """
        _invalidate_tag(tag, [{**self.kwargs, **kwargs}, *self.regions.values()])


def cache_region(region: str, *args: Any) -> Callable[[F], F]:
    """A decorator that caches the results of a function by its arguments, with the options of a region.

    ``args`` are a part of the key, before the arguments. Functions of one name in one file need them to be
    told apart. The key is the text of all of them, so their ``str()`` must say what they are. A first
    parameter called ``self`` or ``cls`` is left out. The region is looked up when the function is called: it
    raises :class:`~beaker.exceptions.UnknownRegionError` if there is none. If the region's ``enabled`` is
    false at the first call, the function is called and nothing is cached.
    """
    return cached_function(args, _RegionSource(region), region)


def region_invalidate(namespace: Any, region: str | None, *args: Any) -> None:
    """Removes a result of a function that was decorated by :func:`cache_region`.

    ``namespace`` is the decorated function, which knows its region, or the name of a namespace. ``args`` are
    those of the decorator and then those of the call, without ``self`` or ``cls``. Raises
    :class:`~beaker.exceptions.UnknownRegionError` if there is no such region.
    """
    if callable(namespace):
        region = region or namespace._arg_region
        namespace = namespace._arg_namespace
    if not region:
        raise UnknownRegionError(
            "region_invalidate needs the name of a region, or a function that is decorated with one"
        )
    options = options_of(cache_regions, region)
    _remove(Cache._get_cache(namespace, options, region), options, args)


def invalidate_tag(tag: str, region: str | None = None) -> None:
    """Makes all values of the tag count no more: in the store of a region, or in those of all regions.

    Other processes that share a store see it too. Raises :class:`~beaker.exceptions.UnknownRegionError` if
    there is no such region.
    """
    regions = list(cache_regions.values()) if region is None else [options_of(cache_regions, region)]
    _invalidate_tag(tag, regions)


class _RegionSource(Source):
    """The cache of a function in a region."""

    def __init__(self, region: str) -> None:
        self._region = region

    def open(self, namespace: str) -> Cache | None:
        options = self.options()
        is_on = options.get("enabled", True)
        return Cache._get_cache(namespace, options, self._region) if is_on else None

    def options(self) -> dict[str, Any]:
        return options_of(cache_regions, self._region)

    def lookup(self, names: tuple[Any, ...], skipped: int, namespace: str) -> _core.FunctionLookup:
        return _core.FunctionLookup(names, skipped, namespace, cache_regions, self._region)


class _ManagerSource(Source):
    """The cache of a function with options of its own."""

    def __init__(self, manager: CacheManager, options: dict[str, Any]) -> None:
        self._manager = manager
        self._options = options

    def open(self, namespace: str) -> Cache:
        return self._manager.get_cache(namespace, **self._options)

    def options(self) -> dict[str, Any]:
        return self._options

    def lookup(self, names: tuple[Any, ...], skipped: int, namespace: str) -> _core.FunctionLookup:
        return _core.FunctionLookup(names, skipped, namespace, self._options)


def _backend(name: str) -> Any:
    try:
        return clsmap[name]
    except KeyError as cause:
        raise UnknownCacheError(str(cause)) from None


def _invalidate_tag(tag: str, caches: list[dict[str, Any]]) -> None:
    stores: list[dict[str, Any]] = []
    for options in caches:
        store = tag_options({"type": "memory", **options})
        if store not in stores:
            stores.append(store)
    for store in stores:
        # No cache can be open in a store whose place is missing.
        with suppress(MissingCacheParameter):
            TagStore(_backend(store.pop("type")), store).invalidate(tag)


def _remove(cache: Cache, options: dict[str, Any], args: tuple[Any, ...]) -> None:
    cache.remove_value(key_of(map(str, args), cache.namespace_name, options))
