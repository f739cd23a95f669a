"""Values that the original takes: a program that ran with them starts and means the same."""

from __future__ import annotations

import os
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.exceptions import BeakerWarning, ConfigurationError
from beaker.session import Session
from beaker.util import coerce_session_params
from tests.support.sessions import COOKIE, KEY, Browser
from tests.unit.config.configured import configured

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Visitors = Callable[..., Browser]

LONG = "a key of the tests that is long enough for all"

pytestmark = pytest.mark.filterwarnings("ignore::beaker.exceptions.BeakerWarning")


def by_keyword(**options: Any) -> Browser:
    return Browser(options)


def in_config(**options: Any) -> Browser:
    return Browser(config={f"session.{name}": value for name, value in options.items()})


# A session in a cookie needs the one, and None is a value of the other's own: no such attribute.
NAMES = [option["name"] for option in _core.option_table()]
GIVEN_NOTHING = sorted(set(NAMES) - {"validate_key", "samesite"})
WAYS = pytest.mark.parametrize("way", [by_keyword, in_config])


@pytest.mark.parametrize("name", GIVEN_NOTHING)
def test_none_is_an_option_that_was_not_given(visitors: Visitors, name: str) -> None:
    options = visitors().middleware.options
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visitor = Browser({**options, name: None} if name not in options else options)
        visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}


def test_none_for_every_option_is_the_same_as_no_options(empty_memory: None) -> None:
    nothing = dict.fromkeys(NAMES)
    del nothing["samesite"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visitor = Browser(nothing)
        visit = visitor.put(name="Ada")
    assert visit.cookie == f" {KEY}={visitor.id}; Path=/; SameSite=Lax"
    assert visitor.read() == {"name": "Ada"}
    assert visit.header("vary") == ["Cookie"]
    make: Any = Session
    assert make({}, **nothing).use_cookies is True


def test_none_is_the_default_in_the_middleware_too(memory: Backend) -> None:
    options = configured(**memory.options, invalidate_corrupt=None, save_accessed_time=None, timeout=300)
    assert (options["invalidate_corrupt"], options["save_accessed_time"]) == (True, True)
    assert configured({"session.timeout": 300}, timeout=None)["timeout"] is None


def test_none_keeps_a_hardened_default(memory: Backend) -> None:
    visitor = Browser(memory.options, profile="hardened", secret=LONG, secure=None, httponly=None)
    assert "; HttpOnly; " in visitor.put(name="Ada").cookie
    assert visitor.put(name="Ada").cookies == []


def test_the_originals_cookie_named_none_is_read(memory: Backend) -> None:
    before = Browser(memory.options, key="None")
    before.put(name="Ada")
    after = Browser(memory.options, key=None)
    after.jar = before.jar
    assert after.read() == {"name": "Ada"}
    assert after.jar == f"{KEY}={before.id}"


@pytest.mark.parametrize("none", ["", False, 0, b"", None, []])
def test_a_samesite_of_nothing_is_left_out(visitors: Visitors, none: Any) -> None:
    for given in ({"samesite": none}, {"config": {"session.samesite": none}}):
        assert "SameSite" not in visitors(**given).put(name="Ada").cookie


@pytest.mark.parametrize("nothing", ["", False, 0, []])
def test_a_false_value_is_unset_where_the_original_only_checks_truth(
    empty_memory: None, nothing: Any
) -> None:
    names = ("type", "data_dir", "cookie_domain", "lock_dir", "namespace_class")
    visitor = Browser(dict.fromkeys(names, nothing))
    assert visitor.put(name="Ada").cookie == f" {KEY}={visitor.id}; Path=/; SameSite=Lax"


def test_an_empty_path_is_left_out(visitors: Visitors) -> None:
    with pytest.warns(BeakerWarning, match="cookie_path"):
        visitor = visitors(cookie_path="")
    assert "Path" not in visitor.put(name="Ada").cookie
    with pytest.raises(ConfigurationError, match="cookie_path"):
        configured({"session.cookie_path": ""})


def test_a_path_that_browsers_ignore_earns_a_warning(visitors: Visitors) -> None:
    with pytest.warns(BeakerWarning, match="app"):
        assert "; Path=app; " in visitors(cookie_path="app").put(name="Ada").cookie


@WAYS
@pytest.mark.parametrize("option", ["secret", "validate_key", "encrypt_key"])
def test_a_boolean_is_its_text_where_a_key_is_needed(
    memory: Backend, option: str, way: Callable[..., Browser]
) -> None:
    options = COOKIE if option != "secret" else memory.options
    with pytest.warns(BeakerWarning, match=f"{option} is a boolean"):
        visitor = way(**{**options, option: True})
    visitor.put(name="Ada")
    again = Browser({**options, option: "True"})
    again.jar = visitor.jar
    assert again.read() == {"name": "Ada"}


def test_a_false_secret_is_none_by_keyword_and_text_in_a_config(memory: Backend) -> None:
    plain = by_keyword(**memory.options, secret=False)
    plain.put(name="Ada")
    assert plain.jar == f"{KEY}={plain.id}"
    signed = in_config(**memory.options, secret=False)
    signed.put(name="Ada")
    again = by_keyword(**memory.options, secret="False")
    again.jar = signed.jar
    assert again.read() == {"name": "Ada"}


@pytest.mark.parametrize(("given", "name"), [(True, "True"), (300, "300"), (1.5, "1.5"), (b"sid", "b'sid'")])
def test_a_name_is_the_text_of_what_is_given(visitors: Visitors, given: Any, name: str) -> None:
    for options in ({"key": given}, {"config": {"session.key": given}}):
        visitor = visitors(**options)
        visitor.put(name="Ada")
        assert str(visitor.jar).startswith(f"{name}=")
        assert visitor.read() == {"name": "Ada"}


def test_a_name_with_a_colon_earns_a_warning(visitors: Visitors) -> None:
    with pytest.warns(BeakerWarning, match=r"'?app:sid.*key_fallbacks"):
        visitor = visitors(key="app:sid")
    visitor.put(name="Ada")
    assert str(visitor.jar).startswith("app:sid=")
    assert visitor.read() == {"name": "Ada"}
    with pytest.warns(BeakerWarning, match="app:sid"):
        moved = visitors(key="sid", key_fallbacks=["app:sid"])
    moved.jar = visitor.jar
    assert moved.read() == {"name": "Ada"}


@pytest.mark.parametrize("option", ["timeout", "absolute_timeout"])
def test_a_timeout_may_have_a_fraction(visitors: Visitors, clock: Clock, option: str) -> None:
    visitor = visitors(**{option: 1.5})
    visitor.put(name="Ada")
    clock.advance(1.5)
    assert visitor.read() == {"name": "Ada"}
    clock.advance(1.6)
    assert visitor.read() == {}


def test_a_timeout_with_a_fraction_is_seen_as_it_is(backend: Backend) -> None:
    make: Any = Session
    session = make({}, timeout=1800.5, **backend.options)
    assert (session.timeout, session.namespace_args["timeout"]) == (1800.5, 1920.5)
    assert make({}, timeout=1800.0, **backend.options).namespace_args["timeout"] == 1920


def test_a_timeout_of_zero_earns_a_warning(visitors: Visitors) -> None:
    for nothing in (0, False, "0", 0.0):
        with pytest.warns(BeakerWarning, match="timeout = 0"):
            visitors(timeout=nothing)


def test_an_expiry_may_have_a_fraction(visitors: Visitors, clock: Clock) -> None:
    for given in ({"cookie_expires": 1800.5}, {"config": {"session.cookie_expires": 1800.5}}):
        with pytest.warns(BeakerWarning, match=r"cookie_expires is 1800\.5 seconds"):
            visitor = visitors(**given)
        assert "expires=Tue, 14-Nov-2023 22:43:20 GMT" in visitor.put(name="Ada").cookie
    assert coerce_session_params({"cookie_expires": 1800.5})["cookie_expires"] == timedelta(seconds=1800.5)


def test_an_expiry_of_none_in_a_config_is_2038_as_in_the_original(visitors: Visitors) -> None:
    assert "expires" not in visitors(cookie_expires=None).put(name="Ada").cookie
    dated = visitors(config={"session.cookie_expires": None})
    assert "expires=Tue, 19-Jan-2038" in dated.put(name="Ada").cookie


def test_an_expiry_with_a_time_zone_is_sent_in_utc(visitors: Visitors) -> None:
    zone = timezone(timedelta(hours=2))
    moment = datetime(2030, 1, 1, 1, 30, tzinfo=zone)
    visitor = visitors(cookie_expires=moment)
    assert "expires=Mon, 31-Dec-2029 23:30:00 GMT" in visitor.put(name="Ada").cookie
    naive = moment.replace(tzinfo=None)
    assert "01-Jan-2030 01:30:00 GMT" in visitors(cookie_expires=naive).put(name="Ada").cookie


@pytest.mark.parametrize(
    "domain", ["example.org:8080", "http://example.org", "example.org/app", "example.org/"]
)
def test_a_domain_that_is_not_a_host_is_refused(visitors: Visitors, domain: str) -> None:
    with pytest.raises(ConfigurationError, match="scheme, a port or a path") as raised:
        visitors(cookie_domain=domain)
    assert domain in str(raised.value)
    with pytest.raises(ConfigurationError, match="scheme, a port or a path"):
        visitors().visit(lambda session: setattr(session, "domain", domain))


@pytest.mark.parametrize("name", ["secure", "httponly", "auto", "vary"])
def test_an_empty_text_is_false_by_keyword_and_refused_in_a_config(name: str) -> None:
    assert configured(**{name: ""})[name] is False
    with pytest.raises(ConfigurationError, match=name):
        configured({f"session.{name}": ""})


@WAYS
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cookie_domain", True),
        ("cookie_path", True),
        ("samesite", True),
        ("samesite", b"Lax"),
        ("data_dir", ["/tmp"]),
        ("key", object()),
        ("secret", object()),
        ("secret", {"a": 1}),
        ("secret", ""),
        ("validate_key", ""),
        ("encrypt_key", ""),
        ("cookie_expires", [1]),
        ("cookie_expires", 0.0),
        ("encrypt_nonce_bits", 0),
        ("encrypt_nonce_bits", False),
    ],
)
def test_invalid_and_unsafe_values_are_refused(name: str, value: Any, way: Callable[..., Browser]) -> None:
    options = {} if name == "data_dir" else COOKIE
    with pytest.raises(ConfigurationError) as raised:
        way(**{**options, name: value})
    assert name in str(raised.value) or "nonce" in str(raised.value) or "name" in str(raised.value)


@pytest.mark.parametrize("path", ["~/sessions", Path("~/sessions")])
def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for given in ({"data_dir": path}, {"config": {"session.data_dir": path}}):
        visitor = Browser(given, type="file")
        assert visitor.middleware.options["data_dir"] == str(tmp_path / "home" / "sessions")
        visitor.put(name="Ada")
        assert visitor.read() == {"name": "Ada"}
    assert len(list((tmp_path / "home").glob("sessions/container_file/*/*/*.cache"))) == 2
    assert os.listdir(tmp_path) == ["home"]  # noqa: PTH208 - names


def test_sessions_in_a_folder_named_tilde_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("~/sessions").mkdir(parents=True)
    with pytest.warns(BeakerWarning, match="data_dir.*moved"):
        configured(type="file", data_dir="~/sessions")
