"""Options: where they come from, what each takes, and what contradicts itself."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.exceptions import BeakerException, BeakerWarning, ConfigurationError
from beaker.middleware import SessionMiddleware
from beaker.session import Session, SessionObject
from beaker.util import coerce_session_params
from tests.session.kit import Literals

if TYPE_CHECKING:
    from pathlib import Path

    from tests.session.kit import Backend


def application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


def configured(config: Any = None, **kwargs: Any) -> dict[str, Any]:
    """The options of a middleware."""
    options: dict[str, Any] = SessionMiddleware(application, config, **kwargs).options
    return options


GOOD_KEYS = {"encrypt_key": "k" * 32, "validate_key": "v" * 32}
DEFAULTS = {
    "invalidate_corrupt": True,
    "type": None,
    "data_dir": None,
    "key": "beaker.session.id",
    "timeout": None,
    "save_accessed_time": True,
    "secret": None,
    "log_file": None,
}


def test_the_defaults_are_those_of_the_original() -> None:
    assert configured() == DEFAULTS
    assert configured({}) == DEFAULTS


@pytest.mark.parametrize("prefix", ["session.", "beaker.session."])
def test_a_config_holds_options_under_a_prefix(prefix: str) -> None:
    options = configured(
        {f"{prefix}key": "sid", f"{prefix}timeout": "300", "other.key": "x", "debug": "true"}
    )
    assert options == {**DEFAULTS, "key": "sid", "timeout": 300}


@pytest.mark.parametrize("name", ["key", "session.key", "beaker.session.key"])
def test_keyword_arguments_win_with_a_prefix_or_without(name: str) -> None:
    assert configured({"session.key": "config"}, **{name: "argument"})["key"] == "argument"


def test_keyword_arguments_are_coerced_as_the_config_is() -> None:
    assert configured(timeout="300", secure="true", auto="no") == {
        **DEFAULTS,
        "timeout": 300,
        "secure": True,
        "auto": False,
    }


def test_the_prefix_with_an_underscore_still_works_and_is_deprecated() -> None:
    with pytest.warns(DeprecationWarning, match=r"session\.key"):
        assert configured({"session_key": "sid"})["key"] == "sid"
    with pytest.warns(DeprecationWarning, match=r"session\.timeout"):
        assert configured(session_timeout="300")["timeout"] == 300


def test_session_class_is_an_option_and_no_deprecated_prefix() -> None:
    class Own(Session):
        pass

    assert configured(session_class=Own)["session_class"] is Own
    assert configured({"session.session_class": Own})["session_class"] is Own


def test_a_bare_name_of_an_option_in_a_config_earns_a_warning_and_no_effect() -> None:
    with pytest.warns(BeakerWarning, match=r"session\.timeout"):
        assert configured({"timeout": "300"})["timeout"] is None


def test_other_keys_of_a_config_are_not_ours() -> None:
    assert (
        configured({"debug": "true", "here": "/etc", "__file__": "x.ini", "cache.type": "memory", 5: 6})
        == DEFAULTS
    )


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("timout", "timeout"),
        ("http_only", "httponly"),
        ("data_serialiser", "data_serializer"),
        ("cookie_expire", "cookie_expires"),
    ],
)
def test_an_unknown_option_is_warned_of_with_the_nearest_one(unknown: str, meant: str) -> None:
    for given in ({f"session.{unknown}": "1"}, {f"beaker.session.{unknown}": "1"}):
        with pytest.warns(BeakerWarning, match=f"'{unknown}'.*'{meant}'") as caught:
            configured(given)
        assert len(caught) == 1
    with pytest.warns(BeakerWarning, match=f"'{unknown}'.*'{meant}'"):
        configured(**{unknown: "1"})


def test_an_unknown_option_that_resembles_none_is_warned_of_too() -> None:
    with pytest.warns(BeakerWarning, match="colour"):
        configured({"session.colour": "blue"})


def test_a_backend_of_the_applications_own_takes_arguments_of_its_own(written_in_python: Backend) -> None:
    options = configured(prefix="p", sizes=5, **written_in_python.options)
    assert options["prefix"] == "p"
    with pytest.warns(BeakerWarning, match="timeout"):
        configured(timout=5, **written_in_python.options)


def test_options_that_name_things_of_sqlalchemy_are_passed_on() -> None:
    assert configured({"session.sa.url": "sqlite://"})["sa.url"] == "sqlite://"


def test_every_option_is_known_by_its_name(tmp_path: Path) -> None:
    names = set(_core.option_names())
    read_in_the_wild = (
        "type cookie_expires key url data_dir auto validate_key timeout data_serializer secret "
        "encrypt_key secure httponly lock_dir cookie_domain save_accessed_time invalidate_corrupt "
        "memcache_module table_name samesite cookie_path namespace_class bind table session_class "
        "webtest_varname crypto_type encrypt_nonce_bits use_cookies log_file "
    )
    assert set(read_in_the_wild.split()) <= names


TRUE = ["true", "True", "TRUE", "yes", "on", "y", "t", "1", " true ", True, 1]
FALSE = ["false", "False", "no", "off", "n", "f", "0", False, 0]
BOOLEANS = ["secure", "httponly", "auto", "invalidate_corrupt", "use_cookies", "save_accessed_time", "vary"]


@pytest.mark.parametrize("name", BOOLEANS)
def test_a_boolean_is_any_word_for_one(name: str) -> None:
    assert [coerce_session_params({name: word})[name] for word in TRUE] == [True] * len(TRUE)
    assert [coerce_session_params({name: word})[name] for word in FALSE] == [False] * len(FALSE)


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize("value", ["perhaps", "", "2", "truee"])
def test_what_is_no_word_for_a_boolean_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        coerce_session_params({name: value})


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("timeout", "300", 300),
        ("timeout", " 300 ", 300),
        ("timeout", 300, 300),
        ("timeout", 0, 0),
        ("timeout", None, None),
        ("encrypt_nonce_bits", "128", 128),
        ("key", "sid", "sid"),
        ("secret", "s", "s"),
        ("secret", None, None),
        ("cookie_domain", ".example.org", ".example.org"),
        ("cookie_path", "/app", "/app"),
        ("samesite", "Strict", "Strict"),
        ("samesite", "none", "none"),
        ("samesite", None, None),
        ("cookie_expires", "true", True),
        ("cookie_expires", "1", True),
        ("cookie_expires", "false", False),
        ("cookie_expires", "0", False),
        ("cookie_expires", "300", timedelta(seconds=300)),
        ("cookie_expires", 300, timedelta(seconds=300)),
        ("cookie_expires", timedelta(days=1), timedelta(days=1)),
        ("cookie_expires", datetime(2030, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
        ("data_serializer", "json", "json"),
        ("unknown", "left as it is", "left as it is"),
        ("unknown", 5, 5),
    ],
)
def test_a_value_is_coerced_to_what_it_means(name: str, given: Any, meant: Any) -> None:
    params = {name: given}
    assert coerce_session_params(params) is params
    assert params == {name: meant}
    assert type(params[name]) is type(meant)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", "soon"),
        ("timeout", "-1"),
        ("timeout", -1),
        ("timeout", "3.5"),
        ("timeout", 3.5),
        ("timeout", ""),
        ("timeout", "9" * 30),
        ("timeout", timedelta(1)),
        ("encrypt_nonce_bits", "many"),
        ("cookie_expires", 0),
        ("cookie_expires", -1),
        ("cookie_expires", "-1"),
        ("cookie_expires", "soon"),
        ("cookie_expires", "00"),
        ("cookie_expires", object()),
        ("key", ""),
        ("key", None),
        ("secret", ""),
        ("secret", "   "),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        coerce_session_params({name: value})
    with pytest.raises(ConfigurationError):
        configured(**{name: value})


def test_a_refusal_is_a_beaker_exception_and_a_value_error() -> None:
    with pytest.raises(BeakerException):
        configured(timeout="soon")
    with pytest.raises(ValueError, match="timeout"):
        configured(timeout="soon")


def test_a_refusal_does_not_show_the_value() -> None:
    for name in ("timeout", "secure", "cookie_expires", "encrypt_nonce_bits"):
        with pytest.raises(ConfigurationError) as caught:
            configured(**{name: "hunter2"})
        assert "hunter2" not in str(caught.value)


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "a samesite of no kind": {"samesite": "Sometimes"},
    "samesite None without secure": {"samesite": "None"},
    "samesite none without secure": {"samesite": "none", "secure": "false"},
    "a line in the path": {"cookie_path": "/\r\nX-Evil: 1"},
    "a line in the domain": {"cookie_domain": "example.org\nX-Evil: 1"},
    "a semicolon in the path": {"cookie_path": "/;Secure"},
    "a semicolon in the domain": {"cookie_domain": "example.org;Secure"},
    "a path that is not ASCII": {"cookie_path": "/é"},
    "a name with a space": {"key": "session id"},
    "a name with a semicolon": {"key": "a;b"},
    "a name with an equals sign": {"key": "a=b"},
    "a name with a line": {"key": "a\r\nb"},
    "a name that is not ASCII": {"key": "café"},
    "__Host- with a domain": {"key": "__Host-id", "secure": True, "cookie_domain": "example.org"},
    "__Host- with a path": {"key": "__Host-id", "secure": True, "cookie_path": "/app"},
    "__Host- without secure": {"key": "__Host-id"},
    "__Secure- without secure": {"key": "__Secure-id"},
    "a timeout without access times": {"timeout": 300, "save_accessed_time": False},
    "a timeout without access times, from an ini file": {"timeout": "300", "save_accessed_time": "false"},
    "a nonce of too few bits": {"encrypt_key": "k", "validate_key": "v", "encrypt_nonce_bits": 47},
    "a nonce of too few bits and no key yet": {"encrypt_nonce_bits": 40},
    "a nonce of no bits": {"encrypt_key": "k", "validate_key": "v", "encrypt_nonce_bits": "0"},
    "encryption without a validate_key": {"encrypt_key": "k"},
    "encryption by an unknown module": {"encrypt_key": "k", "validate_key": "v", "crypto_type": "rot13"},
    "an unknown module and no key yet": {"crypto_type": "rot13"},
    "encryption by nothing": {"encrypt_key": "k", "validate_key": "v", "crypto_type": "noencryption"},
    "pickles denied and used": {"pickle": "deny"},
    "pickles denied and named": {"pickle": "deny", "data_serializer": "pickle"},
    "a pickle of no kind": {"pickle": "sometimes"},
    "classes for no allow-list": {"pickle_allow": "shop.models.Cart"},
    "a class that is no name": {"pickle": "allowlist", "pickle_allow": "shop.models.Cart()"},
    "a class without a module": {"pickle": "allowlist", "pickle_allow": "Cart"},
    "a serializer of no kind": {"data_serializer": "yaml"},
    "a serializer without dumps": {"data_serializer": object()},
    "an expiry of no seconds": {"cookie_expires": 0},
    "an expiry in the past": {"cookie_expires": -300},
    "an expiry past all years": {"cookie_expires": 10**12},
    "a class of sessions that is none": {"session_class": dict},
    "a class of backends that is none": {"namespace_class": "memory"},
    "a type of no kind": {"type": "no_such_backend"},
    "an extension that is not there": {"type": "ext:no_such_backend"},
    "a cookie in no known format": {"secret": "s" * 32, "cookie_format": 3},
    "format 2 without a secret": {"cookie_format": 2},
    "a hardened session without a secret": {"profile": "hardened"},
    "a profile of no kind": {"profile": "paranoid"},
    "an empty list of secrets": {"secret": []},
    "a list with an empty secret": {"secret": ["s" * 32, " "]},
    "older secrets without one": {"secret_fallbacks": ["s" * 32]},
    "a secret here and in a file": {"secret": "s" * 32, "secret_file": "/etc/hostname"},
    "a file of keys that is not there": {"secret_file": "/nowhere/secret"},
    "a file of keys that is a folder": {"secret_file": "/"},
    "an older name that is no token": {"key_fallbacks": ["old name"]},
    "partitioned without secure": {"partitioned": True},
    "concurrency of no kind": {"concurrency": "hope"},
    "a negative wait": {"lock_timeout": -1},
    "a lock on a cookie": {"type": "cookie", **GOOD_KEYS, "concurrency": "lock"},
    "an epoch for sessions in a store": {"session_epoch": 0},
    "an epoch at no time": {"session_epoch": "soon"},
    "an absolute timeout below nothing": {"absolute_timeout": -1},
}


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_what_cannot_be_meant_is_refused_when_the_middleware_is_built(contradiction: str) -> None:
    options = CONTRADICTIONS[contradiction]
    with pytest.raises(BeakerException):
        configured(**options)
    with pytest.raises(BeakerException):
        configured({f"session.{name}": value for name, value in options.items()})


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_what_cannot_be_meant_is_refused_by_the_session_itself(contradiction: str) -> None:
    make: Any = Session
    with pytest.raises(BeakerException):
        make({}, **CONTRADICTIONS[contradiction])


@pytest.mark.parametrize(
    "options",
    [
        {"samesite": "None", "secure": True},
        {"key": "__Host-id", "secure": True},
        {"key": "__Secure-id", "secure": "yes", "cookie_path": "/app"},
        {"timeout": None, "save_accessed_time": False},
        {**GOOD_KEYS, "encrypt_nonce_bits": 48},
        {**GOOD_KEYS, "crypto_type": "pycryptodome"},
        {"pickle": "deny", "data_serializer": "json"},
        {"pickle": "allowlist"},
        {"pickle": "allowlist", "pickle_allow": "shop.models.Cart,\n shop.Order"},
        {"data_serializer": Literals()},
        {"validate_key": "v"},
        {"secret": ["s" * 32, b"t" * 32], "cookie_format": "2", "key_fallbacks": "sid, old.sid"},
        {"secret": "s" * 32, "profile": "hardened", "absolute_timeout": "3600"},
        {"type": "cookie", **GOOD_KEYS, "session_epoch": "2026-01-31T12:00:00Z"},
        {"secret": "s" * 32, "secret_fallbacks": "t" * 32 + "\n" + "u" * 32},
        {"secure": True, "partitioned": "true", "no_store": "yes"},
        {"concurrency": "lock", "lock_timeout": "5"},
        {"concurrency": "Beaker"},
        {"type": "cookie", **GOOD_KEYS, "concurrency": "merge"},
    ],
)
def test_what_can_be_meant_is_taken(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        configured(**options)


@pytest.mark.parametrize(
    "kind",
    ["cookie", "dbm", "ext:memcached", "ext:database", "ext:sqla", "ext:redis", "ext:mongodb", "ext:google"],
)
def test_a_backend_that_is_not_built_yet_says_so_clearly(kind: str) -> None:
    """One that is built needs options, and says which."""
    options: dict[str, Any] = {"type": kind}
    if kind == "cookie":
        options["validate_key"] = "v"
    try:
        configured(**options)
    except BeakerException as refusal:
        said = str(refusal)
        assert kind in said or "data_dir" in said or "url" in said
    else:
        assert kind in ("dbm", "cookie")


def test_coerced_options_are_the_ones_that_sessions_see(memory: Backend) -> None:
    made = SessionMiddleware(application, {"session.timeout": "300", "session.httponly": "true"})
    session: Any = made._get_session()
    assert session.timeout == 300
    assert session.httponly is True
    assert session.use_cookies is False


def test_a_session_coerces_what_it_is_given_directly(memory: Backend) -> None:
    make: Any = Session
    session = make({}, timeout="300", secure="true", use_cookies="false")
    assert (session.timeout, session.secure, session.use_cookies) == (300, True, False)
    with pytest.raises(ConfigurationError):
        make({}, timeout="soon")


def test_a_config_is_not_changed() -> None:
    config = {"session.timeout": "300", "debug": "true"}
    configured(config)
    assert config == {"session.timeout": "300", "debug": "true"}


def test_an_option_that_changes_the_options_when_it_is_read_breaks_nothing() -> None:
    proxy: Any = SessionObject({})
    params = proxy.__dict__["_params"]

    class Path:
        def __str__(self) -> str:
            params[f"added {len(params)}"] = True
            return "/"

    params["cookie_path"] = Path()
    params["key"] = "sid"
    assert proxy.path == "/"
    assert proxy.key == "sid"
