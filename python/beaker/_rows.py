"""The rows of a table: one for each namespace, with a pickle of its values.

Each change is one statement that compares what was read. So it needs no transaction and no new column.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from beaker._engines import autocommitting, import_sqlalchemy
from beaker.exceptions import BeakerException, LockError, OutcomeUnknownError, StoreUnavailableError

__all__ = ["Rows"]

# SQLSTATE and numbers of MySQL: the server undid the statement to resolve a conflict of transactions.
_UNDONE = frozenset({"40001", "40P01", 1020, 1213})
# Another transaction had the row for too long.
_BUSY = frozenset({"55P03", 1205})
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
        raw = sqlalchemy.LargeBinary()
        name, old, new, at = (
            sqlalchemy.bindparam("b_name"),
            sqlalchemy.bindparam("b_old", type_=raw),
            sqlalchemy.bindparam("b_new", type_=raw),
            sqlalchemy.bindparam("b_at", type_=sqlalchemy.DateTime()),
        )
        columns, data = table.c, sqlalchemy.type_coerce(table.c.data, raw)
        is_row = (columns.namespace == name) & (data == old)
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
        """The pickle in the row of a namespace, if there is one."""
        return next((data for name, data in self._find(namespace) if name == namespace), None)

    def _find(self, namespace: str) -> list[tuple[str, bytes]]:
        """The row of a namespace. Some databases find one whose name differs in case."""
        if not _can_be_stored(namespace):
            return []
        rows = self._call("read from the table", self._select, {"b_name": namespace}, list, change=False)
        return [(name, bytes(data)) for name, data in rows]

    def insert(self, namespace: str, data: bytes, accessed: float) -> bool:
        """Adds a row. ``False`` if there is one."""
        if not _can_be_stored(namespace):
            raise StoreUnavailableError(
                f"the table cannot hold this name: it has to be text of at most {_LONGEST_NAME} characters"
            )
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
        values = {"b_name": namespace, "b_old": old, "b_new": new, "b_at": _as_utc(accessed)}
        return bool(self._call("write to the table", self._update, values, _is_one, change=True))

    def delete(self, namespace: str, old: bytes) -> bool:
        """Removes a row that has ``old``. ``False`` if it has anything else, or is not there."""
        values = {"b_name": namespace, "b_old": old}
        return bool(self._call("remove from the table", self._delete, values, _is_one, change=True))

    def remove(self, namespace: str) -> None:
        """Removes a row, whatever it has."""
        if _can_be_stored(namespace):
            self._call("remove from the table", self._remove, {"b_name": namespace}, _is_one, change=True)

    def older(self, before: float, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows that were accessed before a time, in the order of their names after a name."""
        values = {"b_at": _as_utc(before), "b_name": after, "b_limit": limit}
        rows = self._call("read from the table", self._select_old, values, list, change=False)
        return [(name, bytes(data)) for name, data in rows]

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
                    return work(connection)
            except database.IntegrityError:
                return None
            except Exception as caught:  # a driver can raise anything
                error = caught
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


def _failure(what: str, code: object, is_unknown: bool, cause: BaseException) -> BeakerException:
    name = type(cause).__name__
    if is_unknown:
        return OutcomeUnknownError(f"the reply was lost when the store was to {what}: {name}")
    if code in _UNDONE or code in _BUSY:
        return LockError(f"cannot {what}: another transaction has the row ({name})")
    return StoreUnavailableError(f"cannot {what}: the database raised {name}")


def _code(error: Any) -> object:
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if state is not None:
        return state
    number = next(iter(getattr(original, "args", ())), None)
    if isinstance(number, str) and number.startswith("database") and number.endswith("locked"):
        return 1205
    return number


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
