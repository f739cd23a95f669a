"""The backend in memcached as programs use it: any value, by key, as python-memcached stores it."""

from __future__ import annotations

import pickle
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.cache import Cache, clsmap
from beaker.exceptions import (
    BeakerException,
    BeakerWarning,
    ConfigurationError,
    CorruptSessionError,
    InvalidCacheBackendError,
    MissingCacheParameter,
    StoreUnavailableError,
)
from beaker.ext.memcached import MemcachedContainer, MemcachedNamespaceManager
from beaker.middleware import SessionMiddleware
from tests.support.memcached_server import make_memcached_backend, servers, shared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., MemcachedNamespaceManager]


@pytest.fixture
def make() -> Make:
    """Makes namespaces in an empty server."""
    make_memcached_backend()
    return lambda name="names", **options: MemcachedNamespaceManager(name, shared().address, **options)


def test_both_names_name_the_backend() -> None:
    assert clsmap["ext:memcached"] is clsmap["memcached"] is MemcachedNamespaceManager


@pytest.mark.parametrize(
    ("value", "flags", "stored"),
    [
        ("café", 16, "café"),
        (b"bytes", 0, "bytes"),
        (300, 2, "300"),
        (-1, 2, "-1"),
    ],
)
def test_a_value_is_stored_as_python_memcached_stores_it(
    make: Make, value: Any, flags: int, stored: str
) -> None:
    namespace = make()
    namespace["key"] = value
    assert shared().ask("mg names_key f") == [f"HD f{flags}"]
    assert shared().get("names_key") == stored
    assert namespace["key"] == value
    assert type(namespace["key"]) is type(value)


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize("value", [None, True, 1.5, (1, "two"), {"a": [b"b"]}, Text("x")], ids=repr)
def test_any_other_value_is_a_pickle(make: Make, value: Any) -> None:
    namespace = make()
    namespace.set_value("key", value)
    assert shared().ask("mg names_key f") == ["HD f1"]
    assert namespace["key"] == value
    assert type(namespace["key"]) is type(value)


def test_a_compressed_value_is_read(make: Make) -> None:
    client = _core.MemcachedClient(shared().address)
    client.set("names_text", zlib.compress("café".encode()), 16 | 8)
    client.set("names_pickle", zlib.compress(pickle.dumps([1])), 1 | 8)
    client.set("names_long", b"12345678901234567890", 4)
    namespace = make()
    assert namespace["text"] == "café"
    assert namespace["pickle"] == [1]
    assert namespace["long"] == 12345678901234567890


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (b"x", 2),
        (b"\xff", 16),
        (b"no pickle", 1),
        (b"not compressed", 8),
        (zlib.compress(b"x")[:-1], 8),
        (b"x", 64),
    ],
)
def test_a_value_that_is_not_what_its_flags_say_is_corrupt(make: Make, value: bytes, flags: int) -> None:
    _core.MemcachedClient(shared().address).set("names_key", value, flags)
    with pytest.raises(CorruptSessionError):
        make()["key"]


def test_a_value_that_inflates_beyond_all_bounds_is_corrupt(make: Make) -> None:
    _core.MemcachedClient(shared().address).set("names_key", zlib.compress(bytes((64 << 20) + 1)), 8)
    with pytest.raises(CorruptSessionError, match="larger than"):
        make()["key"]


def test_without_pickles_only_plain_values_are_read(make: Make) -> None:
    namespace = make()
    namespace["plain"] = {"a": 1}
    namespace["class"] = ConfigurationError("x")
    namespace.allow_pickle = False
    assert namespace["plain"] == {"a": 1}
    with pytest.raises(CorruptSessionError):
        namespace["class"]


def test_what_is_not_there_is_none_as_in_beaker(make: Make) -> None:
    namespace = make()
    assert namespace["key"] is None
    assert "key" not in namespace
    assert not namespace.has_key("key")
    del namespace["key"]
    namespace["key"] = "x"
    assert "key" in namespace
    assert namespace.has_key("key")
    assert 3 not in namespace
    del namespace["key"]
    assert "key" not in namespace


def test_a_value_has_a_lifetime(make: Make) -> None:
    namespace = make()
    namespace.set_value("key", "x", expiretime=60)
    assert shared().ask("mg names_key t") == ["HD t60"]
    namespace.set_value("key", "x")
    assert shared().ask("mg names_key t") == ["HD t-1"]
    namespace.set_value("key", "x", expiretime=0)
    assert shared().ask("mg names_key t") == ["HD t-1"]
    make(timeout=100)["key"] = "x"
    assert shared().ask("mg names_key t") == ["HD t100"]
    namespace.set_value("key", "x", expiretime=40 * 86_400)
    (answer,) = shared().ask("mg names_key t")
    # The server's clock goes in seconds, and its reading of it lags.
    assert abs(int(answer.removeprefix("HD t")) - 40 * 86_400) < 100


def test_keys_cannot_be_listed(make: Make) -> None:
    with pytest.raises(NotImplementedError):
        make().keys()


def test_keys_of_any_form_have_values_of_their_own(make: Make) -> None:
    namespace = make()
    keys = ["a b", "a\u00c2\u00b7b", "x" * 300, "é" * 150, "line\r\nflush_all", "\0"]
    for key in keys:
        namespace[key] = key
    assert [namespace[key] for key in keys] == keys
    namespace[b"bytes"] = "x"
    assert namespace["bytes"] == "x"
    assert shared().get("names_a\u00c2\u00b7b") == "a b"


def test_removing_the_namespace_of_a_session_leaves_others(make: Make) -> None:
    session, cache = make(digest_filenames=False), make("cache")
    session["session"] = "text"
    cache["key"] = "value"
    session.remove()
    assert session["session"] is None
    assert cache["key"] == "value"
    cache.remove()
    assert shared().listed() == []


def test_a_text_is_swapped_in_one_step(make: Make) -> None:
    namespace = make()
    assert namespace.swap("session", None, None)
    assert not namespace.swap("session", "one", "two")
    assert namespace.swap("session", None, "one", expiretime=60)
    assert shared().ask("mg names_session t") == ["HD t60"]
    assert not namespace.swap("session", None, "two")
    assert not namespace.swap("session", "other", "two")
    assert namespace.swap("session", "one", "two")
    assert namespace["session"] == "two"
    assert not namespace.swap("session", "one", None)
    assert namespace.swap("session", "two", None)
    assert namespace["session"] is None


def test_a_swap_of_what_another_has_written_meanwhile_does_nothing(make: Make) -> None:
    namespace = make()
    namespace["session"] = "one"

    class Overtaken:
        """A client that somebody overtakes between its look and its change."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def get(self, key: str) -> Any:
            found = self._client.get(key)
            shared().set(key, "three")
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

    namespace.mc = Overtaken(namespace.mc)
    assert not namespace.swap("session", "one", "two")
    assert shared().get("names_session") == "three"


def test_a_value_that_is_too_large_is_left_out_with_a_warning(make: Make) -> None:
    namespace = make()
    with pytest.warns(BeakerWarning, match="larger -I"):
        namespace["key"] = "x" * 2_000_000
    assert "key" not in namespace
    with pytest.raises(BeakerException, match="larger -I"):
        namespace["session"] = "x" * 2_000_000


def test_a_creation_lock_is_a_file_where_there_is_a_folder(make: Make, tmp_path: Path) -> None:
    lock = make(lock_dir=str(tmp_path / "locks")).get_creation_lock("key")
    lock.acquire()
    assert list((tmp_path / "locks").rglob("*.lock"))
    lock.release()
    namespace = make(data_dir=str(tmp_path))
    assert namespace.lock_dir == f"{tmp_path}/container_mcd_lock"
    without = make().get_creation_lock("key")
    without.acquire()
    without.release()


def test_a_cache_keeps_its_values_there(make: Make) -> None:
    made: list[int] = []
    cache = Cache("numbers", type="ext:memcached", url=shared().address, expire=60)

    def create() -> list[int]:
        made.append(1)
        return [len(made)]

    assert cache.get("key", createfunc=create) == cache.get("key", createfunc=create) == [1]
    cache.remove_value("key")
    assert cache.get("key", createfunc=create) == [2]
    container: Any = MemcachedContainer
    value = container("key", {}, "numbers", createfunc=create, url=shared().address)
    assert value.get_value() == [2]


def test_an_address_is_needed() -> None:
    urls: list[Any] = ["", None, []]
    for url in urls:
        with pytest.raises(MissingCacheParameter, match="url is required"):
            MemcachedNamespaceManager("x", url)


@pytest.mark.parametrize(
    "url",
    [
        "host:x",
        "a;;b",
        ["host:x"],
        [("host", 0)],
        [("host", "1")],
        [3],
        object(),
        "user:secret@host:x",
    ],
)
def test_what_names_no_server_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"url must|weight") as caught:
        _core.MemcachedClient(url)
    assert "secret" not in str(caught.value)


def test_an_address_may_say_its_kind(make: Make) -> None:
    make()["key"] = "x"
    client = _core.MemcachedClient(f"memcached://{shared().address}/")
    assert client.get("names_key") is not None


def test_what_a_client_shows_has_no_password() -> None:
    shown = repr(_core.MemcachedClient("user:secret@host:1"))
    assert "host:1" in shown
    assert "secret" not in shown
    assert "user" not in shown


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_is_a_number_of_seconds(seconds: float) -> None:
    for name in ("connect_timeout", "operation_timeout"):
        with pytest.raises(ConfigurationError, match=f"{name} must be a number of seconds"):
            _core.MemcachedClient("host", **{name: seconds})


def test_a_client_takes_no_key_that_a_server_does_not(make: Make) -> None:
    client = _core.MemcachedClient(shared().address)
    for key in ("", "a b", "a\r\nb", "x" * 251):
        for call in (client.get, client.delete, lambda key: client.set(key, b"", 0)):
            with pytest.raises(ConfigurationError, match="at most 250 bytes"):
                call(key)
    with pytest.raises(ValueError, match="float"):
        client.set("key", b"", 0, float("inf"))


def test_a_client_changes_what_has_the_token(make: Make) -> None:
    client = _core.MemcachedClient(shared().address)
    assert client.set("key", b"one", 0, token=0)
    assert not client.set("key", b"two", 0, token=0)
    (_, _, token) = client.get("key") or pytest.fail("it is there")
    assert client.set("key", b"two", 0, token=token)
    assert not client.set("key", b"three", 0, token=token)
    assert not client.delete("key", token)
    assert client.delete("key")
    assert not client.delete("key")


def test_a_server_that_is_down_is_an_error() -> None:
    with servers() as [server]:
        namespace = MemcachedNamespaceManager("names", server.address)
        namespace["key"] = "x"
        server.kill()
        for use in (
            lambda: namespace["key"],
            lambda: "key" in namespace,
            lambda: namespace.set_value("key", "y"),
            namespace.mc.flush_all,
            namespace.remove,
        ):
            with pytest.raises(StoreUnavailableError, match=server.address):
                use()


def test_bmemcached_has_the_flag_of_text_for_bytes() -> None:
    with servers() as [server]:
        namespace = MemcachedNamespaceManager("names", server.address, "bmemcached")
        for value, flags in (("text", 0), (b"bytes", 16)):
            namespace["key"] = value
            assert server.ask("mg names_key f") == [f"HD f{flags}"]
            assert namespace["key"] == value


def test_servers_may_have_weights() -> None:
    with servers(2) as started:
        url = [(started[0].address, 1), (started[1].address, 9)]
        namespace = MemcachedNamespaceManager("names", url)
        for number in range(200):
            namespace[f"key {number}"] = "x"
        counts = [
            int(line.split()[2]) for one in started for line in one.ask("stats") if "curr_items" in line
        ]
        assert sum(counts) == 200
        assert 5 < counts[0] < 50


@pytest.mark.parametrize("module", ["pylibmc", "os"])
def test_an_unknown_client_is_refused(module: str) -> None:
    with pytest.raises(InvalidCacheBackendError, match="unknown memcached client"):
        SessionMiddleware(application, type="ext:memcached", url="host", memcache_module=module)
    with pytest.raises(InvalidCacheBackendError, match="unknown memcached client"):
        MemcachedNamespaceManager("names", "host", module)


def test_sessions_need_an_address_and_bmemcached_one_alone() -> None:
    with pytest.raises(MissingCacheParameter, match="url is required"):
        SessionMiddleware(application, type="ext:memcached")
    with pytest.raises(ConfigurationError, match="one server"):
        SessionMiddleware(application, type="ext:memcached", url="a;b", memcache_module="bmemcached")


def application(environ: Any, start_response: Any) -> list[bytes]:
    return []
