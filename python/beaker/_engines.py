"""Engines of SQLAlchemy: made from a URL, and without connections in a forked process."""

import importlib
import math
import os
import weakref
from collections.abc import Mapping
from typing import Any

from beaker.exceptions import ConfigurationError, InvalidCacheBackendError

__all__ = ["ANSWER_SECONDS", "CONNECT_SECONDS", "autocommitting", "import_sqlalchemy", "make_engine"]

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0

_used: "weakref.WeakSet[Any]" = weakref.WeakSet()


def import_sqlalchemy() -> Any:
    """The package. Raises :class:`InvalidCacheBackendError` if it is not installed."""
    try:
        return importlib.import_module("sqlalchemy")
    except ImportError as cause:
        raise InvalidCacheBackendError(
            "SQLAlchemy is not installed: install beaker-rs[sqlalchemy] and the driver of your database"
        ) from cause


def make_engine(url: Any, options: Mapping[str, Any], connect: float, answer: float) -> Any:
    """An engine for a URL and for options that begin with ``sa.``, as ``engine_from_config`` has them.

    ``connect`` and ``answer`` are the seconds that a connection and an answer may take, as far as the driver
    has limits.

    No connection is made. Errors show no URL, since it may have a password.
    """
    sqlalchemy = import_sqlalchemy()
    trouble: Exception
    try:
        parsed = sqlalchemy.make_url(url)
        given = {**_defaults(parsed, connect, answer), **options, "sa.url": parsed}
        return sqlalchemy.engine_from_config(given, "sa.")
    except ImportError as cause:
        trouble = InvalidCacheBackendError(f"cannot use the database: {cause}")
    except sqlalchemy.exc.NoSuchModuleError as cause:
        trouble = InvalidCacheBackendError(f"cannot use the database: {cause}")
    except sqlalchemy.exc.ArgumentError:
        trouble = ConfigurationError(
            "url is not the address of a database: use one such as postgresql+psycopg://user@host/name"
        )
    except (TypeError, ValueError) as cause:
        trouble = ConfigurationError(f"an option of the engine (sa.…) is wrong: {cause}")
    raise trouble


def _defaults(url: Any, connect: float, answer: float) -> dict[str, Any]:
    limits = _limits(url.get_driver_name(), connect, answer)
    return {
        # Each change is one statement: a transaction around it would only cost messages.
        "sa.isolation_level": "AUTOCOMMIT",
        # Errors would show sessions.
        "sa.hide_parameters": True,
        "sa.connect_args": {name: limit for name, limit in limits.items() if name not in url.query},
    }


def _limits(driver: str, connect: float, answer: float) -> dict[str, Any]:
    """What bounds a wait for a server, by the driver's name. By default some drivers wait for ever."""
    if driver in {"psycopg", "psycopg2"}:
        return {"connect_timeout": math.ceil(connect), "tcp_user_timeout": math.ceil(answer * 1000)}
    if driver in {"pymysql", "mysqldb"}:
        seconds = math.ceil(answer)
        return {"connect_timeout": math.ceil(connect), "read_timeout": seconds, "write_timeout": seconds}
    return {}


def autocommitting(engine: Any) -> Any:
    """The engine with connections that commit each statement. A forked process gets new ones."""
    _used.add(engine)
    if getattr(engine.dialect, "_on_connect_isolation_level", None) == "AUTOCOMMIT":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _leave_connections_to_parent() -> None:
    for engine in list(_used):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_connections_to_parent)
