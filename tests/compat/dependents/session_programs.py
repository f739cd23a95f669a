"""A program of each library that is built on sessions: `session_programs.py NAME FOLDER [COOKIE]`.

It runs in an environment that has the libraries, with Beaker or with ours. It prints what a visitor saw, who
may bring a cookie, and the cookie at the end, as JSON.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

OLD_KEY, NEW_KEY = "an old key of the tests, of some length", "a new key of the tests, of some length"
VALIDATE_KEY = "a validation key of the tests, of some length"
JWT = {"session.jwt_secret_keys": OLD_KEY, "session.httponly": "true", "session.samesite": "Strict"}
READING = {
    "session.read_original_format": "true",
    "session.original_format_validate_key": VALIDATE_KEY,
    "session.original_format_remove_keys": "set",
}
WRITING = {"session.write_original_format": "true", "session.original_format_validate_key": VALIDATE_KEY}
PLAIN = {"session.type": "cookie", "session.validate_key": VALIDATE_KEY}


def shop(environ: WSGIEnvironment, start_response: Any) -> list[bytes]:
    """Does what the path says to the session, and shows it."""
    session = environ["beaker.session"]
    match environ["PATH_INFO"]:
        case "/buy":
            session["count"] = session.get("count", 0) + 1
            session["bytes"] = b"\x00\xff"
            session.save()
        case "/odd":
            session["set"] = {1}
            session.save()
        case "/leave":
            session.delete()
        case "/anew":
            session.invalidate()
            session.save()
    inner = session._session()
    shown = {
        "items": {name: repr(value) for name, value in session.items() if not name.startswith("_")},
        "names": sorted({*session} - {"_accessed_time", "_creation_time"}),
        # Ours begins a session that replaces another as any other: it is new, and has its times at once.
        "new": session.is_new if "count" in session else None,
        "kind": type(inner).__name__,
        "id": len(session.get("_id", "")),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(shown).encode()]


class Visitor:
    """Visits programs with one cookie."""

    def __init__(self, cookie: str = "") -> None:
        self.cookie = cookie
        self.seen: list[Any] = []

    def visit(self, app: WSGIApplication, path: str = "/") -> None:
        """Notes the page, the attributes of the cookie, the warnings and the exception of one visit."""
        environ: WSGIEnvironment = {"PATH_INFO": path}
        if self.cookie:
            environ["HTTP_COOKIE"] = f"other=1; {self.cookie}"
        setup_testing_defaults(environ)
        sent: list[tuple[str, str]] = []

        def start_response(_status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            sent.extend(headers)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            try:
                page = json.loads(b"".join(app(environ, start_response)))
            except Exception as error:  # the library's own
                page = type(error).__name__
        set_cookies = [value.strip() for name, value in sent if name.lower() == "set-cookie"]
        for text in set_cookies:
            self.cookie = text.partition(";")[0]
        attributes = [sorted(part.strip() for part in text.split(";")[1:]) for text in set_cookies]
        self.seen.append([page, [_dateless(each) for each in attributes], len(caught) > 0])


def _dateless(attributes: list[str]) -> list[str]:
    return ["expires" if each.lower().startswith("expires=") else each for each in attributes]


def jwt(visitor: Visitor, _folder: str) -> None:
    """Cookie sessions that `beaker-session-jwt` signs: keys change, formats change, cookies are damaged."""
    from beaker_session_jwt import JWTCookieSession

    from beaker.middleware import SessionMiddleware

    def site(**more: str) -> WSGIApplication:
        options = {**JWT, **{f"session.{name}": value for name, value in more.items()}}
        made: WSGIApplication = SessionMiddleware(shop, options, session_class=JWTCookieSession)
        return made

    current, rotated = site(), site(jwt_secret_keys=f"{NEW_KEY},{OLD_KEY}")
    for path in ("/", "/buy", "/buy", "/"):
        visitor.visit(current, path)
    visitor.visit(rotated)
    visitor.visit(rotated, "/buy")
    visitor.visit(site(jwt_secret_keys=NEW_KEY, cookie_expires="300", timeout="600"))
    visitor.visit(site())
    kept, visitor.cookie = visitor.cookie, f"{visitor.cookie[:-3]}AAA"
    for invalidate in ("true", "false"):
        visitor.visit(site(invalidate_corrupt=invalidate))
    visitor.cookie = kept
    visitor.visit(rotated, "/anew")
    visitor.visit(rotated, "/buy")
    visitor.visit(rotated, "/leave")
    visitor.visit(SessionMiddleware(shop, {}, session_class=JWTCookieSession))


def counting(visitor: Visitor, _folder: str) -> None:
    """One visit with the visitor's cookie."""
    from beaker_session_jwt import JWTCookieSession

    from beaker.middleware import SessionMiddleware

    visitor.visit(SessionMiddleware(shop, JWT, session_class=JWTCookieSession), "/buy")


def formats(visitor: Visitor, _folder: str) -> None:
    """The library reads the cookies of Beaker's own sessions, and writes them."""
    from beaker_session_jwt import JWTCookieSession

    from beaker.middleware import SessionMiddleware

    plain = SessionMiddleware(shop, PLAIN)
    reading = SessionMiddleware(shop, {**JWT, **READING}, session_class=JWTCookieSession)
    writing = SessionMiddleware(shop, {**JWT, **READING, **WRITING}, session_class=JWTCookieSession)
    visitor.visit(plain, "/buy")
    visitor.visit(plain, "/odd")
    visitor.visit(writing, "/buy")
    visitor.visit(plain, "/buy")
    visitor.visit(reading, "/buy")
    visitor.visit(reading)
    visitor.visit(plain)


def webtest(visitor: Visitor, folder: str) -> None:
    """A program that WebTest drives, and that shows it the session by `webtest_varname`."""
    from webtest import TestApp

    from beaker.middleware import CacheMiddleware, SessionMiddleware

    def page(environ: WSGIEnvironment, start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session["count"] = session.get("count", 0) + 1
        session.save()
        environ["paste.testing_variables"]["count"] = session["count"]
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(session["count"]).encode()]

    options = {"session.type": "file", "session.data_dir": folder, "session.webtest_varname": "session"}
    options.update({"cache.type": "memory", "session.secret": "a secret of the tests, of some length"})
    browser = TestApp(CacheMiddleware(SessionMiddleware(page, options), options))
    for _ in range(3):
        response = browser.get("/")
        session = response.session
        visitor.seen.append(
            [response.text, response.count, session["count"], session.is_new, sorted(session)]
        )
    visitor.seen.append(sorted(browser.cookies) == ["beaker.session.id"])
    browser.reset()
    visitor.seen.append([browser.get("/").text, browser.get("/").session["count"]])


PROGRAMS = {"jwt": jwt, "counting": counting, "formats": formats, "webtest": webtest}


def main() -> None:
    name, folder, *cookie = sys.argv[1:]
    visitor = Visitor(*cookie)
    PROGRAMS[name](visitor, folder)
    sys.stdout.write(json.dumps({"seen": visitor.seen, "cookie": visitor.cookie}))


if __name__ == "__main__":
    main()
