"""Only safe text gets into a Set-Cookie header, by every way into it."""

from __future__ import annotations

import http.cookies
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beaker.cookie import SimpleCookie
from beaker.exceptions import BeakerException, ConfigurationError
from beaker.session import CookieSession, Session, SessionObject
from tests.support.sessions import COOKIE, Browser

if TYPE_CHECKING:
    from collections.abc import Callable

FLAGS = {"httponly", "secure", "partitioned"}
ATTRIBUTES = ["domain", "path", "expires", "comment", "version", "max-age", "samesite", *sorted(FLAGS)]
NAMES = ["id", "__Host-id", "__Secure-id"]

SPOILT = [
    "a;Domain=evil",
    "/; Secure",
    ";",
    "a\r\nX-Evil: 1",
    "a\rb",
    "a\nb",
    "a\0b",
    "a\tb",
    "a\x1bb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "a\ufeffb",
    "café",
    "a\ud800b",
]
"""Text that is valid in no attribute."""

WILD = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=12),
    st.text(st.sampled_from('a/=,; "\\\r\n\t\0\x7f\x85\u2028\ud800é.'), max_size=8),
    st.sampled_from(SPOILT),
)


class Touched:
    """A session of a program that changes its cookie last of all, when everything else is in it."""

    touch: Callable[[Any], None] | None = None

    def _set_cookie_values(self, expires: Any = None) -> None:
        super()._set_cookie_values(expires)  # type: ignore[misc]
        self._touch()

    def _set_cookie_http_only(self) -> None:
        # A session in a cookie calls nothing after this.
        super()._set_cookie_http_only()  # type: ignore[misc]
        self._touch()

    def _touch(self) -> None:
        if self.touch is not None:
            self.touch(self)


class TouchedSession(Touched, Session):
    """In a store."""


class TouchedCookieSession(Touched, CookieSession):
    """In its cookie."""


IN_COOKIE = {"validate_key": COOKIE["validate_key"]}
KINDS: dict[str, Callable[..., Any]] = {
    "proxy": lambda **options: SessionObject({}, type="memory", **options),
    "store": lambda **options: Session({}, type="memory", **options),
    "cookie": lambda **options: CookieSession({}, **IN_COOKIE, **options),
    "sealed cookie": lambda **options: CookieSession({}, **IN_COOKIE, cookie_format=2, **options),
}
TOUCHED: dict[str, Callable[..., Any]] = {
    "proxy": lambda **options: SessionObject({}, type="memory", session_class=TouchedSession, **options),
    "store": lambda **options: TouchedSession({}, type="memory", **options),
    "cookie": lambda **options: TouchedCookieSession({}, **IN_COOKIE, **options),
    "sealed cookie": lambda **options: TouchedCookieSession({}, **IN_COOKIE, cookie_format=2, **options),
}
REFILLED = {"path", "samesite", "expires"}
"""The attributes that the session itself writes into its Morsel each time."""


def pair_and_attributes(header: str) -> tuple[str, list[str]]:
    """A header as a browser takes it apart (RFC 6265, section 5.2)."""
    pair, *attributes = header.split(";")
    return pair.strip(), [attribute.strip() for attribute in attributes]


def written(session: Any) -> str:
    """The header after all that writes one."""
    session["name"] = "Ada"
    session._update_cookie_out()
    if isinstance(session, SessionObject):
        session.persist()
    session.save()
    header: str = session.request["cookie_out"]
    return header


def attempted(session: Any) -> tuple[str, str]:
    """The header, or the error that there is in place of one."""
    try:
        return written(session), ""
    except ConfigurationError as error:
        return "", str(error)


def sound(header: str, attributes: dict[str, Any]) -> None:
    """A header is printable ASCII, and has the attributes that were asked for and no others."""
    assert header.isascii()
    assert header.isprintable()
    _pair, found = pair_and_attributes(header)
    asked = [name for name, value in attributes.items() if value != "" and not (name in FLAGS and not value)]
    assert [attribute.partition("=")[0].lower() for attribute in found] == sorted(asked)


@pytest.mark.parametrize("kind", TOUCHED)
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=st.tuples(st.sampled_from(ATTRIBUTES), WILD), is_foreign=st.booleans())
@example(change=("domain", "a;Domain=evil"), is_foreign=False)
@example(change=("path", "/\u2028"), is_foreign=True)
@example(change=("version", "1; Domain=evil"), is_foreign=False)
@example(change=("samesite", "None; Path=/evil"), is_foreign=True)
def test_a_morsel_is_sent_unchanged_or_refused_by_its_attributes_name(
    empty_memory: None, kind: str, name: str, change: tuple[str, str], is_foreign: bool
) -> None:
    attribute, text = change

    def touch(session: Any) -> None:
        morsel = session.cookie[name]
        if is_foreign:
            # One of the standard library's, which checks nothing.
            own: Any = http.cookies.Morsel()
            own.set(name, morsel.value, morsel.coded_value)
            dict.update(own, morsel)
            session.cookie[name] = morsel = own
        dict.__setitem__(morsel, attribute, text)

    session = TOUCHED[kind](key=name, secure=True)
    session_id = session.id
    session.touch = touch
    header, error = attempted(session)
    if error:
        assert attribute in error.lower()
        assert session_id not in error
        return
    morsel = session.cookie[name]
    # Before CPython 3.14 the standard library's own does not know each attribute.
    sound(header, {known: morsel[known] for known in morsel if morsel.isReservedKey(known)})
    if attribute not in FLAGS and attribute != "comment" and text:
        sent = f"{http.cookies.Morsel._reserved[attribute]}={text}"  # type: ignore[attr-defined]
        assert sent in header.split("; ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", SPOILT)
@pytest.mark.parametrize("attribute", [name for name in ATTRIBUTES if name not in FLAGS | REFILLED])
def test_an_impossible_value_is_refused_in_every_attribute(
    empty_memory: None, kind: str, attribute: str, text: str
) -> None:
    session = KINDS[kind]()
    # A session in a cookie has none before it is saved.
    written(session)
    # Past the checks that later Pythons have of their own.
    dict.__setitem__(session.cookie[session.key], attribute, text)
    with pytest.raises(BeakerException, match=f"(?i){attribute}"):
        written(session)


@pytest.mark.parametrize("kind", TOUCHED)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=WILD)
@example(text="a; Domain=evil")
@example(text="a\u2028b")
def test_a_value_is_sent_as_it_is_or_refused_and_not_shown(empty_memory: None, kind: str, text: str) -> None:
    session = TOUCHED[kind]()
    session.touch = lambda own: setattr(own.cookie[own.key], "_coded_value", f"hunter2{text}")
    header, error = attempted(session)
    if error:
        assert "value" in error
        assert "hunter2" not in error
        return
    sound(header, dict(session.cookie[session.key]))
    assert header.split("; ")[0] == f" {session.key}=hunter2{text}"


WAYS: dict[str, Callable[[Any, str], Any]] = {
    "session.domain": lambda session, text: setattr(session, "domain", text),
    "session.path": lambda session, text: setattr(session, "path", text),
    "session.samesite": lambda session, text: setattr(session, "samesite", text),
    "session.key": lambda session, text: setattr(session, "key", text),
    "session.id": lambda session, text: setattr(session, "id", text),
    "_domain": lambda session, text: session.update(_domain=text),
    "_path": lambda session, text: session.update(_path=text),
}


@pytest.mark.slow
@pytest.mark.parametrize("asks_for_the_morsel", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=WILD)
def test_no_other_way_leads_around_the_rule(
    empty_memory: None, kind: str, way: str, asks_for_the_morsel: bool, text: str
) -> None:
    session = KINDS[kind]()
    if asks_for_the_morsel:
        written(session)
        assert session.cookie[session.key]["path"] == "/"
    try:
        WAYS[way](session, text)
        header = written(session)
    except (BeakerException, UnicodeEncodeError):
        return
    assert header.isascii()
    assert header.isprintable()
    _pair, found = pair_and_attributes(header)
    names = [attribute.partition("=")[0] for attribute in found]
    assert len(names) == len(set(names))
    assert set(names) <= {"Domain", "Path", "SameSite"}


@pytest.mark.parametrize("option", ["cookie_domain", "cookie_path", "samesite", "key"])
@pytest.mark.parametrize("text", SPOILT)
def test_an_option_that_no_cookie_can_carry_is_refused_at_once(
    empty_memory: None, option: str, text: str
) -> None:
    for kind in KINDS.values():
        with pytest.raises(BeakerException):
            written(kind(**{option: text}))


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"domain": "example.org"}, "domain"),
        ({"path": "/app"}, "path"),
        ({"path": ""}, "path"),
        ({"secure": ""}, "secure"),
    ],
)
def test_a_morsel_of_a_host_name_has_what_browsers_demand(
    empty_memory: None, attributes: dict[str, Any], why: str
) -> None:
    for kind in TOUCHED.values():
        session = kind(key="__Host-id", secure=True)
        session.touch = lambda own: own.cookie["__Host-id"].update(attributes)
        with pytest.raises(ConfigurationError, match=why):
            written(session)


@pytest.mark.parametrize("text", [*SPOILT, "a"])
def test_a_header_that_a_program_wrote_itself_is_looked_at_too(empty_memory: None, text: str) -> None:
    def own(session: Any) -> None:
        session.save()
        session.request["cookie_out"] = f" own=1; Comment={text}"

    visitor = Browser(type="memory")
    if text.isascii() and text.isprintable():
        assert visitor.visit(own).cookies == [f" own=1; Comment={text}"]
    else:
        with pytest.raises(ConfigurationError, match="Set-Cookie"):
            visitor.visit(own)


@pytest.mark.parametrize("text", SPOILT)
@pytest.mark.parametrize("attribute", [name for name in ATTRIBUTES if name not in FLAGS])
def test_a_cookie_apart_from_any_session_prints_no_such_attribute(attribute: str, text: str) -> None:
    cookie = SimpleCookie()
    cookie["a"] = "b"
    dict.__setitem__(cookie["a"], attribute, text)
    ways: list[Callable[[], str]] = [cookie["a"].output, cookie.output, lambda: str(cookie["a"])]
    for printed in ways:
        with pytest.raises(ConfigurationError, match=attribute):
            printed()
    assert "b" in repr(cookie["a"])
