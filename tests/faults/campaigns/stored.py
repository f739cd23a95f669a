"""The records in a store, seen from behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def ids(options: dict[str, Any], folder: str) -> list[str]:
    """The names of the records, and of whatever else a server has for sessions."""
    if options["type"] == "sqlite":
        return _in_sqlite(folder)
    if options["type"] == "ext:redis":
        return _in_redis(options["url"])
    if options["type"] == "ext:database":
        return _in_table(options["url"], options["table_name"])
    return [path.stem for path in Path(folder).glob("container_file/*/*/*.cache")]


def _in_sqlite(folder: str) -> list[str]:
    from beaker import _core

    database = _core.SqliteDatabase(None, folder)
    names: list[str] = database.namespaces() if Path(database.path).exists() else []
    return names


def _in_redis(url: str) -> list[str]:
    import redis

    with redis.Redis.from_url(url) as client:
        return [key.decode().split(":")[1] for key in client.scan_iter(count=1000)]


def without_an_end(url: str, longest: int) -> int:
    """The number of keys in Redis that last for more than so many seconds, or for ever."""
    import redis

    with redis.Redis.from_url(url) as client:
        lifetimes = [client.pttl(key) for key in client.scan_iter(count=1000)]
    return sum(not 0 <= lifetime <= longest * 1000 for lifetime in lifetimes)


def _in_table(url: str, table: str) -> list[str]:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    if not sqlalchemy.inspect(engine).has_table(table):
        return []
    rows = sqlalchemy.table(table, sqlalchemy.column("namespace"))
    with engine.connect() as connection:
        return [str(name) for (name,) in connection.execute(sqlalchemy.select(rows))]
