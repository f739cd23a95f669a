"""The table of options: positions, attributes and defaults are what sessions do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.session import CookieSession, Session
from tests.compat.interop.original import original
from tests.unit.config.configured import configured
from tests.unit.config.option_values import positional

if TYPE_CHECKING:
    from pathlib import Path

TABLE = _core.option_table()
SHOWN = {option["attribute"]: option for option in TABLE if option["attribute"]}


def placed(position: str) -> list[str]:
    """The parameters of a constructor by the positions in the table."""
    found = {option[position]: option["name"] for option in TABLE if option[position]}
    return ["request", *(found[place] for place in sorted(found))]


def test_positional_arguments_are_those_of_the_original(oracle: Path) -> None:
    with original(oracle) as theirs:
        beakers = theirs.call(positional)
    for kind, position in (("Session", "session_position"), ("CookieSession", "cookie_session_position")):
        assert placed(position) == beakers[kind]


def test_positional_arguments_are_taken_in_their_order(empty_memory: None) -> None:
    make: Any = Session
    session = make({}, None, True, False, "memory", None, "sid", 300)
    assert (session.invalidate_corrupt, session.use_cookies, session.key, session.timeout) == (
        *(True, False),
        *("sid", 300),
    )
    make = CookieSession
    session = make({}, "sid", 300, validate_key="v")
    assert (session.key, session.timeout) == ("sid", 300)


@pytest.mark.parametrize("name", SHOWN)
def test_a_session_shows_an_option_with_its_documentation(name: str, empty_memory: None) -> None:
    session: Any = Session({})
    assert getattr(Session, name).__doc__ == f"`{SHOWN[name]['name']}`: {SHOWN[name]['meaning']}."
    shown = getattr(session, name)
    default = SHOWN[name]["default"]
    if default.startswith("`") and name != "type":
        assert f"`{shown}`" in default
    with pytest.raises(AttributeError):
        delattr(session, name)


def test_the_hardened_defaults_are_those_of_the_table(empty_memory: None) -> None:
    make: Any = Session
    session = make({}, profile="hardened", secret="s" * 32)
    shown = [option for option in SHOWN.values() if option["hardened"] in ("`True`", "`False`")]
    assert {option["name"]: f"`{getattr(session, option['attribute'])}`" for option in shown} == {
        option["name"]: option["hardened"] for option in shown
    }


def test_a_session_class_of_no_kind_is_named() -> None:
    for wrong, name in ((5, "int"), (dict, "dict")):
        with pytest.raises(Exception, match=f"session_class must be a subclass of .*, got {name}"):
            configured(session_class=wrong)
