"""Prints what is private in the session modules of the package that it runs with, and which of it is called.

Run by the interpreter of either package.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from typing import Any

import beaker.middleware
from beaker.middleware import SessionMiddleware
from beaker.session import CookieSession, Session, SessionObject

KEY = "a key of the tests, of some length and more"


def is_private(name: str) -> bool:
    """Whether a name begins with one underscore."""
    return name.startswith("_") and not name.startswith("__")


def names() -> set[str]:
    """Every private name: of the modules, of their classes, and of objects of these."""
    found = set()
    for module in ("beaker.session", "beaker.middleware"):
        for name, value in vars(importlib.import_module(module)).items():
            if is_private(name):
                found.add(f"{module}.{name}")
            if isinstance(value, type) and value.__module__ == module:
                found |= {f"{name}.{inner}" for inner in vars(value) if is_private(inner)}
    for made in objects():
        found |= {f"{type(made).__name__}.{name}" for name in vars(made) if is_private(name)}
    return {name.replace("_ConfigurableSession._", "Session._") for name in found}


def objects() -> list[Any]:
    """One of each class."""
    proxy = SessionObject({})
    proxy["name"] = "Ada"
    proxy.save()
    return [proxy, Session({}), CookieSession({}, validate_key=KEY), SessionMiddleware(application)]


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Runs the work in the environ."""
    environ["work"](environ["beaker.session"])
    start_response("200 OK", [])
    return []


def recording(base: Any, called: set[str]) -> Any:
    """A subclass of which every private method notes that it was called."""

    def noting(name: str) -> Any:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            called.add(f"{base.__name__}.{name}")
            return getattr(base, name)(self, *args, **kwargs)

        return method

    methods = {
        name: noting(name)
        for kind in base.__mro__
        for name, value in vars(kind).items()
        if is_private(name) and callable(value)
    }
    return type("Recording", (base,), methods)


def put(session: Any) -> None:
    """Stores something."""
    session["name"] = "Ada"
    session.save()


def move(session: Any) -> None:
    """Sends the cookie elsewhere."""
    session.domain, session.path = "example.org", "/app"
    session.save()


def visit_all(**options: Any) -> None:
    """One visit for each thing that a program does to its session."""
    cookie = ""
    works: list[Any] = [
        put,
        lambda session: session["name"],
        move,
        lambda session: session.regenerate_id() if "type" in options else None,
        lambda session: session.invalidate(),
        lambda session: session.delete(),
    ]
    for work in works:
        headers: list[tuple[str, str]] = []
        environ = {"HTTP_COOKIE": cookie, "work": work}
        middleware = SessionMiddleware(application, httponly=True, validate_key=KEY, **options)
        middleware(environ, lambda _status, sent, _exc_info=None, headers=headers: headers.extend(sent))
        for name, value in headers:
            if name == "Set-cookie":
                cookie = value.partition(";")[0].strip()


def called_names() -> set[str]:
    """The private methods that the package itself calls where a subclass overrides them."""
    called: set[str] = set()
    visit_all(type="memory", session_class=recording(Session, called), encrypt_key=KEY)
    visit_all(session_class=recording(CookieSession, called))
    module: Any = beaker.middleware
    module.SessionObject = recording(SessionObject, called)
    visit_all(type="memory")
    module.SessionObject = SessionObject
    middleware = recording(SessionMiddleware, called)(application)
    environ: dict[str, Any] = {"work": lambda _session: None}
    middleware(environ, lambda *_args: None)
    environ["beaker.get_session"]()
    return called


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps({"names": sorted(names()), "called": sorted(called_names())}))
