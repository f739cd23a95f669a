"""Sessions in a table, written and read under whichever Beaker is installed."""

from __future__ import annotations

from typing import Any

from beaker.session import Session

_made: dict[tuple[str, str], dict[str, Any]] = {}


def _meant(options: dict[str, Any]) -> dict[str, Any]:
    """Options as they are passed. `ext:sqla` gets an engine and a table of the program's."""
    if options["type"] != "ext:sqla":
        return options
    import sqlalchemy

    from beaker.ext.sqla import SqlaNamespaceManager, make_cache_table

    url, name = options["url"], options["table_name"]
    if (url, name) not in _made:
        # The original has its own import of SQLAlchemy only once this is called.
        SqlaNamespaceManager._init_dependencies()
        engine = sqlalchemy.create_engine(url)
        table = make_cache_table(sqlalchemy.MetaData(), name)
        table.create(engine, checkfirst=True)
        _made[url, name] = {"bind": engine, "table": table}
    rest = {name: value for name, value in options.items() if name not in {"url", "table_name"}}
    return {**rest, **_made[url, name]}


def write(options: dict[str, Any], session_id: str, values: dict[str, Any]) -> None:
    """Adds values to a session."""
    session = Session({}, id=session_id, use_cookies=False, **_meant(options))
    session.update(values)
    session.save()


def read(options: dict[str, Any], session_id: str) -> dict[str, Any]:
    """The values in a session, without its own keys."""
    session = Session({}, id=session_id, use_cookies=False, **_meant(options))
    return {key: session[key] for key in session if not key.startswith("_")}


def end(options: dict[str, Any], session_id: str) -> None:
    """Removes a session."""
    Session({}, id=session_id, use_cookies=False, **_meant(options)).delete()
