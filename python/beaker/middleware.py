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
    """A Paste proxy for what the current request has, or ``None`` where Paste is not installed."""
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
    """Gives the wrapped application a session in its environment, and sends and stores what became of it.

    ``config`` holds options under names that begin with ``session.`` or ``beaker.session.``; keyword
    arguments, with or without that beginning, go before it. The session is at ``environ_key`` and is not
    read before it is used.
    """

    session = beaker_session


class CacheMiddleware:
    """Stands for Beaker's, which this version has not, for those who import it with ``SessionMiddleware``.

    Raises:
        CachesAbsentError: when it is made.
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
