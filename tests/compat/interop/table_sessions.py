"""Sessions in a table, written and read under whichever Beaker is installed."""

from __future__ import annotations

from typing import Any

from beaker.session import Session
from tests.compat.golden.objects import table_of


def _meant(options: dict[str, Any]) -> dict[str, Any]:
    """Options as they are passed. `ext:sqla` gets an engine and a table of the program's."""
    return table_of(options) if options["type"] == "ext:sqla" else options


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
