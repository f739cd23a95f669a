"""Backends written in Python. Beaker and ours can both use them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from beaker.container import NamespaceManager
from beaker.synchronization import NameLock

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableSequence


class DictNamespace(NamespaceManager):
    """A backend in Python: a dictionary of dictionaries, and a list of the calls."""

    contents: dict[str, dict[str, Any]]
    calls: MutableSequence[str]

    def __init__(self, namespace: str, **arguments: Any) -> None:
        super().__init__(namespace)
        self.arguments = arguments

    def get_creation_lock(self, key: str) -> NameLock:
        return NameLock(identifier=f"{id(self.contents)}/{self.namespace}/{key!r}", reentrant=True)

    def __getitem__(self, key: str) -> Any:
        self.calls.append("get")
        return self.contents[self.namespace][key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.calls.append("set")
        self.contents.setdefault(self.namespace, {})[key] = value

    def __delitem__(self, key: str) -> None:
        self.calls.append("delete")
        del self.contents[self.namespace][key]
        if not self.contents[self.namespace]:
            del self.contents[self.namespace]

    def __contains__(self, key: object) -> bool:
        self.calls.append("contains")
        return key in self.contents.get(self.namespace, {})

    def keys(self) -> Iterable[str]:
        return list(self.contents.get(self.namespace, {}))

    def do_remove(self) -> None:
        self.calls.append("remove")
        self.contents.pop(self.namespace, None)


class SwappingNamespace(DictNamespace):
    """The same, with a step that compares and changes."""

    mutex: threading.Lock

    def swap(
        self, key: str, expected: str | None, value: str | None, expiretime: float | None = None
    ) -> bool:
        self.calls.append("swap")
        with self.mutex:
            found = self.contents.get(self.namespace, {}).get(key)
            if found != expected:
                return False
            if value is not None:
                self.contents[self.namespace] = {key: value}
            elif expected is not None:
                del self.contents[self.namespace]
            return True


def namespace_class(base: type[DictNamespace] = DictNamespace) -> type[DictNamespace]:
    """A new, empty backend class."""
    return type("Namespace", (base,), {"contents": {}, "calls": [], "mutex": threading.Lock()})
