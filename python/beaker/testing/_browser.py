"""A browser that visits an application behind the middleware."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from beaker.middleware import SessionMiddleware

Headers = list[tuple[str, str]]


@dataclass
class Visit:
    """A response, as the server got it."""

    result: Any = None
    status: str = ""
    headers: Headers = field(default_factory=list)
    session: Any = None

    @property
    def cookies(self) -> list[str]:
        """The values of all `Set-cookie` headers."""
        return [value for name, value in self.headers if name.lower() == "set-cookie"]

    @property
    def cookie(self) -> str:
        """The value of the one `Set-cookie` header."""
        (cookie,) = self.cookies
        return cookie

    @property
    def value(self) -> str:
        """The value of the one cookie."""
        return self.cookie.partition("=")[2].partition(";")[0]

    def header(self, name: str) -> list[str]:
        """The values of all headers of a name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Browser:
    """Visits an application behind the middleware, and sends back the cookie that it was given last.

    The application is what each visit says: a function of the session.
    """

    def __init__(self, *options: Mapping[str, Any], **more: Any) -> None:
        merged: dict[str, Any] = {}
        for given in (*options, more):
            merged.update(given)
        self.work: Callable[[Any], Any] = lambda _session: None
        self.middleware = SessionMiddleware(self._application, **merged)
        self.jar: str | None = None

    def _application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self._visit.session = environ["beaker.session"]
        self._visit.result = self.work(environ["beaker.session"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    def visit(self, work: Callable[[Any], Any] | None = None, cookie: str | None = None) -> Visit:
        """One request, with the jar's cookie or with the header that is given."""
        self._visit = visit = Visit()
        self.work = work or (lambda _session: None)
        header = self.jar if cookie is None else cookie
        environ: dict[str, Any] = {} if header is None else {"HTTP_COOKIE": header}

        def start_response(status: str, headers: Headers, exc_info: Any = None) -> None:
            visit.status, visit.headers = status, headers

        list(self.middleware(environ, start_response))
        self._keep(visit.cookies)
        return visit

    def _keep(self, cookies: list[str]) -> None:
        """Handles cookies as a browser does: it replaces by name, and removes an empty one."""
        if not cookies:
            return
        kept: dict[str, str] = {}
        for pair in [
            *(self.jar or "").split("; "),
            *(cookie.partition(";")[0].strip() for cookie in cookies),
        ]:
            name, _, value = pair.partition("=")
            kept[name] = value
        self.jar = "; ".join(f"{name}={value}" for name, value in kept.items() if value) or None

    def put(self, **values: Any) -> Visit:
        """Visits a page that stores values."""

        def work(session: Any) -> None:
            session.update(values)
            session.save()

        return self.visit(work)

    def read(self) -> dict[str, Any]:
        """The content that a page sees, without the session's own keys."""

        def work(session: Any) -> dict[str, Any]:
            return {key: session[key] for key in session if not key.startswith("_")}

        content: dict[str, Any] = self.visit(work).result
        return content

    @property
    def cookie(self) -> str:
        """The Cookie header of the next visit, if there is one."""
        assert self.jar is not None
        return self.jar

    @property
    def value(self) -> str:
        """The value of the only cookie in the jar."""
        return self.cookie.partition("=")[2]

    @property
    def id(self) -> str:
        """The id in the jar's cookie, whose last 32 characters it is."""
        return self.cookie[-32:]
