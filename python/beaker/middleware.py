"""The WSGI middleware, and its factories for Paste."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from beaker import _core
from beaker._absent import missing, refuse
from beaker.session import Session, SessionObject
from beaker.util import coerce_session_params

__all__ = [
    "CacheMiddleware",
    "Session",
    "SessionMiddleware",
    "SessionObject",
    "beaker_cache",
    "beaker_session",
    "coerce_session_params",
    "session_filter_app_factory",
    "session_filter_factory",
]

Application = Callable[..., Iterable[bytes]]


def _stacked_proxy(name: str) -> Any:
    """A Paste proxy for an object of the current request, or ``None`` if Paste is not installed."""
    try:
        registry: Any = importlib.import_module("paste.registry")
    except ImportError:
        return None
    return registry.StackedObjectProxy(name=name)


beaker_session = _stacked_proxy("Beaker Session")
"""The session of the current request, under Paste's ``RegistryManager``."""

beaker_cache = _stacked_proxy("Cache Manager")
"""The cache manager of the current request, under Paste's ``RegistryManager``."""


class SessionMiddleware(_core.SessionMiddleware):
    """Puts a session into the environment of the wrapped application, stores it and sends its cookie.

    ``config`` has options with the prefix ``session.`` or ``beaker.session.``. Keyword arguments, with or
    without a prefix, take precedence. The session is at ``environ_key``, and is read when it is first used.
    """

    session = beaker_session


class CacheMiddleware:
    """A placeholder for programs that import it beside ``SessionMiddleware``. This version has no caches.

    Raises:
        CachesAbsentError: when it is constructed.
    """

    cache = beaker_cache

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        raise missing(__name__, "CacheMiddleware")


def session_filter_factory(
    global_conf: Mapping[str, Any], **kwargs: Any
) -> Callable[[Application], SessionMiddleware]:
    """A ``paste.filter_factory``."""

    def session_filter(app: Application) -> SessionMiddleware:
        return SessionMiddleware(app, global_conf, **kwargs)

    return session_filter


def session_filter_app_factory(
    app: Application, global_conf: Mapping[str, Any], **kwargs: Any
) -> SessionMiddleware:
    """A ``paste.filter_app_factory``."""
    return SessionMiddleware(app, global_conf, **kwargs)


def __getattr__(name: str) -> NoReturn:
    refuse(__name__, name, frozenset({"CacheManager"}))
