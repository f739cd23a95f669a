"""Options: where they come from, what each takes, and how it is understood."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.exceptions import BeakerException, BeakerWarning, ConfigurationError
from beaker.middleware import SessionMiddleware
from beaker.session import Session, SessionObject
from beaker.util import coerce_session_params
from tests.unit.config.configured import application, configured

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sessions import Backend


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


def test_an_option_without_its_prefix_is_ignored_with_a_warning() -> None:
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
def test_an_unknown_option_earns_a_warning_with_the_nearest_name(unknown: str, meant: str) -> None:
    for given in ({f"session.{unknown}": "1"}, {f"beaker.session.{unknown}": "1"}):
        with pytest.warns(BeakerWarning, match=f"'{unknown}'.*'{meant}'") as caught:
            configured(given)
        assert len(caught) == 1
    with pytest.warns(BeakerWarning, match=f"'{unknown}'.*'{meant}'"):
        configured(**{unknown: "1"})


def test_an_unknown_option_without_a_near_name_earns_a_warning() -> None:
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
    names = {option["name"] for option in _core.option_table()}
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
def test_every_boolean_word_is_taken(name: str) -> None:
    assert [coerce_session_params({name: word})[name] for word in TRUE] == [True] * len(TRUE)
    assert [coerce_session_params({name: word})[name] for word in FALSE] == [False] * len(FALSE)


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize("value", ["perhaps", "", "2", "truee"])
def test_other_words_are_refused_for_a_boolean(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        coerce_session_params({name: value})


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("timeout", "300", 300),
        ("timeout", " 300 ", 300),
        ("timeout", 300, 300),
        ("timeout", "1800.5", 1800.5),
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
        ("timeout", "3.5.1"),
        ("max_sessions", "3.5"),
        ("timeout", -3.5),
        ("timeout", float("nan")),
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
        ("secret", ""),
        ("secret", "   "),
    ],
)
def test_an_invalid_value_is_refused(name: str, value: Any) -> None:
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


@pytest.mark.parametrize(
    "kind",
    ["cookie", "dbm", "ext:memcached", "ext:database", "ext:sqla", "ext:redis", "ext:mongodb", "ext:google"],
)
def test_a_missing_backend_is_named(kind: str) -> None:
    """One that is built needs options, and says which."""
    options: dict[str, Any] = {"type": kind}
    if kind == "cookie":
        options["validate_key"] = "v"
    try:
        configured(**options)
    except BeakerException as refusal:
        said = str(refusal)
        assert any(word in said for word in (kind, "data_dir", "url", "table is missing"))
    else:
        assert kind in ("dbm", "cookie", "ext:database", "ext:sqla", "ext:mongodb")


def test_sessions_see_coerced_options(memory: Backend) -> None:
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


def test_an_option_that_changes_the_options_breaks_nothing() -> None:
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
