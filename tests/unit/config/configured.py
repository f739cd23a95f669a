"""A middleware whose options are looked at."""

from __future__ import annotations

from typing import Any

from beaker.middleware import SessionMiddleware


def application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


def configured(config: Any = None, **kwargs: Any) -> dict[str, Any]:
    """The options of a middleware."""
    options: dict[str, Any] = SessionMiddleware(application, config, **kwargs).options
    return options
