"""The WSGI middleware, and its factories for Paste."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from beaker import _core
from beaker.cache import CacheManager
from beaker.session import Session, SessionObject
from beaker.util import coerce_cache_params, coerce_session_params, parse_cache_config_options

__all__ = [
    "CacheManager",
    "CacheMiddleware",
    "Session",
    "SessionMiddleware",
    "SessionObject",
    "beaker_cache",
    "beaker_session",
    "coerce_cache_params",
    "coerce_session_params",
    "parse_cache_config_options",
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
    """Puts a :class:`~beaker.cache.CacheManager` into the environment of the wrapped application.

    ``config`` has options with the prefix ``cache.`` or ``beaker.cache.``. Keyword arguments, with or without
    a prefix, take precedence. The manager is at ``environ_key``.
    """

    cache = beaker_cache

    def __init__(
        self,
        app: Application,
        config: Mapping[str, Any] | None = None,
        environ_key: str = "beaker.cache",
        **kwargs: Any,
    ) -> None:
        self.app = app
        self.options: dict[str, Any] = {
            **parse_cache_config_options(config or {}),
            **parse_cache_config_options(kwargs, include_defaults=False),
            **kwargs,
        }
        self.cache_manager = CacheManager(**self.options)
        self.environ_key = environ_key

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Calls the application."""
        registry = environ.get("paste.registry")
        if registry and registry.reglist:
            registry.register(self.cache, self.cache_manager)
        environ[self.environ_key] = self.cache_manager
        return self.app(environ, start_response)


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
