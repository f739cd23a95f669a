# ruff: noqa: PLR0917 - the signatures are the ones that applications use
"""Namespaces of values, the backends that store them, and cached values."""

from collections.abc import Callable
from typing import Any

from beaker._dbm_namespace import DBMNamespaceManager
from beaker._file_namespace import FileNamespaceManager
from beaker._memory_namespace import MemoryNamespaceManager
from beaker._namespace import AbstractDictionaryNSManager, NamespaceManager, OpenResourceNamespaceManager
from beaker._value import Value
from beaker.exceptions import CreationAbortedError, MissingCacheParameter

__all__ = [
    "AbstractDictionaryNSManager",
    "Container",
    "ContainerContext",
    "CreationAbortedError",
    "DBMContainer",
    "DBMNamespaceManager",
    "DbmContainer",
    "FileContainer",
    "FileNamespaceManager",
    "MemoryContainer",
    "MemoryNamespaceManager",
    "MissingCacheParameter",
    "NamespaceManager",
    "OpenResourceNamespaceManager",
    "Value",
]

ContainerContext = dict
"""The namespaces that calls of :class:`Container` classes share."""

namespace_classes: dict[type, Any] = {}
"""The backend of each container class."""


class ContainerMeta(type):
    """Makes the call of a container class return a :class:`Value`."""

    def __init__(cls, classname: str, bases: tuple[type, ...], dict_: dict[str, Any]) -> None:
        super().__init__(classname, bases, dict_)
        namespace_classes[cls] = cls.__dict__.get("namespace_class") or namespace_classes[bases[0]]

    def __call__(
        cls,
        key: str,
        context: dict[str, Any],
        namespace: str,
        createfunc: Callable[[], Any] | None = None,
        expiretime: float | None = None,
        starttime: float | None = None,
        **kwargs: Any,
    ) -> Value:
        """The value of ``key`` in ``namespace``.

        ``context`` keeps the namespaces. A new one is made with ``kwargs``.
        """
        manager = context.get(namespace)
        if manager is None:
            manager = context[namespace] = namespace_classes[cls](namespace, **kwargs)
        return Value(key, manager, createfunc=createfunc, expiretime=expiretime, starttime=starttime)


class Container(metaclass=ContainerMeta):
    """An older way to make a :class:`Value`. Subclasses set their backend as ``namespace_class``."""

    namespace_class: Any = NamespaceManager


class FileContainer(Container):
    """Makes values in files."""

    namespace_class = FileNamespaceManager


class MemoryContainer(Container):
    """Makes values in memory."""

    namespace_class = MemoryNamespaceManager


class DBMContainer(Container):
    """Makes values in dbm files."""

    namespace_class = DBMNamespaceManager


DbmContainer = DBMContainer
