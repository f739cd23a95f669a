"""The rows of a table: one for each namespace, with a pickle of its values.

Each change is one statement that compares what was read. So it needs no transaction and no new column.
"""

import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from beaker._engines import autocommitting, import_sqlalchemy
from beaker._locks import LIMIT
from beaker.exceptions import (
    BeakerException,
    CorruptSessionError,
    LockError,
    OutcomeUnknownError,
    StoreUnavailableError,
)

__all__ = ["Rows"]

# SQLSTATE and numbers of MySQL: the server undid the statement to resolve a conflict of transactions.
_UNDONE = frozenset({"40001", "40P01", 1020, 1213})
# Another transaction had the row for too long.
_BUSY = frozenset({"55P03", 1205})
# The server only takes reads now: it was replaced, and this connection leads to the one from before.
_READ_ONLY = frozenset({"25006", 1290, 1792, 1836})
_ATTEMPTS = 8
_PAUSE = 0.01
_LONGEST_NAME = 255
_LAST_TIME = datetime(9999, 1, 1, tzinfo=timezone.utc).timestamp()

_Answer = Callable[[Any], Any]


class Rows:
    """The rows of one table in one database."""

    def __init__(self, engine: Any, table: Any) -> None:
        self._sqlalchemy = sqlalchemy = import_sqlalchemy()
        self._engine = autocommitting(engine)
        self._table = table
        self._is_made = False
        # MySQL without its strict mode cuts what is longer than a column.
        self._cuts = self._engine.dialect.name in {"mysql", "mariadb"}
        self._longest = {"namespace": 0, "data": 0}
        raw = sqlalchemy.LargeBinary()
        name, old, new, at = (
            sqlalchemy.bindparam("b_name"),
            sqlalchemy.bindparam("b_old", type_=raw),
            sqlalchemy.bindparam("b_new", type_=raw),
            sqlalchemy.bindparam("b_at", type_=sqlalchemy.DateTime()),
        )
        columns, data = table.c, sqlalchemy.type_coerce(table.c.data, raw)
        is_row = (columns.namespace == name) & (data == old)
        # As the driver gives it: a row may have anything.
        data = sqlalchemy.type_coerce(table.c.data, sqlalchemy.types.NullType())
        self._select = sqlalchemy.select(columns.namespace, data).where(columns.namespace == name)
        # Without `inline` the number of the row would be asked for.
        self._insert = table.insert().values(namespace=name, accessed=at, created=at, data=new).inline()
        self._update = table.update().where(is_row).values(accessed=at, data=new)
        self._delete = table.delete().where(is_row)
        self._remove = table.delete().where(columns.namespace == name)
        self._delete_old = table.delete().where(is_row & (columns.accessed < at))
        self._select_old = (
            sqlalchemy.select(columns.namespace, data)
            .where((columns.accessed < at) & (columns.namespace > name))
            .order_by(columns.namespace)
            .limit(sqlalchemy.bindparam("b_limit", type_=sqlalchemy.Integer()))
        )

    def make(self) -> None:
        """Makes the table, unless there is one. Another process may make it at the same moment."""
        if self._is_made:
            return
        try:
            self._once("make the table", self._table.create, change=False)
        except StoreUnavailableError:
            inspect = self._sqlalchemy.inspect
            where = {"schema": self._table.schema}
            has = self._once(
                "look for the table", lambda c: inspect(c).has_table(self._table.name, **where), change=False
            )
            if not has:
                raise
        self._is_made = True

    def read(self, namespace: str) -> bytes | None:
        """The pickle in the row of a namespace, if there is one. Other contents are corrupt."""
        for name, found in self._find(namespace):
            if name == namespace:
                data = _as_bytes(found)
                if data is None:
                    raise CorruptSessionError(f"a stored row holds a {type(found).__name__} and no bytes")
                return data
        return None

    def _find(self, namespace: str) -> list[Any]:
        """The row of a namespace. Some databases find one whose name differs in case."""
        if not _can_be_stored(namespace):
            return []
        found: list[Any] = self._call(
            "read from the table", self._select, {"b_name": namespace}, list, change=False
        )
        return found

    def insert(self, namespace: str, data: bytes, accessed: float) -> bool:
        """Adds a row. ``False`` if there is one."""
        if not _can_be_stored(namespace):
            raise StoreUnavailableError(
                f"the table cannot hold this name: it has to be text of at most {_LONGEST_NAME} characters"
            )
        self._refuse_what_is_cut(namespace, data)
        values = {"b_name": namespace, "b_new": data, "b_at": _as_utc(accessed)}
        for _ in range(_ATTEMPTS):
            if self._call("write to the table", self._insert, values, lambda _: True, change=True):
                return True
            found = self._find(namespace)
            if any(name == namespace for name, _ in found):
                return False
            if found:
                raise StoreUnavailableError("the table has a row whose name the database takes for this one")
            # It was removed meanwhile.
        raise StoreUnavailableError(
            "the table refuses the row: it has a rule that Beaker's table does not have"
        )

    def update(self, namespace: str, old: bytes, new: bytes, accessed: float) -> bool:
        """Changes a row from ``old`` to ``new``. ``False`` if it has anything else, or is not there."""
        self._refuse_what_is_cut(namespace, new)
        values = {"b_name": namespace, "b_old": old, "b_new": new, "b_at": _as_utc(accessed)}
        return bool(self._call("write to the table", self._update, values, _is_one, change=True))

    def _refuse_what_is_cut(self, namespace: str, data: bytes) -> None:
        lengths = {"namespace": len(namespace), "data": len(data)}
        if not self._cuts or all(lengths[column] <= self._longest[column] for column in lengths):
            return
        # A column may have been made longer meanwhile.
        self._longest = self._once("look at the table", self._longest_values, change=False)
        for column, length in lengths.items():
            if length > self._longest[column]:
                raise StoreUnavailableError(
                    f"the table's column {column} holds {self._longest[column]} at most, and this needs "
                    f"{length}: make it longer, such as LONGBLOB for data"
                )

    def _longest_values(self, connection: Any) -> dict[str, int]:
        text = self._sqlalchemy.text(
            "SELECT LOWER(column_name), character_maximum_length FROM information_schema.columns"
            " WHERE table_schema = COALESCE(:b_schema, DATABASE()) AND table_name = :b_table"
        )
        values = {"b_schema": self._table.schema, "b_table": self._table.name}
        found = dict(list(connection.execute(text, values)))
        # A user without rights to the columns gets no row.
        return {column: int(found.get(column) or sys.maxsize) for column in ("namespace", "data")}

    def delete(self, namespace: str, old: bytes) -> bool:
        """Removes a row that has ``old``. ``False`` if it has anything else, or is not there."""
        values = {"b_name": namespace, "b_old": old}
        return bool(self._call("remove from the table", self._delete, values, _is_one, change=True))

    def remove(self, namespace: str) -> None:
        """Removes a row, whatever it has."""
        if any(name == namespace for name, _ in self._find(namespace)):
            self._call("remove from the table", self._remove, {"b_name": namespace}, _is_one, change=True)

    def older(self, before: float, after: str, limit: int) -> list[tuple[str, bytes | None]]:
        """Rows that were accessed before a time, in the order of their names after a name.

        ``None`` is the content of one that has no bytes.
        """
        values = {"b_at": _as_utc(before), "b_name": after, "b_limit": limit}
        rows = self._call("read from the table", self._select_old, values, list, change=False)
        return [(name, _as_bytes(data)) for name, data in rows]

    def delete_older(self, namespace: str, old: bytes, before: float) -> bool:
        """Removes a row that has ``old`` and was accessed before a time."""
        values = {"b_name": namespace, "b_old": old, "b_at": _as_utc(before)}
        return bool(self._call("remove from the table", self._delete_old, values, _is_one, change=True))

    def _call(
        self, what: str, statement: Any, values: Mapping[str, Any], answer: _Answer, *, change: bool
    ) -> Any:
        """The answer to a statement; ``None`` if the row exists that it should add."""
        return self._once(
            what, lambda connection: answer(connection.execute(statement, values)), change=change
        )

    def _once(self, what: str, work: _Answer, *, change: bool) -> Any:
        database = self._sqlalchemy.exc
        was_lost = False
        for attempt in range(1, _ATTEMPTS + 1):
            is_connected = False
            try:
                with self._engine.connect() as connection:
                    is_connected = True
                    return self._with(connection, work)
            except database.IntegrityError:
                return None
            except self._errors as caught:
                error = caught
            except Exception as caught:
                # Of a signal's handler: the program gets it.
                limit = LIMIT.get()
                if limit is not None:
                    limit[2] = caught
                if isinstance(caught, (KeyError, TypeError)):
                    # From a backend they mean that there is no record.
                    raise StoreUnavailableError(f"cannot {what}: {type(caught).__name__}") from caught
                raise
            # The exception below must not refer to the statement, which contains the session.
            code, cause = _code(error), getattr(error, "orig", None) or error
            is_lost = is_connected and isinstance(error, database.DBAPIError) and error.connection_invalidated
            del error
            if is_lost and not change and not was_lost:
                was_lost = True
                continue
            if code not in _UNDONE or attempt == _ATTEMPTS:
                break
            time.sleep(_PAUSE * attempt)
        raise _failure(what, code, is_lost and change, cause) from cause

    @property
    def _errors(self) -> tuple[type[Exception], ...]:
        """The exceptions of SQLAlchemy and of the driver."""
        return self._sqlalchemy.exc.SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error

    def _with(self, connection: Any, work: _Answer) -> Any:
        try:
            return work(connection)
        except BaseException as error:
            # After an interruption the reply to this statement would be taken for that to the next.
            if not isinstance(error, self._errors) or _code(error) in _READ_ONLY:
                connection.invalidate()
            raise


def _failure(what: str, code: object, is_unknown: bool, cause: BaseException) -> BeakerException:
    name = type(cause).__name__
    if is_unknown:
        return OutcomeUnknownError(f"the reply was lost when the store was to {what}: {name}")
    if code in _UNDONE or code in _BUSY:
        return LockError(f"cannot {what}: another transaction has the row ({name})")
    return StoreUnavailableError(f"cannot {what}: the database raised {name}")


def _code(error: Any) -> object:
    """The number of MySQL, or else the SQLSTATE."""
    original = getattr(error, "orig", None)
    number = next(iter(getattr(original, "args", ())), None)
    if isinstance(number, int):
        return number
    if isinstance(number, str) and number.startswith("database") and number.endswith("locked"):
        return 1205
    return getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)


def _as_bytes(found: object) -> bytes | None:
    # Some drivers give a memoryview.
    return bytes(found) if isinstance(found, (bytes, bytearray, memoryview)) else None


def _is_one(result: Any) -> bool:
    return bool(result.rowcount == 1)


def _can_be_stored(namespace: str) -> bool:
    try:
        namespace.encode()
    except UnicodeEncodeError:
        return False
    # PostgreSQL has no zero character.
    return len(namespace) <= _LONGEST_NAME and "\0" not in namespace


def _as_utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LAST_TIME), timezone.utc).replace(tzinfo=None)
