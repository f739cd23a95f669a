"""Engines of SQLAlchemy: made from a URL, and without connections in a forked process."""

import importlib
import math
import os
import weakref
from collections.abc import Mapping
from typing import Any

from beaker.exceptions import ConfigurationError, InvalidCacheBackendError

__all__ = [
    "ANSWER_SECONDS",
    "CONNECT_SECONDS",
    "autocommitting",
    "column_types",
    "import_sqlalchemy",
    "make_engine",
]

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0
_OF_POSTGRESQL = frozenset({"psycopg", "psycopg2"})

_used: "weakref.WeakSet[Any]" = weakref.WeakSet()


def import_sqlalchemy() -> Any:
    """The package. Raises :class:`InvalidCacheBackendError` if it is not installed."""
    try:
        return importlib.import_module("sqlalchemy")
    except ImportError as cause:
        raise InvalidCacheBackendError(
            "SQLAlchemy is not installed: install beaker-rs[sqlalchemy] and the driver of your database"
        ) from cause


def column_types() -> tuple[Any, Any]:
    """The types of the columns ``namespace`` and ``data``."""
    sqlalchemy = import_sqlalchemy()
    mysql = importlib.import_module("sqlalchemy.dialects.mysql")
    # By default MySQL takes names for the same that differ in case, and a BLOB of it has 64 KiB.
    names = sqlalchemy.String(255).with_variant(
        mysql.VARCHAR(255, collation="utf8mb4_bin"), "mysql", "mariadb"
    )
    pickles = sqlalchemy.PickleType(
        impl=sqlalchemy.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
    )
    return names, pickles


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
        engine = sqlalchemy.engine_from_config(given, "sa.")
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
    else:
        if parsed.get_driver_name() in _OF_POSTGRESQL:
            sqlalchemy.event.listen(engine, "do_connect", _connect_also_by_pooler)
        return engine
    raise trouble


def _connect_also_by_pooler(dialect: Any, _record: object, arguments: Any, named: Mapping[str, Any]) -> Any:
    """Connects without the limits of the server if PgBouncer is in between, which refuses them by default."""
    try:
        return dialect.connect(*arguments, **named)
    except dialect.loaded_dbapi.OperationalError as error:
        if "unsupported startup parameter" not in str(error):
            raise
    return dialect.connect(*arguments, **{name: value for name, value in named.items() if name != "options"})


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
    """What bounds a wait for a server, by the driver's name. By default some drivers wait for ever.

    The wait for a row is bounded on the server, and shorter: otherwise its change would be made later.
    """
    if driver in _OF_POSTGRESQL:
        milliseconds = math.ceil(answer * 1000)
        pause = max(1, int(answer / 3))
        return {
            "connect_timeout": math.ceil(connect),
            "tcp_user_timeout": milliseconds,
            # Without them, a server that is gone while it has nothing to acknowledge is waited for.
            "keepalives_idle": pause,
            "keepalives_interval": pause,
            "keepalives_count": 2,
            "options": f"-c lock_timeout={milliseconds * 3 // 4} -c statement_timeout={milliseconds}",
        }
    if driver in {"pymysql", "mysqldb"}:
        seconds = max(2, math.ceil(answer))
        for_a_row = seconds - 1
        return {
            "connect_timeout": math.ceil(connect),
            "read_timeout": seconds,
            "write_timeout": seconds,
            # Without the strict mode MySQL cuts what is too long, and changes what it cannot encode.
            "init_command": (
                f"SET SESSION innodb_lock_wait_timeout = {for_a_row}, lock_wait_timeout = {for_a_row},"
                " sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_ALL_TABLES')"
            ),
        }
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
