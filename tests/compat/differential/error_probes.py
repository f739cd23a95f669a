"""Small experiments with the errors of sessions that cannot be stored or loaded. Each prints JSON."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from beaker.container import MemoryNamespaceManager
from beaker.exceptions import BeakerException
from beaker.session import Session


class Failing(MemoryNamespaceManager):
    """A backend whose connection is gone."""

    def __setitem__(self, key: str, value: Any) -> None:
        raise ConnectionResetError(104, "the store has gone away")


def told_of_what_cannot_be_stored() -> list[Any]:
    """The exception of the serializer that arrives, and whether it names the key and the type."""
    session = Session({}, use_cookies=False, type="memory")
    session["lock of the printer"] = threading.Lock()
    try:
        session.save()
    except TypeError as error:
        text = str(error)
        return ["TypeError", "'lock of the printer'" in text and "_thread.lock" in text]
    return []


def told_of_a_store_that_fails() -> list[Any]:
    """The exception of the store, and whether it arrives as the class that all stores share."""
    session = Session({}, use_cookies=False, namespace_class=Failing)
    session["name"] = "Ada"
    try:
        session.save()
    except OSError as error:
        common = isinstance(error, BeakerException)
        return [type(error.__cause__ if common else error).__name__, common and error.errno == 104]
    return []


class Undecodable(Session):
    """A session that cannot be decoded while it `fails`."""

    fails = False

    def _decrypt_data(self, *stored: Any) -> Any:
        if self.fails:
            raise ValueError("not now")
        return super()._decrypt_data(*stored)


def kept_by_a_load_that_fails() -> bool:
    """Whether a value of the session outlasts a load that fails."""
    session = Undecodable({}, id="loaded-again", type="memory", use_cookies=False)
    session["name"] = "Ada"
    session.save()
    session.fails = True
    with contextlib.suppress(ValueError):
        session.load()
    return "name" in session
