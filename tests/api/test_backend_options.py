"""Options of backends: judged before the first request, and given as text."""

from typing import Any

import pytest

from beaker.cache import Cache, CacheManager, clsmap
from beaker.container import AbstractDictionaryNSManager
from beaker.exceptions import (
    BeakerException,
    ConfigurationError,
    InvalidCacheBackendError,
    MissingCacheParameter,
    StoreUnavailableError,
)
from beaker.ext.database import DatabaseNamespaceManager
from beaker.ext.sqla import make_cache_table
from beaker.middleware import SessionMiddleware
from beaker.session import Session
from beaker.util import parse_cache_config_options

sqlalchemy = pytest.importorskip("sqlalchemy")
pymongo = pytest.importorskip("pymongo")


def application(_environ: Any, _start_response: Any) -> list[bytes]:
    return []


TABLE = make_cache_table(sqlalchemy.MetaData())


@pytest.mark.parametrize(
    ("kind", "options", "error", "words"),
    [
        ("ext:database", {}, MissingCacheParameter, "url is missing"),
        ("ext:database", {"url": "hunter2"}, ConfigurationError, "not the address of a database"),
        ("ext:database", {"url": "sqlite://", "sa.none": "1"}, ConfigurationError, "none"),
        ("ext:database", {"url": "oracle+cx_oracle://a:hunter2@h/n"}, InvalidCacheBackendError, "cx_Oracle"),
        ("ext:sqla", {}, ConfigurationError, "table is missing"),
        ("ext:sqla", {"table": TABLE}, ConfigurationError, "bind is a NoneType"),
        ("ext:sqla", {"bind": "sqlite://", "table": TABLE}, ConfigurationError, "bind is a str"),
        ("ext:mongodb", {}, MissingCacheParameter, "url is missing"),
        ("ext:mongodb", {"url": "mongodb://a:hunter2@host"}, ConfigurationError, "names no database"),
        ("ext:mongodb", {"url": "mongodb://a:b@hunter2@host/name"}, ConfigurationError, "not an address"),
        ("ext:mongodb", {"url": "redis://host/0"}, ConfigurationError, "not an address"),
        (
            "ext:mongodb",
            {"url": pymongo.MongoClient("mongodb://host", connect=False)},
            ConfigurationError,
            "names no database",
        ),
        ("ext:rediscluster", {}, MissingCacheParameter, "urls is missing"),
        ("ext:rediscluster", {"urls": "redis://h:1,redis://hunter2:x"}, ConfigurationError, "number 2"),
        ("ext:rediscluster", {"urls": "redis://h?socket_timeout=hunter2"}, ConfigurationError, "number 1"),
        ("ext:memcached", {}, MissingCacheParameter, "url is required"),
        ("ext:memcached", {"url": "h;u:hunter2:1"}, ConfigurationError, "name 2"),
    ],
    ids=str,
)
def test_options_that_cannot_work_are_told_when_the_middleware_is_built(
    kind: str, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        SessionMiddleware(
            application, {f"session.{name}": value for name, value in options.items()}, type=kind
        )
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None or "hunter2" not in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ext:database", {"url": "mysql+pymysql://user@host.invalid/name"}),
        ("ext:sqla", {"bind": sqlalchemy.create_engine("sqlite://"), "table": TABLE}),
        ("ext:mongodb", {"url": "mongodb://host.invalid/name"}),
        ("ext:mongodb", {"url": "mongodb+srv://host.invalid/name"}),
        ("ext:mongodb", {"url": pymongo.MongoClient("mongodb://host.invalid/name", connect=False)}),
        ("ext:rediscluster", {"urls": "redis://host.invalid:1, rediss://host.invalid"}),
        ("ext:rediscluster", {"url": "redis://host.invalid"}),
        ("ext:memcached", {"url": "host.invalid"}),
    ],
    ids=str,
)
def test_a_middleware_is_built_without_a_connection(kind: str, options: dict[str, Any]) -> None:
    SessionMiddleware(application, type=kind, timeout=300, **options)


class Configured(DatabaseNamespaceManager):
    """A backend of a program, which knows its database."""

    def __init__(self, namespace: str, **options: Any) -> None:
        super().__init__(namespace, url="sqlite://", **options)


def test_a_subclass_may_have_other_options() -> None:
    SessionMiddleware(application, namespace_class=Configured)


class Refusing(AbstractDictionaryNSManager):
    """A backend that judges its options when it is used."""

    error: BeakerException

    def __init__(self, namespace: str, **_options: Any) -> None:
        super().__init__(namespace)
        raise self.error


@pytest.mark.parametrize("kind", [ConfigurationError, MissingCacheParameter, InvalidCacheBackendError])
def test_an_error_of_options_is_no_error_of_the_store(kind: type[BeakerException]) -> None:
    Refusing.error = kind("say which table")
    with pytest.raises(kind, match="say which table") as caught:
        Session({}, id="a" * 32, use_cookies=False, namespace_class=Refusing)
    assert not isinstance(caught.value, StoreUnavailableError)


class Noting(AbstractDictionaryNSManager):
    """A backend that notes its options."""

    def __init__(self, namespace: str, **options: Any) -> None:
        super().__init__(namespace)
        self.dictionary: dict[Any, Any] = {}
        self.options = options


TIMES: dict[str, Any] = {
    "timeout": "60",
    "connect_timeout": " 2.5",
    "operation_timeout": "3",
    "sweep_interval": "0",
}


@pytest.mark.usefixtures("no_caches")
def test_times_of_a_cache_may_be_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(clsmap._clsmap, "noting", Noting)
    expected = {"timeout": 60, "connect_timeout": 2.5, "operation_timeout": 3, "sweep_interval": 0}
    config = {f"cache.{name}": text for name, text in TIMES.items()}
    regions = {"cache.regions": "short", **{f"cache.short.{name}": text for name, text in TIMES.items()}}
    for cache in (
        Cache("n", type="noting", **TIMES),
        CacheManager(**parse_cache_config_options({"cache.type": "noting", **config})).get_cache("n"),
        CacheManager(**parse_cache_config_options({"cache.type": "noting", **regions})).get_cache_region(
            "n", "short"
        ),
    ):
        assert cache.namespace.options.items() >= expected.items()


@pytest.mark.parametrize("name", list(TIMES))
@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", ""])
def test_text_that_is_no_time_is_refused(name: str, text: str) -> None:
    for build in (
        lambda: parse_cache_config_options({f"cache.{name}": text}),
        lambda: Cache("n", type="memory", **dict[str, Any]({name: text})),
    ):
        with pytest.raises(ConfigurationError, match=f"{name} must be a number of seconds"):
            build()
