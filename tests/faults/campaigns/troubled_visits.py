"""Visits to a store behind a proxy, and what has to be stored after each, whatever the proxy does."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from beaker.exceptions import LockError, OutcomeUnknownError, StoreUnavailableError
from tests.faults.campaigns.load import postgresql
from tests.support.memcached_server import MemcachedServer
from tests.support.proxy import Proxy, Trouble, troubled
from tests.support.redis_server import new_url
from tests.support.sessions import Browser
from tests.support.tables import on_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STORES = ("redis", "postgresql", "memcached")
BEFORE = 7
"""The counter in a session before its visit."""
COMMON: dict[str, Any] = {
    "timeout": 3600,
    "lock_timeout": 60,
    # The machine may be busy with other things.
    "connect_timeout": 60,
    "operation_timeout": 60,
}


@dataclass
class Site:
    """A store, as it is reached through the proxy, and past it."""

    store: str
    trouble: Trouble
    through: dict[str, Any]
    past: dict[str, Any]

    def calm(self) -> None:
        """Ends the trouble."""
        self.trouble.delay = 0
        self.trouble.cut = lambda _reply: None
        self.trouble.keep = lambda _request: False

    def begun(self) -> str:
        """The cookie of a new session."""
        browser = Browser(self.past)
        browser.put(count=BEFORE, list=[0])
        return browser.cookie

    def kept(self, cookie: str | None) -> dict[str, Any] | None:
        """The content of the session of a cookie; `None` if there is no session."""
        if cookie is None:
            return None
        content: dict[str, Any] | None = Browser(self.past).visit(_content, cookie=cookie).result
        return content


def _content(session: Any) -> dict[str, Any] | None:
    if session.is_new:
        return None
    return {key: session[key] for key in session if not key.startswith("_")}


@contextmanager
def site(store: str) -> Iterator[Site]:
    """A store of its own."""
    if store == "memcached":
        server = MemcachedServer()
        proxy = Proxy("127.0.0.1", server.port, Trouble())
        try:
            options = {"type": "ext:memcached", **COMMON}
            through = {**options, "url": f"127.0.0.1:{proxy.port}"}
            yield Site(store, proxy.trouble, through, {**options, "url": server.address})
        finally:
            proxy.close()
            server.kill()
        return
    past = (
        {"type": "ext:redis", "url": new_url()}
        if store == "redis"
        else on_server(store, postgresql()).options
    )
    past = {**past, **COMMON}
    with troubled(past["url"]) as (url, trouble):
        yield Site(store, trouble, {**past, "url": url}, past)


@dataclass(frozen=True)
class Kind:
    """A visit: what its page does, and what that comes to."""

    name: str
    page: Callable[[Any, Site, str], None]
    adds: int = 0
    """How much the counter is higher afterwards."""
    gets_an_id: bool = False
    ends: bool = False
    locks: bool = False
    begins: bool = False


def _read(_session: Any, _site: Site, _cookie: str) -> None:
    """The access time is stored all the same."""


def _save(session: Any, _site: Site, _cookie: str) -> None:
    session["count"] = session.get("count", BEFORE) + 1
    session.save()


def _change_in_place(session: Any, _site: Site, _cookie: str) -> None:
    session["list"].append(1)
    session["count"] += 1
    session.save()


def _merge(session: Any, site: Site, cookie: str) -> None:
    other = Browser(site.past)
    other.jar = cookie
    other.put(other=True)
    _save(session, site, cookie)


def _rotate(session: Any, _site: Site, _cookie: str) -> None:
    session.regenerate_id()
    session.save()


def _log_in(session: Any, site: Site, cookie: str) -> None:
    session.regenerate_id()
    _save(session, site, cookie)


def _log_out(session: Any, _site: Site, _cookie: str) -> None:
    session.delete()


def _invalidate(session: Any, _site: Site, _cookie: str) -> None:
    session.invalidate()


KINDS = (
    Kind("read", _read),
    Kind("save", _save, adds=1),
    Kind("change in place", _change_in_place, adds=1),
    Kind("merge", _merge, adds=1),
    Kind("first save", _save, adds=1, begins=True),
    Kind("rotation", _rotate, gets_an_id=True),
    Kind("login", _log_in, adds=1, gets_an_id=True),
    Kind("logout", _log_out, ends=True),
    Kind("invalidation", _invalidate, ends=True),
    Kind("locked save", _save, adds=1, locks=True),
    Kind("locked login", _log_in, adds=1, gets_an_id=True, locks=True),
)


class Visited:
    """One visit to a session of its own, what the browser was told, and the laws."""

    def __init__(self, site: Site, kind: Kind) -> None:
        self.site, self.kind = site, kind
        self.browser = Browser(site.through, concurrency="lock" if kind.locks else "merge")
        self.before = None if kind.begins else site.begun()
        self.browser.jar = self.before
        # The connection is open.
        self.browser.visit(_content)
        self.error: Exception | None = None
        self.seen: int | None = None
        self.new_id: str | None = None
        self.seconds = 0.0

    def go(self) -> None:
        """Visits."""
        begin = time.monotonic()
        try:
            self.browser.visit(self._page)
        except Exception as error:  # whatever it is, it is judged
            self.error = error
        self.seconds = time.monotonic() - begin

    def _page(self, session: Any) -> None:
        self.seen = session.get("count")
        self.kind.page(session, self.site, self.before or "")
        self.new_id = session.id

    @property
    def is_in_doubt(self) -> bool:
        """Whether the application was told that the change was made or not."""
        return isinstance(self.error, OutcomeUnknownError)

    def broken(self) -> Iterator[str]:
        """The laws that are broken, by what is stored now."""
        if self.error is not None and not isinstance(self.error, (StoreUnavailableError, LockError)):
            yield f"an error of another kind: {self.error!r}"
            return
        if self.error is None and self.seen != (None if self.kind.begins else BEFORE):
            yield f"a silent logout: the page saw {self.seen}"
        if self.kind.ends:
            yield from self._of_an_end()
        elif self.kind.begins:
            yield from self._of_a_save(self.browser.jar)
        elif self.kind.gets_an_id:
            yield from self._of_a_rotation()
        else:
            yield from self._of_a_save(self.before)

    def _counts(self) -> set[int]:
        """The counters that may be stored."""
        done, not_done = BEFORE + self.kind.adds, BEFORE
        return {done, not_done} if self.is_in_doubt else {not_done if self.error else done}

    def _of_a_save(self, cookie: str | None) -> Iterator[str]:
        kept = self.site.kept(cookie)
        if self.kind.begins and self.error is not None:
            if cookie is not None:
                yield "a response that failed sent a cookie"
        elif kept is None:
            yield "the session is lost"
        elif kept["count"] not in self._counts():
            yield f"the counter is {kept['count']}, and not of {self._counts()}, after {self.error!r}"

    def _of_a_rotation(self) -> Iterator[str]:
        new = None if self.new_id is None else f"{(self.before or '').partition('=')[0]}={self.new_id}"
        under = {"old": self.site.kept(self.before), "new": self.site.kept(new)}
        there = [which for which, kept in under.items() if kept is not None]
        if self.error is None and there != ["new"]:
            yield f"after a rotation the session is under {there or 'no id'}"
        elif self.error is not None and "old" not in there:
            yield f"the browser has the old id, and the session is under {there or 'no id'}: {self.error!r}"
        yield from (
            f"the counter is {kept['count']}, and not of {self._counts()}"
            for kept in under.values()
            if kept is not None and len(there) == 1 and kept["count"] not in self._counts()
        )

    def _of_an_end(self) -> Iterator[str]:
        is_there = self.site.kept(self.before) is not None
        if self.error is None and is_there:
            yield "a session that was ended is there"
        if self.error is not None and not self.is_in_doubt and not is_there:
            yield f"a session is gone though nothing was changed: {self.error!r}"
