"""A program of each framework, visited thrice by one visitor: `programs.py FRAMEWORK SETTINGS`.

It runs in an environment that has the frameworks. `SETTINGS` are those of an ini file, as JSON. It prints
what was counted at each visit, and how many cookies were sent with it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


def count(session: Any) -> str:
    session["count"] = session.get("count", 0) + 1
    session.save()
    return str(session["count"])


def pyramid(settings: dict[str, str]) -> WSGIApplication:
    from pyramid.config import Configurator
    from pyramid.response import Response

    config = Configurator(settings={"pyramid.includes": "pyramid_beaker", **settings})
    config.add_route("count", "/")
    config.add_view(lambda request: Response(count(request.session)), route_name="count")
    made: WSGIApplication = config.make_wsgi_app()
    return made


def turbogears(settings: dict[str, str]) -> WSGIApplication:
    import tg
    from tg.configurator.components.session import SessionConfigurationComponent

    class Root(tg.TGController):  # type: ignore[misc]
        @tg.expose()  # type: ignore[untyped-decorator]
        def index(self) -> str:
            return count(tg.session)

    configurator = tg.MinimalApplicationConfigurator()
    configurator.register(SessionConfigurationComponent)
    configurator.update_blueprint({"root_controller": Root(), **settings})
    made: WSGIApplication = configurator.make_wsgi_app()
    return made


def visit(wsgi_app: WSGIApplication, jar: list[str]) -> tuple[int, int]:
    environ: WSGIEnvironment = {"HTTP_COOKIE": "; ".join(jar)} if jar else {}
    setup_testing_defaults(environ)
    sent: list[tuple[str, str]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if not status.startswith("200 "):
            raise AssertionError(status)
        sent.extend(headers)

    body = b"".join(wsgi_app(environ, start_response))
    cookies = [value.strip().partition(";")[0] for name, value in sent if name.lower() == "set-cookie"]
    jar[:] = cookies or jar
    return int(body), len(cookies)


def main() -> None:
    framework, settings = sys.argv[1:]
    wsgi_app = {"pyramid": pyramid, "turbogears": turbogears}[framework](json.loads(settings))
    jar: list[str] = []
    sys.stdout.write(json.dumps([visit(wsgi_app, jar) for _ in range(3)]))


if __name__ == "__main__":
    main()
