"""What is said of memcached alone; the laws of every store run on it too."""

from __future__ import annotations

import os
import pickle
import threading
import zlib
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from beaker.exceptions import (
    BeakerException,
    BeakerWarning,
    CorruptSessionError,
    LockError,
    StoreUnavailableError,
)
from beaker.ext.memcached import MemcachedNamespaceManager
from tests.support.memcached_server import MemcachedServer, make_memcached_backend, servers, shared
from tests.support.sessions import ID, Backend, Browser, name, opened, stored
from tests.support.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def memcached() -> Backend:
    return make_memcached_backend()


@pytest.fixture
def nodes() -> Iterator[list[MemcachedServer]]:
    """Two servers."""
    with servers(2) as started:
        yield started


def on(*started: MemcachedServer, **options: Any) -> dict[str, Any]:
    return {"type": "ext:memcached", "url": ";".join(server.address for server in started), **options}


def of_each(nodes: list[MemcachedServer]) -> list[Browser]:
    """A visitor whose session is on the first server, and one whose session is on the second."""
    found: dict[int, Browser] = {}
    while len(found) < 2:
        visitor = Browser(on(*nodes))
        visitor.put(name="Ada")
        (at,) = [at for at, server in enumerate(nodes) if server.get(f"{visitor.id}_session") is not None]
        found.setdefault(at, visitor)
    return [found[0], found[1]]


def test_a_session_is_kept_as_long_as_its_timeout_and_two_minutes(memcached: Backend) -> None:
    Browser(memcached.options, timeout=600).put(name="Ada")
    (key,) = shared().listed()
    assert shared().ask(f"mg {key} f t") == ["HD f16 t720"]
    visitor = Browser(memcached.options, id=ID, use_cookies=False, timeout=90 * 86_400)
    visitor.put(name="Ada")
    (answer,) = shared().ask(f"mg {ID}_session t")
    # The server's clock goes in seconds, and its reading of it lags.
    assert 90 * 86_400 < int(answer.removeprefix("HD t")) <= 90 * 86_400 + 123


def test_a_read_renews_the_lifetime(memcached: Backend) -> None:
    visitor = Browser(memcached.options, timeout=600)
    visitor.put(name="Ada")
    key = f"{visitor.id}_session"
    shared().ask(f"mg {key} T5")
    assert visitor.visit(name).result == "Ada"
    assert shared().ask(f"mg {key} t") == ["HD t720"]


@pytest.mark.parametrize("flags", [0, 1, 8, 9, 16, 24])
def test_a_session_is_read_however_a_client_of_python_stored_it(memcached: Backend, flags: int) -> None:
    stored(memcached, name="Ada")
    text = shared().get(f"{ID}_session") or ""
    value = pickle.dumps(text) if flags & 1 else text.encode()
    mc = MemcachedNamespaceManager("x", shared().address).mc
    mc.set(f"{ID}_session", zlib.compress(value) if flags & 8 else value, flags)
    assert name(opened(memcached, ID)) == "Ada"


def test_a_value_that_is_no_text_is_corrupt(memcached: Backend) -> None:
    mc = MemcachedNamespaceManager("x", shared().address).mc
    for value, flags in ((b"7", 2), (pickle.dumps({"name": "Ada"}), 1), (b"x", 8), (b"x", 32)):
        mc.set(f"{ID}_session", value, flags)
        with pytest.raises(CorruptSessionError):
            opened(memcached, ID, invalidate_corrupt=False)
        with pytest.warns(BeakerWarning, match="cannot be decoded"):
            assert opened(memcached, ID, invalidate_corrupt=True).is_new


def test_a_pickle_around_a_session_is_not_executed(memcached: Backend) -> None:
    class Harmful:
        def __reduce__(self) -> Any:
            return os.abort, ()

    MemcachedNamespaceManager("x", shared().address).mc.set(f"{ID}_session", pickle.dumps(Harmful()), 1)
    with pytest.raises(CorruptSessionError):
        opened(memcached, ID, invalidate_corrupt=False)


def test_a_session_that_is_too_large_is_an_error_and_the_older_one_stays(memcached: Backend) -> None:
    stored(memcached, name="Ada")
    session = opened(memcached, ID)
    session["page"] = "x" * 1_000_000
    with pytest.raises(BeakerException, match=r"takes \d+ bytes.*larger -I"):
        session.save()
    assert name(opened(memcached, ID)) == "Ada"


def test_the_view_of_a_session_is_the_namespace(memcached: Backend) -> None:
    stored(memcached, name="Ada")
    session = opened(memcached, ID)
    assert type(session.namespace) is MemcachedNamespaceManager
    assert session.namespace["session"] == shared().get(f"{ID}_session")
    session.namespace.do_remove()
    assert opened(memcached, ID).is_new


def test_the_server_of_a_session_is_down_and_nobody_is_logged_out(nodes: list[MemcachedServer]) -> None:
    lost, kept = of_each(nodes)
    nodes[0].kill()
    for work in (name, lambda session: session.invalidate(), lambda session: session.delete()):
        with pytest.raises(StoreUnavailableError, match=nodes[0].address) as caught:
            lost.visit(work)
        assert isinstance(caught.value, OSError)
        assert caught.value.errno is not None
        assert lost.value not in str(caught.value)
    with pytest.raises(StoreUnavailableError):
        lost.put(name="Eve")
    cookie = lost.cookie
    assert kept.visit(name).result == "Ada"
    nodes[0].start()
    # The server has forgotten everything: that is an end of the session, and no error.
    assert lost.visit(lambda session: (session.is_new, session.get("name"))).result == (True, None)
    assert lost.cookie == cookie
    lost.put(name="Ada")
    assert lost.visit(name).result == "Ada"


def test_a_server_that_is_down_answers_a_read_only_page_with_an_error_and_a_late_renewal_with_a_log(
    nodes: list[MemcachedServer], caplog: pytest.LogCaptureFixture
) -> None:
    visitor, _ = of_each(nodes)

    def work(session: Any) -> Any:
        found = session["name"]
        nodes[0].kill()
        return found

    assert visitor.visit(work).result == "Ada"
    assert "access time is not stored" in caplog.text
    assert visitor.id not in caplog.text


def test_killed_in_mid_load_the_server_makes_errors_and_no_new_sessions(nodes: list[MemcachedServer]) -> None:
    visitors = [Browser(on(*nodes)) for _ in range(8)]
    for visitor in visitors:
        visitor.put(count=0)
    doomed = {v.id for v in visitors if nodes[0].get(f"{v.id}_session") is not None}
    outcomes: dict[str, list[Any]] = {visitor.id: [] for visitor in visitors}
    killed, over = threading.Event(), threading.Event()

    def count(session: Any) -> int:
        assert not session.is_new
        session["count"] += 1
        session.save()
        return int(session["count"])

    def visit(visitor: Browser) -> Any:
        try:
            return visitor.visit(count).result
        except StoreUnavailableError:
            return "error"

    def load(visitor: Browser) -> None:
        mine = outcomes[visitor.id]
        while not over.is_set():
            mine.append(visit(visitor))
            if mine[-1] == "error" and killed.is_set():
                return

    threads = [threading.Thread(target=load, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    while not all(outcomes.values()):
        threading.Event().wait(0.001)
    nodes[0].kill()
    killed.set()
    if doomed:
        while not all(outcomes[one][-1] == "error" for one in doomed):
            threading.Event().wait(0.001)
    over.set()
    for thread in threads:
        thread.join()
    for visitor in visitors:
        results = [result for result in outcomes[visitor.id] if result != "error"]
        assert results == sorted(results)
        assert ("error" in outcomes[visitor.id]) == (visitor.id in doomed)


def test_a_child_has_connections_of_its_own(memcached: Backend) -> None:
    stored(memcached, name="Ada")
    session = opened(memcached, ID)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        found = b"trouble"
        try:
            for number in range(200):
                mine = opened(memcached, ID)
                mine["child"] = number
                mine.save()
            found = str(name(mine)).encode()
        finally:
            os.write(writing, found)
            os._exit(0)
    os.close(writing)
    for number in range(200):
        assert name(opened(memcached, ID)) == "Ada"
        session["parent"] = number
        session.save()
    with os.fdopen(reading, "rb") as stream:
        assert stream.read() == b"Ada"
    os.waitpid(child, 0)
    final = opened(memcached, ID)
    assert (final["parent"], final["child"]) == (199, 199)


def test_a_locked_session_is_free_again_where_the_server_forgets_the_lock(memcached: Backend) -> None:
    stored(memcached, name="Ada")
    holder = opened(memcached, ID)
    holder.lock()

    def attempt() -> Any:
        return opened(memcached, ID, lock_timeout=0).lock()

    with pytest.raises(LockError):
        in_thread(attempt)
    # As an eviction does it.
    for key in shared().listed():
        if key.startswith("beaker_lock_"):
            shared().ask(f"md {key}")
    other = opened(memcached, ID)
    other.lock()
    other["name"] = "Eve"
    other.save()
    holder["age"] = 36
    holder.save()
    found = opened(memcached, ID)
    assert (found["name"], found["age"]) == ("Eve", 36)


class Mine(MemcachedNamespaceManager):
    """A subclass, by whose methods sessions are kept."""

    used: ClassVar[list[str]] = []

    def _format_key(self, key: str | bytes) -> str:
        self.used.append(self.namespace)
        return f"mine_{super()._format_key(key)}"


def test_a_subclass_keeps_sessions_by_its_methods(memcached: Backend) -> None:
    backend = memcached.with_options(namespace_class=Mine, timeout=600)
    stored(backend, name="Ada")
    assert Mine.used
    assert shared().ask(f"mg mine_{ID}_session t") == ["HD t720"]
    one, two = opened(backend, ID), opened(backend, ID)
    one["one"], two["two"] = 1, 2
    one.save()
    two.save()
    assert opened(backend, ID)["one"] == 1
    opened(backend, ID).delete()
    assert shared().listed() == []


def test_a_session_of_a_subclass_that_another_machine_changes_is_merged(memcached: Backend) -> None:
    backend = memcached.with_options(namespace_class=Mine)
    stored(backend, name="Ada")
    ours = opened(backend, ID)
    theirs = opened(backend, ID)
    theirs["theirs"] = 1
    theirs.save()
    changed = shared().get(f"mine_{ID}_session")
    assert changed is not None
    ours["ours"] = 2
    ours.save()
    found = opened(backend, ID)
    assert (found["ours"], found["theirs"]) == (2, 1)


def test_a_wrong_password_is_an_error_that_does_not_show_it(tmp_path: Any) -> None:
    users = tmp_path / "users"
    users.write_text("app:right-secret\n")
    with servers(1, "-Y", str(users)) as [server]:
        visitor = Browser({"type": "ext:memcached", "url": f"app:right-secret@{server.address}"})
        visitor.put(name="Ada")
        assert visitor.visit(name).result == "Ada"
        for login in ("", "app:wrong-secret@"):
            stranger = Browser({"type": "ext:memcached", "url": f"{login}{server.address}"})
            with pytest.raises(StoreUnavailableError) as caught:
                stranger.put(name="Eve")
            assert "secret" not in str(caught.value)


def test_a_server_without_tokens_is_refused() -> None:
    with servers(1, "-C") as [server], pytest.raises(BeakerException, match="start memcached without -C"):
        Browser(on(server)).put(name="Ada")


def test_sessions_move_from_one_list_of_servers_to_another(nodes: list[MemcachedServer]) -> None:
    old, new = nodes
    visitor = Browser(on(old))
    visitor.put(name="Ada")
    moved = Browser(on(new), read_also=f"ext:memcached {old.address}")
    moved.jar = visitor.jar
    assert moved.visit(name).result == "Ada"
    assert new.get(f"{visitor.id}_session") is not None
    assert old.get(f"{visitor.id}_session") is None
    by_scheme = Browser(on(old), read_also=f"memcached://{new.address}")
    by_scheme.jar = visitor.jar
    assert by_scheme.visit(name).result == "Ada"
