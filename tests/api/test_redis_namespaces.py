"""The backend in Redis, as caches and programs use it."""

from __future__ import annotations

import pickle
import socket
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import redis

from beaker._lease import LEASE, renewals
from beaker.cache import Cache, clsmap
from beaker.exceptions import (
    ConfigurationError,
    CorruptSessionError,
    OutcomeUnknownError,
    StoreUnavailableError,
)
from beaker.ext import redisnm
from beaker.ext.redisnm import RedisNamespaceManager, RedisSynchronizer
from beaker.session import Session
from tests.support.redis_server import new_url
from tests.support.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

DOWN = "redis://127.0.0.1:1"


@pytest.fixture
def url() -> str:
    """The URL of an empty database."""
    return new_url()


@pytest.fixture
def server(url: str) -> Iterator[redis.Redis]:
    """A client of another library in the same database."""
    with redis.Redis.from_url(url) as client:
        yield client


@pytest.fixture(params=["url", "client"])
def address(request: pytest.FixtureRequest, url: str, server: redis.Redis) -> Any:
    """What a program may give as `url`."""
    return url if request.param == "url" else server


def test_the_names_of_the_type_are_those_of_beaker() -> None:
    assert clsmap["ext:redis"] is clsmap["redis"] is RedisNamespaceManager


def test_values_of_any_kind_are_stored_as_beaker_stores_them(address: Any, server: redis.Redis) -> None:
    values = RedisNamespaceManager("numbers", address)
    values["one"] = {"value": (1, 2)}
    stored: Any = server.get("beaker_cache:numbers:one")
    assert pickle.loads(stored) == {"value": (1, 2)}
    server.set("beaker_cache:numbers:two", pickle.dumps([2]))
    assert values["two"] == [2]
    assert "one" in values
    assert values.has_key("two")
    assert "three" not in values
    assert 3 not in values
    with pytest.raises(KeyError):
        values["three"]
    del values["one"]
    assert "one" not in values


def test_keys_are_those_of_beaker(url: str) -> None:
    values = RedisNamespaceManager("numbers", url)
    assert values._format_key("one") == values._format_key(b"one") == "beaker_cache:numbers:one"
    longest = "k" * (1024 - len("numbers") - len("beaker_cache:") - 1)
    assert values._format_key(longest) == f"beaker_cache:numbers:{longest}"
    hashed = values._format_key(longest + "k")
    assert len(hashed) == len("beaker_cache:numbers:") + 40
    assert RedisNamespaceManager("n", url, key_prefix="app:")._format_key("one") == "app:n:one"


def test_a_namespace_lists_and_removes_its_own_keys_and_no_others(address: Any, server: redis.Redis) -> None:
    mine, others = RedisNamespaceManager("a[b]*", address), RedisNamespaceManager("ab", address)
    for key in ("one", "two"):
        mine[key] = others[key] = key
    expected = [b"beaker_cache:a[b]*:one", b"beaker_cache:a[b]*:two"]
    assert sorted(mine.keys()) == expected
    mine.remove()
    assert sorted(server.keys()) == [b"beaker_cache:ab:one", b"beaker_cache:ab:two"]
    mine.remove()


def test_the_server_knows_the_lifetime(address: Any, server: redis.Redis) -> None:
    values = RedisNamespaceManager("numbers", address, timeout=100)
    values["one"] = 1
    assert 90 < server.ttl("beaker_cache:numbers:one") <= 100
    values.set_value("one", 1, expiretime=50)
    assert 40 < server.ttl("beaker_cache:numbers:one") <= 50
    values.set_value("one", 1, expiretime=0)
    RedisNamespaceManager("numbers", address)["two"] = 2
    assert server.ttl("beaker_cache:numbers:two") == -1


def test_a_value_changes_in_one_step_if_it_is_the_expected_one(address: Any, server: redis.Redis) -> None:
    values = RedisNamespaceManager("numbers", address)
    assert values.swap("one", None, None)
    assert not values.swap("one", "x", "a")
    assert values.swap("one", None, "a", expiretime=50)
    assert 40 < server.ttl("beaker_cache:numbers:one") <= 50
    assert not values.swap("one", None, "b")
    assert not values.swap("one", None, None)
    assert not values.swap("one", "b", "c")
    assert values.swap("one", "a", "c")
    assert server.ttl("beaker_cache:numbers:one") == -1
    assert values["one"] == "c"
    assert values.swap("one", "c", None)
    assert server.keys() == []


def test_only_plain_values_are_read_without_pickles(url: str) -> None:
    values = RedisNamespaceManager("numbers", url)
    values["plain"], values["object"] = ["text", 1], threading.Barrier
    values.allow_pickle = False
    assert values["plain"] == ["text", 1]
    with pytest.raises(CorruptSessionError):
        values["object"]


def test_a_damaged_value_is_corrupt(url: str, server: redis.Redis) -> None:
    values = RedisNamespaceManager("numbers", url)
    server.set("beaker_cache:numbers:one", b"nonsense")
    with pytest.raises(CorruptSessionError):
        values["one"]


def test_a_server_that_is_down_is_unavailable_to_every_method() -> None:
    values = RedisNamespaceManager("numbers", DOWN)
    uses: list[Any] = [
        lambda: values["one"],
        lambda: "one" in values,
        lambda: values.set_value("one", 1),
        lambda: values.swap("one", None, "1"),
        lambda: values.swap("one", "1", "2"),
        lambda: values.__delitem__("one"),
        values.keys,
        values.remove,
        lambda: values.get_creation_lock("one").acquire(),
    ]
    for use in uses:
        with pytest.raises(StoreUnavailableError) as caught:
            use()
        assert caught.value.errno is not None


def test_a_creation_lock_excludes_other_threads_and_processes(address: Any, server: redis.Redis) -> None:
    values = RedisNamespaceManager("numbers", address)
    mine, theirs = values.get_creation_lock("one"), values.get_creation_lock("one")
    assert isinstance(mine, RedisSynchronizer)
    assert mine.acquire()
    assert mine.acquire(wait=False)
    assert server.keys() == [b"beaker_lock:beaker_cache:numbers:one"]
    assert 0 < server.pttl("beaker_lock:beaker_cache:numbers:one") <= LEASE * 1000
    assert not in_thread(lambda: theirs.acquire(wait=False))
    assert not in_thread(lambda: theirs.acquire_read_lock(wait=False))
    assert values.get_creation_lock("two").acquire(wait=False)
    mine.release()
    assert not in_thread(lambda: theirs.acquire(wait=False))
    mine.release()
    assert in_thread(lambda: theirs.acquire(wait=False) and theirs.release() is None)


def test_a_value_of_a_cache_that_is_there_is_one_question_to_the_server(
    address: Any, server: redis.Redis
) -> None:
    cache = Cache("numbers", type="ext:redis", url=address, expire=600)
    cache.put("one", [1])
    server.config_resetstat()
    assert cache.get("one", createfunc=lambda: "never") == [1]
    asked = {name: found["calls"] for name, found in server.info("commandstats").items()}
    assert {name: calls for name, calls in asked.items() if "config" not in name} == {"cmdstat_get": 1}


def test_a_lock_that_another_has_taken_meanwhile_is_not_released(url: str, server: redis.Redis) -> None:
    lock = RedisSynchronizer("one", url)
    assert lock.acquire()
    server.set("beaker_lock:one", b"another")
    lock.release()
    assert server.get("beaker_lock:one") == b"another"
    server.delete("beaker_lock:one")
    assert lock.acquire(wait=False)
    lock.release()


def is_renewed(lease: Any) -> bool:
    return any(lease in leases for leases in renewals._leases.values())


def held_lease(lock: RedisSynchronizer) -> Any:
    """The lease of this thread in a lock."""
    return lock.state.held


def test_a_lock_is_renewed_until_its_longest_time_has_passed(
    url: str, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(redisnm, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep))
    lock = RedisSynchronizer("one", url)
    assert lock.acquire()
    lease = held_lease(lock)
    assert is_renewed(lease)
    for passed, least, most in ((450, 9, 10), (897, 2, 3)):
        assert server.pexpire("beaker_lock:one", 500)
        now[0] = 1000.0 + passed
        lease.renew()
        assert least * 1000 < server.pttl("beaker_lock:one") <= most * 1000
    assert server.pexpire("beaker_lock:one", 500)
    now[0] = 1900.0
    lease.renew()
    assert server.pttl("beaker_lock:one") <= 500
    lock.release()
    assert server.keys() == []
    assert not is_renewed(lease)


def test_a_short_longest_time_of_a_subclass_is_kept(url: str, server: redis.Redis) -> None:
    class Short(RedisSynchronizer):
        LOCK_EXPIRATION = 3

    lock = Short("one", url)
    assert lock.acquire()
    assert 0 < server.pttl("beaker_lock:one") <= 3000
    lock.release()


def test_a_lock_that_is_over_is_not_renewed(url: str, server: redis.Redis) -> None:
    lock = RedisSynchronizer("one", url)
    assert lock.acquire()
    lease = held_lease(lock)
    server.set("beaker_lock:one", b"another", px=5000)
    lease.renew()
    server.set("beaker_lock:one", lease.owner, px=5000)
    lease.renew()
    assert server.pttl("beaker_lock:one") <= 5000, "it was found lost once"
    lock.release()
    assert server.keys() == []
    assert lock.acquire()
    lease = held_lease(lock)
    lock.release()
    server.set("beaker_lock:one", lease.owner, px=5000)
    lease.renew()
    assert server.pttl("beaker_lock:one") <= 5000, "it was released"


def test_a_renewal_that_fails_is_tried_again(
    server: redis.Redis, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = RedisSynchronizer("one", server)
    assert lock.acquire()
    lease = held_lease(lock)
    assert server.pexpire("beaker_lock:one", 5000)
    with monkeypatch.context() as patches:
        patches.setattr(redis.Redis, "eval", failing)
        lease.renew()
    assert server.pttl("beaker_lock:one") <= 5000
    lease.renew()
    assert server.pttl("beaker_lock:one") > 5000
    lock.release()


def failing(*_: Any) -> None:
    raise redis.ConnectionError


def test_a_waiter_gets_the_lock_when_it_is_released(url: str) -> None:
    mine, theirs = RedisSynchronizer("one", url), RedisSynchronizer("one", url)
    assert mine.acquire()
    got = threading.Event()

    def wait() -> None:
        assert theirs.acquire()
        got.set()
        theirs.release()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not got.wait(0.1)
    mine.release()
    assert got.wait(30)
    waiting.join()


def test_a_lock_is_released_if_an_exception_ends_the_attempt_that_took_it(
    url: str, server: redis.Redis
) -> None:
    class Interrupted(redis.Redis):
        def set(self, *words: Any, **options: Any) -> Any:
            redis.Redis.set(self, *words, **options)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RedisSynchronizer("one", Interrupted.from_url(url)).acquire()
    assert server.keys() == []
    lock = RedisSynchronizer("one", url)
    assert lock.acquire()
    with pytest.raises(KeyboardInterrupt):
        RedisSynchronizer("one", Interrupted.from_url(url)).acquire()
    assert server.keys() == [b"beaker_lock:one"], "a lock that the same thread has by another object stays"
    lock.release()
    assert server.keys() == []


def test_sessions_in_a_programs_own_client_are_those_of_the_url(url: str, server: redis.Redis) -> None:
    session = Session({}, id="abc", use_cookies=False, type="ext:redis", url=server, timeout=600)
    session["name"] = "Ada"
    session.save()
    assert server.keys() == [b"beaker_cache:abc:session"]
    assert 700 < server.ttl("beaker_cache:abc:session") <= 720
    native = Session({}, id="abc", use_cookies=False, type="ext:redis", url=url, timeout=600)
    assert native["name"] == "Ada"
    native["name"] = "Grace"
    native.save()
    assert Session({}, id="abc", use_cookies=False, type="ext:redis", url=server)["name"] == "Grace"
    session["other"] = 1
    session.save()
    both = Session({}, id="abc", use_cookies=False, type="ext:redis", url=url)
    assert (both["name"], both["other"]) == ("Grace", 1)
    both.delete()
    assert server.keys() == []


def test_a_session_in_redis_has_a_namespace_that_shows_it(url: str) -> None:
    session = Session({}, id="abc", use_cookies=False, type="redis", url=url, key_prefix="app:")
    session["name"] = "Ada"
    session.save()
    assert isinstance(session.namespace, RedisNamespaceManager)
    assert isinstance(session.namespace["session"], str)
    assert session.namespace.keys() == [b"app:abc:session"]
    session.namespace.remove()
    assert not Session({}, id="abc", use_cookies=False, type="redis", url=url, key_prefix="app:").get("name")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "url"),
        ({"url": "localhost:6379"}, "redis://"),
        ({"url": "redis://:secret@host/0?decode_responses=1"}, "decode_responses"),
        ({"url": DOWN, "connect_timeout": 0}, "connect_timeout"),
        ({"url": DOWN, "operation_timeout": "soon"}, "operation_timeout"),
    ],
    ids=str,
)
def test_options_that_cannot_be_meant_are_refused_when_they_are_given(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        Session({}, type="ext:redis", **options)
    assert "secret" not in str(caught.value)


def test_the_time_limit_of_a_connection_is_an_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StoreUnavailableError, match="within 200ms"):
            Session({}, id="abc", use_cookies=False, type="ext:redis", url=url, connect_timeout=0.2)


@pytest.mark.parametrize("error", [redis.ConnectionError, redis.TimeoutError])
def test_a_change_whose_reply_redis_py_has_lost_is_in_doubt(url: str, error: type[Exception]) -> None:
    class Losing(redis.Redis):
        def execute_command(self, *words: Any, **options: Any) -> Any:
            reply = redis.Redis.execute_command(self, *words, **options)  # type: ignore[no-untyped-call]
            if words[0] != "GET":
                raise error("the reply is lost")
            return reply

    values = RedisNamespaceManager("numbers", Losing.from_url(url))
    changes: list[Any] = [
        lambda: values.set_value("one", "1"),
        lambda: values.swap("one", "1", "2"),
        lambda: values.__delitem__("one"),
        lambda: values.swap("one", None, "3"),
    ]
    for change, value in zip(changes, ["1", "2", None, "3"], strict=True):
        with pytest.raises(OutcomeUnknownError) as caught:
            change()
        assert isinstance(caught.value.__cause__, error)
        assert (values["one"] if value else None) == value
