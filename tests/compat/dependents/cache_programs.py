"""A program of each framework or library that uses caches: `cache_programs.py NAME FOLDER`.

It runs in an environment that has the libraries, with Beaker or with ours. It prints what a visitor saw, and
how often the program made what it caches, as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

MADE: list[str] = []
"""What was made, in its order."""

OPTIONS = {
    "cache.type": "file",
    "cache.regions": "short",
    "cache.short.type": "memory",
    "cache.short.expire": "60",
    "session.type": "file",
    "session.secret": "a secret of the tests, of some length",
}


def make(what: str) -> str:
    MADE.append(what)
    return f"{what} {len(MADE)}"


def options(folder: str) -> dict[str, str]:
    return {**OPTIONS, "cache.data_dir": folder, "session.data_dir": folder}


def page(environ: WSGIEnvironment) -> str:
    """A page that uses a cache and a session of the environ."""
    session, manager = environ["beaker.session"], environ["beaker.cache"]
    session["count"] = session.get("count", 0) + 1
    session.save()
    found = manager.get_cache("pages").get("k", createfunc=lambda: make("page"))

    @manager.region("short", "region")  # type: ignore[untyped-decorator]
    def load(term: str, limit: int = 1) -> str:
        return make(f"{term} {limit}")

    loaded = [load("a"), load(term="a"), load("a", limit=2)]
    if session["count"] == 2:
        manager.region_invalidate(load, "short", "region", "a")
    return json.dumps([session["count"], found, loaded])


def wrapped(app: WSGIApplication, folder: str) -> WSGIApplication:
    from beaker.middleware import CacheMiddleware, SessionMiddleware

    made: WSGIApplication = CacheMiddleware(SessionMiddleware(app, options(folder)), options(folder))
    return made


def bottle(folder: str) -> WSGIApplication:
    import bottle as library

    app = library.Bottle()
    app.route("/", callback=lambda: page(library.request.environ))
    return wrapped(app, folder)


def flask(folder: str) -> WSGIApplication:
    import flask as library
    from flask.sessions import SessionInterface

    class Interface(SessionInterface):  # type: ignore[misc]
        """As the documents of Flask have it for Beaker."""

        def open_session(self, app: Any, request: Any) -> Any:
            return request.environ["beaker.session"]

        def save_session(self, app: Any, session: Any, response: Any) -> None:
            session.save()

    app = library.Flask("program")
    app.session_interface = Interface()

    def view() -> str:
        library.session["view"] = 1
        return page(library.request.environ)

    app.add_url_rule("/", view_func=view)
    return wrapped(app, folder)


def cherrypy(folder: str) -> WSGIApplication:
    import cherrypy as library

    class Root:
        @library.expose  # type: ignore[untyped-decorator]
        def index(self) -> str:
            return page(library.request.wsgi_environ)

    library.config.update({"log.screen": False})
    return wrapped(library.Application(Root(), script_name=""), folder)


def falcon(folder: str) -> WSGIApplication:
    import falcon as library
    from falcon_middleware_beaker import BeakerSessionMiddleware

    from beaker.middleware import CacheMiddleware

    class Resource:
        def on_get(self, request: Any, response: Any) -> None:
            response.text = page(request.env)

    app = library.App(middleware=[BeakerSessionMiddleware(options(folder))])
    app.add_route("/", Resource())
    made: WSGIApplication = CacheMiddleware(app, options(folder))
    return made


def visits(app: WSGIApplication) -> list[Any]:
    """What a visitor sees who comes three times."""
    jar: list[str] = []
    seen = []
    for _ in range(3):
        environ: WSGIEnvironment = {"HTTP_COOKIE": "; ".join(jar)} if jar else {}
        setup_testing_defaults(environ)
        sent: list[tuple[str, str]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, sent: Any = sent
        ) -> Any:
            if not status.startswith("200 "):
                raise AssertionError(status)
            sent.extend(headers)

        body = app(environ, start_response)
        seen.append(json.loads(b"".join(body)))
        cookies = [value.strip().partition(";")[0] for name, value in sent if name.lower() == "set-cookie"]
        jar = cookies or jar
    return seen


def mako(folder: str) -> list[Any]:
    """A template whose page, block and function are cached by Mako's plugin, which uses `starttime`."""
    from mako.template import Template

    from beaker.cache import CacheManager

    text = """<%page cached="True" cache_timeout="60"/>${make('page')}
<%def name="part(x)" cached="True" cache_key="part${x}" cache_type="memory">${make('part')}</%def>
${part('1')} ${part('1')} ${part('2')}"""
    manager = CacheManager(type="file", data_dir=folder)
    template = Template(text, cache_impl="beaker", cache_args={"manager": manager})
    seen = [template.render(make=make).split() for _ in range(2)]
    template.cache.invalidate_body()
    seen.append(template.render(make=make).split())
    template.cache.impl.put("own", "value")
    return [*seen, template.cache.impl.get("own")]


def turbogears(folder: str) -> list[Any]:
    """A controller whose page is cached by TurboGears, and its own use of the cache."""
    import tg
    from tg.decorators import cached

    class Root(tg.TGController):  # type: ignore[misc]
        @cached(expire=60, type="memory", query_args=True)  # type: ignore[untyped-decorator]
        @tg.expose("json")  # type: ignore[untyped-decorator]
        def index(self, **_named: str) -> Any:
            cache = tg.cache.get_cache("pages", type="file", data_dir=folder)
            return {"page": make("page"), "part": cache.get_value("k", createfunc=lambda: make("part"))}

    configurator = tg.FullStackApplicationConfigurator()
    configurator.update_blueprint({"root_controller": Root(), "renderers": ["json"], **options(folder)})
    return visits(configurator.make_wsgi_app())


def pyramid(folder: str) -> list[Any]:
    """Regions of an ini file, by `pyramid_beaker`."""
    from pyramid_beaker import set_cache_regions_from_settings

    from beaker.cache import cache_region, region_invalidate

    set_cache_regions_from_settings(options(folder))

    class Shop:
        @cache_region("short", "price")
        def price(self, item: str) -> str:
            return make(item)

    seen = [Shop().price("tea"), Shop().price("tea"), Shop().price(item="tea"), Shop().price("é")]
    region_invalidate(Shop.price, None, "price", "tea")
    return [*seen, Shop().price("tea")]


SITES = {"bottle": bottle, "flask": flask, "cherrypy": cherrypy, "falcon": falcon}
PROGRAMS = {"mako": mako, "turbogears": turbogears, "pyramid": pyramid}


def main() -> None:
    name, folder = sys.argv[1:]
    seen = visits(SITES[name](folder)) if name in SITES else PROGRAMS[name](folder)
    sys.stdout.write(json.dumps({"seen": seen, "made": MADE}))


if __name__ == "__main__":
    main()
