# ruff: noqa: PLR0917 - the signatures are the ones that applications use
"""The backend of a table in a database, by SQLAlchemy."""

from typing import Any

from beaker._engines import ANSWER_SECONDS, CONNECT_SECONDS, column_types, import_sqlalchemy, make_engine
from beaker.container import Container
from beaker.exceptions import MissingCacheParameter
from beaker.ext.sqla import SqlaNamespaceManager

__all__ = ["DatabaseContainer", "DatabaseNamespaceManager"]


class DatabaseNamespaceManager(SqlaNamespaceManager):
    """The backend of a table in a database, with a row for each namespace. The table is made if need be.

    ``url`` is an address as SQLAlchemy has it, such as ``postgresql+psycopg://user@host/name``. Options of
    the engine are arguments that begin with ``sa.``, or are in the dictionary ``sa_opts``, with the same
    names. All namespaces of one ``url`` share an engine in a process. ``connect_timeout`` and
    ``operation_timeout`` are the seconds that a connection and an answer may take. The other arguments are
    those of :class:`~beaker.ext.sqla.SqlaNamespaceManager`.

    Raises :class:`MissingCacheParameter` without a ``url``, :class:`ConfigurationError` for one that is none,
    and :class:`StoreUnavailableError` if the database does not answer.
    """

    def __init__(
        self,
        namespace: str,
        url: Any = None,
        sa_opts: dict[str, Any] | None = None,
        table_name: str = "beaker_cache",
        data_dir: str | None = None,
        lock_dir: str | None = None,
        schema_name: str | None = None,
        *,
        connect_timeout: float | None = None,
        operation_timeout: float | None = None,
        **params: Any,
    ) -> None:
        self._init_dependencies()
        url, engine = self._engine(url, sa_opts, connect_timeout, operation_timeout, **params)
        table = self.tables.get((url, schema_name, table_name), _table, table_name, schema_name)
        super().__init__(namespace, engine, table, data_dir=data_dir, lock_dir=lock_dir, **params)
        self._rows.make()

    @classmethod
    def _engine(
        cls,
        url: Any = None,
        sa_opts: dict[str, Any] | None = None,
        connect_timeout: float | None = None,
        operation_timeout: float | None = None,
        **params: Any,
    ) -> tuple[Any, Any]:
        """The address and its engine, which has no connection yet."""
        options = dict(sa_opts or {})
        options.update({name: value for name, value in params.items() if name.startswith("sa.")})
        url = url or options.get("sa.url")
        if not url:
            raise MissingCacheParameter(
                "url is missing: set it to the database, such as postgresql+psycopg://user@host/name"
            )
        limits = connect_timeout or CONNECT_SECONDS, operation_timeout or ANSWER_SECONDS
        return url, cls.binds.get(url, make_engine, url, options, *limits)

    @classmethod
    def _check_options(cls, **options: Any) -> None:
        """Judges the options of sessions, without a connection."""
        cls._engine(**options)


class DatabaseContainer(Container):
    """Makes values in a table of a database."""

    namespace_class = DatabaseNamespaceManager


def _table(table_name: str, schema_name: str | None) -> Any:
    sqlalchemy = import_sqlalchemy()
    names, pickles = column_types()
    return sqlalchemy.Table(
        table_name,
        sqlalchemy.MetaData(),
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("namespace", names, nullable=False),
        sqlalchemy.Column("accessed", sqlalchemy.DateTime, nullable=False),
        sqlalchemy.Column("created", sqlalchemy.DateTime, nullable=False),
        sqlalchemy.Column("data", pickles, nullable=False),
        sqlalchemy.UniqueConstraint("namespace"),
        schema=schema_name,
    )
