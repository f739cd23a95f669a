"""Cookies move from format 1 to format 2 and back, and to another name, without a logout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from beaker.cookie import InvalidSignature, SignedCookie
from beaker.exceptions import BeakerException, BeakerWarning
from tests.conformance.keys.keyed import NEW, OLD, OTHER
from tests.support.format2 import stamped
from tests.support.sessions import COOKIE, KEY, START, UNKNOWN_ID, Browser

if TYPE_CHECKING:
    from tests.support.sessions import Clock

KINDS: dict[str, dict[str, Any]] = {
    "a signed id": {"type": "memory", "secret": OTHER},
    "a signed session": {**COOKIE},
    "an encrypted session": {**COOKIE, "encrypt_key": OTHER},
}


@pytest.fixture(params=KINDS)
def options(request: pytest.FixtureRequest, empty_memory: None) -> dict[str, Any]:
    """A kind of session whose cookie has a format."""
    return KINDS[request.param]


def given(jar: str | None, *options: Any, **more: Any) -> Browser:
    visitor = Browser(*options, **more)
    visitor.jar = jar
    return visitor


def is_format_2(visitor: Browser) -> bool:
    return visitor.value.startswith("v2.")


@pytest.mark.parametrize("written", [1, 2, "1", "2"])
def test_the_option_says_which_format_is_written(options: dict[str, Any], written: Any) -> None:
    visitor = Browser(options, cookie_format=written)
    visitor.put(name="Ada")
    assert is_format_2(visitor) == (int(written) == 2)
    assert visitor.read() == {"name": "Ada"}


def test_format_1_is_written_unless_it_is_said(options: dict[str, Any]) -> None:
    visitor = Browser(options)
    visitor.put(name="Ada")
    assert not is_format_2(visitor)


@pytest.mark.parametrize("before", [1, 2])
@pytest.mark.parametrize("keeps_time", [True, False])
def test_the_other_format_is_read_and_written_again(
    options: dict[str, Any], before: int, keeps_time: bool
) -> None:
    old = Browser(options, cookie_format=before)
    old.put(name="Ada", nested=[1])
    old_id = old.visit(lambda session: session.id).result
    new = given(old.jar, options, cookie_format=3 - before, save_accessed_time=keeps_time)
    visit = new.visit(lambda session: (session["name"], session.id, session.is_new))
    assert visit.result == ("Ada", old_id, False)
    assert len(visit.cookies) == 1
    assert is_format_2(new) == (before == 1)
    assert new.read() == {"name": "Ada", "nested": [1]}


def test_a_request_that_does_not_use_the_session_leaves_its_format(options: dict[str, Any]) -> None:
    old = Browser(options)
    old.put(name="Ada")
    assert given(old.jar, options, cookie_format=2).visit().cookies == []


def test_a_format_and_a_key_change_together(empty_memory: None) -> None:
    for option, kind in (("secret", {"type": "memory"}), ("validate_key", {"type": "cookie"})):
        old = Browser(kind, {option: OLD})
        old.put(name="Ada")
        new = given(old.jar, kind, {option: [NEW, OLD]}, cookie_format=2)
        assert new.read() == {"name": "Ada"}
        assert given(new.jar, kind, {option: NEW}, cookie_format=2).read() == {"name": "Ada"}


def test_an_id_of_format_2_is_stamped_with_the_time(empty_memory: None, clock: Clock) -> None:
    clock.now = START + 0.75
    visitor = Browser(secret=OTHER, cookie_format=2)
    visit = visitor.put(name="Ada")
    assert visit.value == stamped(OTHER, KEY, visit.session.id, int(START))
    assert re.fullmatch(r"v2\.[A-Za-z0-9_-]{43}\.1700000000\.[0-9a-f]{32}", visit.value)


def test_a_value_of_format_2_is_refused_under_another_name(options: dict[str, Any]) -> None:
    visitor = Browser(options, key="one", cookie_format=2)
    visitor.put(name="Ada")
    header = f"two={visitor.value}"
    other = Browser(options, key="two", cookie_format=2)
    if options["type"] == "cookie":
        with pytest.warns(BeakerWarning, match="Invalid signature"):
            visit = other.visit(lambda session: (session.is_new, session.get("name")), cookie=header)
    else:
        visit = other.visit(lambda session: (session.is_new, session.get("name")), cookie=header)
    assert visit.result == (True, None)


def test_a_value_of_format_1_is_good_under_any_name_as_ever(options: dict[str, Any]) -> None:
    visitor = Browser(options, key="one")
    visitor.put(name="Ada")
    header = f"two={visitor.value}"
    assert Browser(options, key="two").visit(lambda session: session["name"], cookie=header).result == "Ada"


def test_a_signed_id_is_no_session_and_a_session_no_signed_id(empty_memory: None) -> None:
    for written in (1, 2):
        keyed = {"secret": OTHER, "validate_key": OTHER, "cookie_format": written}
        stored, kept = Browser(keyed, type="memory"), Browser(keyed, type="cookie")
        stored.put(name="Ada")
        kept.put(name="Ada")
        with pytest.raises(BeakerException):
            Browser(keyed, type="cookie", invalidate_corrupt=False).visit(dict, cookie=stored.jar)
        visit = Browser(keyed, type="memory").visit(lambda session: session.is_new, cookie=kept.jar)
        assert visit.result is True


def test_a_sealed_session_is_no_signed_value(empty_memory: None) -> None:
    kept = Browser(COOKIE, cookie_format=2)
    kept.put(name="Ada")
    assert SignedCookie(COOKIE["validate_key"], input=kept.jar)[KEY].value is InvalidSignature


def test_format_2_on_a_server_needs_a_secret(empty_memory: None) -> None:
    with pytest.raises(BeakerException, match="secret"):
        Browser(type="memory", cookie_format=2)


def test_a_stamped_id_that_the_store_does_not_know_is_not_adopted(empty_memory: None) -> None:
    visitor = Browser(secret=OTHER, type="memory", cookie_format=2)
    header = f"{KEY}={stamped(OTHER, KEY, UNKNOWN_ID, int(START))}"
    assert visitor.visit(lambda session: session.id, cookie=header).result != UNKNOWN_ID


NAMES = pytest.mark.parametrize("written", [1, 2])


@NAMES
def test_an_older_name_is_read_and_the_new_one_written(options: dict[str, Any], written: int) -> None:
    old = Browser(options, key="old.id", cookie_format=written)
    old.put(name="Ada")
    for older in (["old.id"], "old.id", "older.id, old.id"):
        new = given(old.jar, options, key="sid", key_fallbacks=older, cookie_format=written)
        visit = new.visit(lambda session: session["name"])
        assert visit.result == "Ada"
        sent, taken = visit.cookies
        assert sent.startswith(" sid=")
        assert taken.startswith(" old.id=; expires=")
        assert new.jar == sent.partition(";")[0].strip()
        assert new.read() == {"name": "Ada"}


@NAMES
def test_the_newest_name_counts_when_a_browser_sends_both(options: dict[str, Any], written: int) -> None:
    old = Browser(options, key="old.id", cookie_format=written)
    new = Browser(options, key="sid", cookie_format=written)
    old.put(name="old")
    new.put(name="new")
    visitor = Browser(options, key="sid", key_fallbacks=["old.id"], cookie_format=written)
    for header in (f"{old.jar}; {new.jar}", f"{new.jar}; {old.jar}"):
        assert visitor.visit(lambda session: session["name"], cookie=header).result == "new"


@NAMES
def test_a_name_that_is_not_listed_is_not_read(options: dict[str, Any], written: int) -> None:
    old = Browser(options, key="old.id", cookie_format=written)
    old.put(name="Ada")
    visit = Browser(options, key="sid", key_fallbacks=["other.id"], cookie_format=written).visit(
        lambda session: session.is_new, cookie=old.jar
    )
    assert visit.result is True


def test_an_older_name_that_is_no_token_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BeakerException):
        Browser(options, key_fallbacks=["a;b"])


def test_the_name_that_the_cookie_has_is_none_of_its_older_names(options: dict[str, Any]) -> None:
    visitor = Browser(options, key="sid", key_fallbacks="sid, old.id, old.id")
    for name in ("Ada", "Grace"):
        assert " sid=" not in "".join(visitor.put(name=name).cookies[1:])
        assert visitor.read() == {"name": name}
    old = Browser(options, key="old.id")
    old.put(name="Ada")
    (_, taken) = visitor.visit(dict, cookie=old.jar).cookies
    assert taken.startswith(" old.id=; expires=")


@pytest.mark.parametrize("name", ["__Host-sid", "__Secure-sid", "__host-sid"])
def test_an_older_prefixed_name_is_removed_as_its_prefix_demands(name: str) -> None:
    old = Browser(COOKIE, key=name, secure=True)
    old.put(name="Ada")
    new = given(old.jar, COOKIE, key="sid", key_fallbacks=[name], cookie_domain="example.org")
    taken = new.visit(lambda session: session.delete()).cookies[1:]
    assert taken, "the cookie stays"
    for cookie in taken:
        assert cookie.startswith(f" {name}=; ")
        assert cookie.endswith("; Secure")
    assert any("; Domain=" in cookie for cookie in taken) == name.startswith("__S")


def test_an_older_cookie_is_removed_from_its_own_domain_and_path() -> None:
    old = Browser(COOKIE, key="old.id", cookie_domain="example.org", cookie_path="/app")
    old.put(name="Ada")
    for work in (dict, lambda session: session.delete(), lambda session: session.invalidate()):
        new = given(old.jar, COOKIE, key="sid", key_fallbacks=["old.id"])
        (_, *taken) = new.visit(work).cookies
        places = [cookie.partition("GMT; ")[2] for cookie in taken if cookie.startswith(" old.id=; ")]
        assert "Path=/; SameSite=Lax" in places
        assert any("; Domain=example.org; expires=" in c and "; Path=/app; " in c for c in taken), taken
