"""The backend in memory: sessions in the native store, other values in Python objects."""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from beaker import _core
from beaker._namespace import AbstractDictionaryNSManager
from beaker._options import asint
from beaker._registry import ProcessLock, SyncDict
from beaker.exceptions import ConfigurationError

__all__ = ["MemoryNamespaceManager", "is_native_name"]

_SESSION_KEY = "session"

Contents = MutableMapping[Any, Any]

_ABSENT = object()

_NOTHING: dict[Any, Any] = {}
"""The values of a namespace that does not exist. A key that cannot be hashed is refused there, too."""


class _Others:
    """The values in Python: all but the text of sessions. Empty namespaces have no entry.

    Those of caches, whose keys are bytes, are in the native memory, which drops expired ones.
    """

    def __init__(self) -> None:
        self._mutex = ProcessLock()
        self._values: dict[Any, dict[Any, Any]] = {}

    def get(self, namespace: Any, key: Any) -> Any:
        if _is_cached(namespace, key):
            record = _core.cache_get(namespace, key, _ABSENT)
            if record is _ABSENT:
                raise KeyError(key)
            return record
        return self._values.get(namespace, _NOTHING)[key]

    def put(self, namespace: Any, key: Any, value: Any) -> None:
        if _is_cached(namespace, key):
            _core.cache_put(namespace, key, value)
            return
        with self._mutex:
            self._values.setdefault(namespace, {})[key] = value

    def drop(self, namespace: Any, key: Any) -> bool:
        if _is_cached(namespace, key):
            return _core.cache_delete(namespace, key)
        with self._mutex:
            values = self._values.get(namespace, _NOTHING)
            if key not in values:
                return False
            del values[key]
            if not values:
                del self._values[namespace]
            return True

    def drop_namespace(self, namespace: Any) -> None:
        if is_native_name(namespace):
            _core.cache_clear(namespace)
        with self._mutex:
            self._values.pop(namespace, None)

    def clear(self) -> None:
        _core.cache_clear_all()
        with self._mutex:
            self._values.clear()

    def keys(self, namespace: Any) -> list[Any]:
        cached = _core.cache_keys(namespace) if is_native_name(namespace) else []
        with self._mutex:
            return [*cached, *self._values.get(namespace, ())]

    def namespaces(self) -> list[Any]:
        cached = _core.cache_names()
        with self._mutex:
            return [*cached, *self._values]


def _is_cached(namespace: Any, key: Any) -> bool:
    return type(key) is bytes and is_native_name(namespace)


def is_native_name(namespace: Any) -> bool:
    """Whether the native memory can take the name of a namespace: text without lone surrogates."""
    if not isinstance(namespace, str):
        return False
    try:
        namespace.encode()
    except UnicodeEncodeError:
        return False
    return True


def _session_text(namespace: Any) -> str | None:
    return _core.memory_get(namespace) if is_native_name(namespace) else None


class _NamespaceView(Contents):
    """One namespace as a mapping. Reading allocates nothing.

    Text under the key ``session`` is the session of that id in the native store: both sides see the same
    record. Any other value under that key is a cached value and stays here.
    """

    __slots__ = ("_namespace", "_others")

    def __init__(self, namespace: Any, others: _Others) -> None:
        self._namespace = namespace
        self._others = others

    def __getitem__(self, key: Any) -> Any:
        if key == _SESSION_KEY:
            text = _session_text(self._namespace)
            if text is not None:
                return text
        try:
            return self._others.get(self._namespace, key)
        except KeyError:
            raise KeyError(key) from None

    def __setitem__(self, key: Any, value: Any) -> None:
        if key == _SESSION_KEY and is_native_name(self._namespace):
            if isinstance(value, str):
                _core.memory_set(self._namespace, value)
                self._others.drop(self._namespace, key)
                return
            _core.memory_delete(self._namespace)
        self._others.put(self._namespace, key, value)

    def __delitem__(self, key: Any) -> None:
        in_store = (
            key == _SESSION_KEY and is_native_name(self._namespace) and _core.memory_delete(self._namespace)
        )
        if not self._others.drop(self._namespace, key) and not in_store:
            raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        keys = self._others.keys(self._namespace)
        if _SESSION_KEY not in keys and _session_text(self._namespace) is not None:
            keys.append(_SESSION_KEY)
        return iter(keys)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        # The contents may be a session, and representations end up in logs.
        return f"<the namespace of {len(self)} keys in memory>"

    def clear(self) -> None:
        """Removes all keys."""
        if is_native_name(self._namespace):
            _core.memory_delete(self._namespace)
        self._others.drop_namespace(self._namespace)


class _AllNamespaces(MutableMapping[Any, Contents]):
    """Every namespace in memory, by name."""

    def __init__(self) -> None:
        self._others = _Others()

    def view(self, namespace: Any) -> _NamespaceView:
        """A view of the namespace, which need not exist."""
        return _NamespaceView(namespace, self._others)

    def __getitem__(self, namespace: Any) -> Contents:
        view = self.view(namespace)
        if not view:
            raise KeyError(namespace)
        return view

    def __setitem__(self, namespace: Any, contents: Contents) -> None:
        values = dict(contents)
        view = self.view(namespace)
        view.clear()
        view.update(values)

    def __delitem__(self, namespace: Any) -> None:
        self[namespace].clear()

    def __iter__(self) -> Iterator[Any]:
        return iter(dict.fromkeys([*self._others.namespaces(), *_core.memory_ids()]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Empties the memory store, sessions included."""
        _core.memory_clear()
        self._others.clear()


class _MemoryNamespaces(SyncDict[Any, Contents]):
    """The registry of namespaces: a namespace exists while it has values."""

    dict: _AllNamespaces

    def __init__(self) -> None:
        super().__init__()
        self.dict = _AllNamespaces()

    def view(self, namespace: Any) -> Contents:
        """A view of the namespace, which need not exist."""
        return self.dict.view(namespace)

    def _create(self, key: Any, createfunc: Callable[..., Contents], *args: Any, **kwargs: Any) -> Contents:
        # The value is copied into the store, and the view shows the store.
        self[key] = createfunc(*args, **kwargs)
        return self.view(key)


class MemoryNamespaceManager(AbstractDictionaryNSManager):
    """The backend in this process's memory.

    ``max_entries`` and ``max_bytes`` bound the values of caches in the namespace whose keys are text or
    bytes. Values that are used seldom make way for others. Bytes are counted by ``sys.getsizeof``. A value
    that exceeds a bound alone is not kept.
    """

    namespaces = _MemoryNamespaces()
    """All namespaces in memory, the sessions of the type ``memory`` included."""

    def __init__(self, namespace: str, **kwargs: Any) -> None:
        super().__init__(namespace)
        bounds = {name: kwargs.get(name) for name in ("max_entries", "max_bytes")}
        if any(bound is not None for bound in bounds.values()):
            _core.cache_bound(namespace, *(_bound(name, bound) for name, bound in bounds.items()))
        self.dictionary = MemoryNamespaceManager.namespaces.view(namespace)

    def _keep(self, key: Any, record: Any, kept: float, early: float) -> None:
        """Sets ``key``, which stays for ``kept`` seconds at least.

        In the last ``early`` seconds of its freshness, the native memory does not find it fresh.
        """
        if _is_cached(self.namespace, key):
            _core.cache_put(self.namespace, key, record, kept, early)
        else:
            self[key] = record


def _bound(name: str, given: Any) -> int | None:
    if given is None:
        return None
    try:
        bound = asint(given.strip() if isinstance(given, str) else given)
    except ConfigurationError:
        bound = 0
    if bound < 1 or isinstance(given, bool):
        raise ConfigurationError(f"{name} must be a whole number above 0, got {given!r}")
    return bound
