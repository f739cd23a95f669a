"""Programs that use a session from within what the session calls, each time that it is called.

Run as a process with a store and a mode, and places. What is called back, and by what, is printed before it
happens, so that the last line tells what a process died of.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import pickle
import signal
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beaker.session import CookieSession, Session, SessionObject
from tests.support.dict_namespace import DictNamespace, namespace_class
from tests.support.fixtures import COOKIES, store_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 100
LOCK_TIMEOUT = 0.01
PAUSE = 0.0005
ENOUGH = 20

VERBS: dict[str, Callable[[Any], Any]] = {
    "save": lambda session: session._session().save(),
    "touch": lambda session: session._session().save(accessed_only=True),
    "persist": lambda session: session.persist(),
    "save and persist": lambda session: (session.save(), session.persist()),
    "load": lambda session: session.load(),
    "delete": lambda session: session.delete(),
    "invalidate": lambda session: session.invalidate(),
    "regenerate_id": lambda session: session.regenerate_id(),
    "_create_id": lambda session: session._create_id(),
    "revert": lambda session: session.revert(),
    "clear": lambda session: session.clear(),
    "lock": lambda session: session.lock(),
    "unlock": lambda session: session.unlock(),
    "read": lambda session: list(session.items()),
    "write": lambda session: session.update(written=1),
    "copy": lambda session: session.copy(),
    "get_by_id": lambda session: session.get_by_id(session.id),
    "set_timeout": lambda session: session.set_timeout(60),
    "id": lambda session: setattr(session._session(), "id", "another"),
    "end": lambda session: sys.exit("the program ends itself"),
}

ACTIONS = ["save", "touch", "load", "regenerate_id", "delete"]


class Callback:
    """The callback, and the session that it uses."""

    def __init__(self) -> None:
        self.verb: Callable[[Any], Any] = lambda _session: None
        self.session: Any = None
        self.is_on = False
        self.times = 0

    def call(self) -> None:
        """Uses the session from within."""
        if self.is_on and self.session is not None:
            self.times += 1
            self.verb(self.session)


CALLBACK = Callback()


class Reduced:
    """A value that calls when it is pickled."""

    def __reduce__(self) -> Any:
        CALLBACK.call()
        return Reduced, ()


class Restored:
    """A value that calls when it is read."""

    def __getstate__(self) -> Any:
        return {"state": 1}

    def __setstate__(self, state: Any) -> None:
        CALLBACK.call()


class Compared:
    """A value that says something else of itself each time, and calls when it is compared."""

    made = 0

    def __reduce__(self) -> Any:
        Compared.made += 1
        return Compared, (), {"made": Compared.made}

    def __eq__(self, other: object) -> bool:
        CALLBACK.call()
        return isinstance(other, Compared)

    def __hash__(self) -> int:
        CALLBACK.call()
        return 7


class Dropped:
    """A value that calls when it goes, and not for ever, which has no end without us either."""

    def __del__(self) -> None:
        if CALLBACK.times < ENOUGH:
            with contextlib.suppress(Exception):
                CALLBACK.call()


class Calling:
    """A serializer that calls when it writes or reads."""

    def __init__(self, writes: bool) -> None:
        self.writes = writes

    def dumps(self, data: Any) -> bytes:
        if self.writes:
            CALLBACK.call()
        return pickle.dumps(data, 2)

    def loads(self, data: bytes) -> Any:
        if not self.writes:
            CALLBACK.call()
        return pickle.loads(data)


def overriding(base: type, name: str, after: bool) -> type:
    """A class whose method of that name calls before or after it does what it always did."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not after:
            CALLBACK.call()
        result = getattr(base, name)(self, *args, **kwargs)
        if after:
            CALLBACK.call()
        return result

    return type("Calling", (base,), {name: method})


def calling_backend(name: str) -> type[DictNamespace]:
    """A backend whose method of that name calls."""
    base = namespace_class()

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        CALLBACK.call()
        return getattr(base, name)(self, *args, **kwargs)

    return type("Calling", (base,), {name: method})


HOOKS = [
    "load",
    "save",
    "clear",
    "invalidate",
    "delete",
    "_create_id",
    "_encrypt_data",
    "_decrypt_data",
    "_update_cookie_out",
    "_set_cookie_values",
    "_set_cookie_expires",
    "_delete_cookie",
    "_create_cookie",
]
VALUES = {
    "__reduce__": Reduced,
    "__setstate__": Restored,
    "__eq__": Compared,
    "__hash__": lambda: {Compared(): 1, (1, Compared()): 2},
    "__del__": Dropped,
}
BACKEND = [
    "__getitem__",
    "__setitem__",
    "__contains__",
    "do_remove",
    "acquire_write_lock",
    "release_write_lock",
]
PLACES = [
    *VALUES,
    "dumps",
    "loads",
    *HOOKS,
    *(f"after {hook}" for hook in HOOKS),
    *(f"backend {name}" for name in BACKEND),
    "a key",
    "a warning",
    "a log",
    "a signal",
    "a thread",
]


def options_of(place: str, store: str, folder: Path) -> dict[str, Any] | None:
    """The options of a session that calls from that place; ``None`` where there is none."""
    options = dict(COOKIES.get(store) or store_options(store, folder))
    base: type = CookieSession if store in COOKIES else Session
    if store not in COOKIES:
        options["lock_timeout"] = LOCK_TIMEOUT
    if place in ("dumps", "loads"):
        options["data_serializer"] = Calling(place == "dumps")
    hook = place.removeprefix("after ")
    if hook in HOOKS:
        if not hasattr(base, hook):
            return None
        options["session_class"] = overriding(base, hook, place != hook)
    if place.startswith("backend "):
        if store != "python":
            return None
        options["namespace_class"] = calling_backend(place.removeprefix("backend "))
    return options


@contextlib.contextmanager
def around(place: str) -> Iterator[None]:
    """Calls back from another place while the work runs."""
    if place == "a signal":
        # One at a time: a handler that takes longer than the pause would never come to its end.
        def handle(*_: Any) -> None:
            try:
                CALLBACK.call()
            finally:
                if CALLBACK.is_on:
                    signal.setitimer(signal.ITIMER_REAL, PAUSE)

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, PAUSE)
        try:
            yield
        finally:
            CALLBACK.is_on = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        return
    if place == "a thread":
        over = threading.Event()

        def use() -> None:
            while not over.is_set():
                with contextlib.suppress(Exception):
                    CALLBACK.call()
                time.sleep(0)

        thread = threading.Thread(target=use)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        return
    yield


def perform(place: str, options: dict[str, Any], verb: str, action: str) -> None:
    """One request of a program whose session calls it back."""
    sys.stdout.write(f"{place}: {verb} within {action}\n")
    sys.stdout.flush()
    CALLBACK.is_on = False
    first: Any = SessionObject({}, **options)
    make = VALUES.get(place)
    first["value"] = make() if make else [1]
    if place == "a key":
        first._session()[Compared()] = 1
    first.save()
    with contextlib.suppress(Exception):
        first.persist()
    cookie = first.__dict__["_headers"].get("cookie_out") or ""
    session: Any = SessionObject({"HTTP_COOKIE": cookie.partition(";")[0].strip()}, **options)
    CALLBACK.session, CALLBACK.verb, CALLBACK.times = session, VERBS[verb], 0
    CALLBACK.is_on = True
    try:
        with around(place):
            for _ in range(3 if place in ("a signal", "a thread") else 1):
                with contextlib.suppress(Exception):
                    session.get("value")
                if place in ("a warning", "a log", "__eq__", "__hash__"):
                    CALLBACK.is_on = False
                    spoil(place, session, options)
                    CALLBACK.is_on = True
                session["more"] = 1
                VERBS[action](session)
    except (Exception, SystemExit):
        pass
    finally:
        CALLBACK.is_on = False
        CALLBACK.session = None
        with contextlib.suppress(Exception):
            session.unlock()


def spoil(place: str, session: Any, options: dict[str, Any]) -> None:
    """Another request makes it come to a conflict or to a warning."""
    with contextlib.suppress(Exception):
        other = session.get_by_id(session.id)
        if place == "a warning":
            other.delete()
        else:
            other["other"] = 1
            other.save()


class Handler(logging.Handler):
    """Calls for each line."""

    def emit(self, record: logging.LogRecord) -> None:
        CALLBACK.call()


def run(place: str, store: str, concurrency: str) -> None:
    """Every verb within every action, called from a place."""
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    logger, handler = logging.getLogger("beaker.session"), Handler()
    if place == "a log":
        logger.addHandler(handler)
    warnings.showwarning = lambda *_args, **_kwargs: CALLBACK.call() if place == "a warning" else None
    with tempfile.TemporaryDirectory() as folder:
        options = options_of(place, store, Path(folder))
        if options is None:
            return
        if store not in COOKIES:
            options["concurrency"] = concurrency
        for verb in VERBS:
            for action in ACTIONS:
                perform(place, options, verb, action)
    logger.removeHandler(handler)


def main(store: str, concurrency: str, *places: str) -> None:
    faulthandler.enable()
    warnings.simplefilter("always")
    for place in places or PLACES:
        run(place, store, concurrency)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
