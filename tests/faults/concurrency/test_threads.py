"""Threads, and programs that come back into the session from within one of its calls."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException
from beaker.middleware import SessionMiddleware
from beaker.session import Session, SessionObject
from tests.support.sessions import Browser, Literals, opened
from tests.support.threads import together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]

THREADS = 8


def identify(proxy: Any, _number: int) -> str:
    session_id: str = proxy.id
    return session_id


def test_threads_that_share_a_proxy_share_one_session(backend: Backend) -> None:
    proxy: Any = SessionObject({}, **backend.options)

    def work(number: int) -> str:
        for turn in range(50):
            proxy[f"{number}-{turn}"] = turn
            assert proxy[f"{number}-{turn}"] == turn
            assert list(proxy.keys())
        proxy.save()
        session_id: str = proxy.id
        return session_id

    ids = together(work, THREADS)
    proxy.persist()
    stored = opened(backend, proxy.id)
    assert ids[-1] == proxy.id
    missing = [
        key for key in (f"{n}-{turn}" for n in range(THREADS) for turn in range(50)) if key not in stored
    ]
    assert missing == []


def test_threads_that_use_a_proxy_first_at_once_get_the_same_session(backend: Backend) -> None:
    for _ in range(20):
        proxy: Any = SessionObject({}, **backend.options)
        assert len(set(together(partial(identify, proxy), THREADS))) == 1


def test_a_value_put_into_a_proxy_during_opening_is_not_lost(memory: Backend) -> None:
    opened(memory, "chosen").save()
    opening, go_on = threading.Event(), threading.Event()

    class Slow(Session):
        def load(self) -> None:
            if threading.current_thread() is slow:
                opening.set()
                assert go_on.wait(60)
            super().load()

    environ = {"HTTP_COOKIE": "beaker.session.id=chosen"}
    proxy: Any = SessionObject(environ, **memory.options, session_class=Slow)
    slow = threading.Thread(target=proxy.get, args=("name",))
    slow.start()
    assert opening.wait(60)
    quick = threading.Thread(target=proxy.__setitem__, args=("name", "Ada"))
    quick.start()
    # It waits for the session, or it has made one of its own.
    quick.join(0.5)
    go_on.set()
    slow.join()
    quick.join()
    assert proxy["name"] == "Ada"


def test_reading_a_proxys_fields_does_not_disturb_its_users(memory: Backend) -> None:
    proxy: Any = SessionObject({}, **memory.options)

    def work(number: int) -> None:
        for turn in range(100):
            if number % 2:
                assert "_headers" in proxy.__dict__
                assert proxy.accessed() in (True, False)
            else:
                proxy["key"] = turn
                proxy.save()

    together(work, THREADS)
    assert proxy.__dict__["_sess"]["key"] == 99
    assert proxy.__dict__["_dirty"] is True


def test_threads_that_save_one_session_leave_a_whole_one(backend: Backend) -> None:
    session = opened(backend, "shared")
    session["size"] = 0
    session.save()

    def work(number: int) -> None:
        for _ in range(10):
            own = opened(backend, "shared")
            own["text"] = str(number) * 2000
            own["size"] = 2000
            own.save()
            read = opened(backend, "shared")
            assert len(set(read["text"])) == 1
            assert len(read["text"]) == read["size"]

    together(work, THREADS)


def test_threads_that_share_a_session_and_save_it_lose_nothing(backend: Backend) -> None:
    session = opened(backend, "shared")
    session.save()

    def work(number: int) -> None:
        for turn in range(10):
            session[f"{number}-{turn}"] = [turn]
            session.save()
            assert session[f"{number}-{turn}"] == [turn]
            session.save(accessed_only=True)

    together(work, THREADS)
    stored = opened(backend, "shared")
    assert [key for key in session if key not in stored] == []
    assert sum("-" in key for key in stored) == THREADS * 10


class Held(Literals):
    """A serializer at which one thread waits until it is let on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.waiting: threading.Thread | None = None

    def dumps(self, data: Mapping[str, Any]) -> bytes:
        if threading.current_thread() is self.waiting and not self.begun.is_set():
            self.begun.set()
            self.goes_on.wait(60)
        return super().dumps(data)


def test_an_overtaken_save_keeps_the_other_threads_changes(backend: Backend) -> None:
    serializer = Held()
    session = opened(backend, "shared", data_serializer=serializer)
    session["kept"] = 0
    session.save()
    session["one"] = 1
    serializer.waiting = threading.Thread(target=session.save)
    serializer.waiting.start()
    assert serializer.begun.wait(60)
    session["other"] = 2
    session.save()
    serializer.goes_on.set()
    serializer.waiting.join()
    stored = opened(backend, "shared", data_serializer=serializer)
    assert (stored["kept"], stored["one"], stored["other"]) == (0, 1, 2)


def test_threads_that_visit_one_application_do_not_mix_their_sessions(backend: Backend) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session["count"] = session.get("count", 0) + 1
        session["who"] = environ["who"]
        session.save()
        start_response("200 OK", [])
        return [str(session["count"]).encode(), session.id.encode()]

    middleware = SessionMiddleware(application, **backend.options)

    def work(number: int) -> int:
        cookie = None
        count = b"0"
        for _ in range(20):
            environ = {"who": number, **({"HTTP_COOKIE": cookie} if cookie else {})}
            count, session_id = middleware(environ, lambda *_args: None)
            cookie = f"beaker.session.id={session_id.decode()}"
        return int(count)

    assert together(work, THREADS) == [20] * THREADS
    assert len(backend.texts()) == THREADS


def test_threads_that_configure_middlewares_each_get_their_own(memory: Backend) -> None:
    def work(number: int) -> set[str]:
        keys = set()
        for turn in range(30):
            visitor = Browser(memory.options, {"key": f"key-{number}-{turn % 3}"})
            keys.add(visitor.put(name="Ada").cookie.partition("=")[0])
        return keys

    for number, keys in enumerate(together(work, THREADS)):
        assert keys == {f" key-{number}-{turn}" for turn in range(3)}


class Meddler:
    """An object whose pickling, unpickling and comparing touch the session that it is in."""

    session: Any = None
    calls = 0

    def meddle(self) -> None:
        session = Meddler.session
        if session is None:
            return
        Meddler.calls += 1
        if Meddler.calls > 20:
            return
        session["meddled"] = Meddler.calls
        assert session.get("name") in (None, "Ada")
        assert session.id
        assert list(session.keys())
        session.accessed_dict  # noqa: B018

    def __reduce__(self) -> Any:
        self.meddle()
        return _remade, ()


def _remade() -> Meddler:
    made = Meddler()
    made.meddle()
    return made


@pytest.fixture
def meddling() -> Any:
    Meddler.session, Meddler.calls = None, 0
    yield
    Meddler.session, Meddler.calls = None, 0


def test_a_pickle_that_uses_the_session_does_not_hang_or_panic(browser: Browsers, meddling: None) -> None:
    visitor = browser()

    def store(session: Any) -> None:
        session["name"] = "Ada"
        session["meddler"] = Meddler()
        session.save()

    visitor.visit(store)

    def work(session: Any) -> None:
        assert isinstance(session["meddler"], Meddler)
        Meddler.session = session
        session.save()

    visitor.visit(work)
    assert Meddler.calls > 0
    Meddler.session = None
    assert visitor.read()["name"] == "Ada"


def test_a_pickle_that_reads_its_own_session_is_refused(browser: Browsers, meddling: None) -> None:
    visitor = browser()
    visitor.put(name="Ada", meddler=Meddler())

    def work(session: Any) -> None:
        Meddler.session = session
        session["meddler"]

    with pytest.raises(BeakerException, match="while it is read"):
        visitor.visit(work)
    assert Meddler.calls == 1
    Meddler.session = None
    assert visitor.read()["name"] == "Ada"


def test_a_pickle_that_saves_the_session_neither_deadlocks_nor_panics(
    backend: Backend, meddling: None
) -> None:
    saved: list[int] = []

    class Saver(Meddler):
        def __reduce__(self) -> Any:
            if len(saved) < 3:
                saved.append(1)
                session.save()
                session.regenerate_id()
            return _remade, ()

    session = opened(backend, "chosen")
    session["saver"] = Saver()
    session.save()
    assert len(saved) == 3


def test_methods_that_call_each_other_neither_deadlock_nor_panic(browser: Browsers) -> None:
    class Own(Session):
        depth = 0

        def load(self) -> None:
            super().load()
            if Own.depth < 3:
                Own.depth += 1
                self.load()
                self.namespace.acquire_read_lock()
                self.namespace.release_read_lock()

        def save(self, accessed_only: bool = False) -> None:
            self.revert() if accessed_only else None
            super().save(accessed_only)

    visitor = browser(session_class=Own)
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}


def test_a_key_whose_comparison_touches_the_session_does_no_harm(backend: Backend) -> None:
    session: Any = Session({}, **backend.options)

    class Key:
        def __hash__(self) -> int:
            return hash("name")

        def __eq__(self, other: object) -> bool:
            session["more"] = session.get("more", 0) + 1
            return other == "name"

    session["name"] = "Ada"
    assert session[Key()] == "Ada"
    assert session.pop(Key()) == "Ada"
    assert session["more"] >= 1


def test_a_request_mapping_that_touches_the_session_does_no_harm(memory: Backend) -> None:
    made: list[Any] = []

    class Request(dict):  # type: ignore[type-arg]
        def __setitem__(self, key: str, value: Any) -> None:
            if made:
                assert made[0].id
                assert made[0].request is self
            super().__setitem__(key, value)

    request = Request()
    session: Any = Session(request, **memory.options)
    made.append(session)
    session.regenerate_id()
    session.invalidate()
    session.save()
    session.delete()


def test_a_clock_that_touches_the_session_does_no_harm(
    browser: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = browser(timeout=60)
    visitor.put(name="Ada")
    seen: list[str] = []

    def clock() -> float:
        if visitor._visit.session is not None and visitor._visit.session.__dict__["_sess"] is not None:
            seen.append(visitor._visit.session.id)
        return 1e9

    monkeypatch.setattr("time.time", clock)
    visitor.put(name="Grace")
    assert seen
