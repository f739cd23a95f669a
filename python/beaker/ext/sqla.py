"""The table for sessions in SQLAlchemy."""

import importlib
from typing import Any

from beaker.exceptions import InvalidCacheBackendError

__all__ = ["make_cache_table"]


def make_cache_table(metadata: Any, table_name: str = "beaker_cache", schema_name: str | None = None) -> Any:
    """A ``sqlalchemy.Table`` of ``metadata`` with the columns of Beaker's table.

    The table is not created in a database. The default ``schema_name`` is the schema of ``metadata``. Raises
    :class:`InvalidCacheBackendError` if SQLAlchemy is not installed.
    """
    try:
        sqlalchemy: Any = importlib.import_module("sqlalchemy")
    except ImportError as cause:
        raise InvalidCacheBackendError("make_cache_table needs SQLAlchemy, which is not installed") from cause
    return sqlalchemy.Table(
        table_name,
        metadata,
        sqlalchemy.Column("namespace", sqlalchemy.String(255), primary_key=True),
        sqlalchemy.Column("accessed", sqlalchemy.DateTime, nullable=False),
        sqlalchemy.Column("created", sqlalchemy.DateTime, nullable=False),
        sqlalchemy.Column("data", sqlalchemy.PickleType, nullable=False),
        schema=schema_name or metadata.schema,
    )
