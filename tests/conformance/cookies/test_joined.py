"""Cookie fields that a front end joined by commas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beaker.cookie import InvalidSignature, SignedCookie, SimpleCookie
from tests.support.fixtures import COOKIES, make_backend
from tests.support.sessions import KEY, Browser, name

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sessions import Backend

SECRET = "a secret of some length, for all of these applications"
PROTECTIONS: dict[str, dict[str, Any]] = {
    "unsigned": {},
    "signed": {"secret": SECRET},
    "format 2": {"secret": SECRET, "cookie_format": 2},
}


@pytest.fixture(params=[*PROTECTIONS, *COOKIES])
def protection(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options of each way to protect a cookie."""
    return PROTECTIONS.get(request.param) or COOKIES.get(request.param, {})


@pytest.fixture(params=["memory", "file", "python"])
def visitor(
    request: pytest.FixtureRequest, protection: dict[str, Any], tmp_path: Path, empty_memory: None
) -> Browser:
    """A browser with a session, whatever keeps it and protects its cookie."""
    made = Browser(make_backend(request.param, tmp_path).options, protection)
    made.put(name="Ada")
    return made


@pytest.mark.parametrize(
    "header",
    [
        "a=1, {}",
        "{}, a=1",
        "a=1, {}, b=2",
        "a=1; b=2, {}; c=3",
        "a=1,\t{} , b=2",
        'a="x, y", {}',
        "a=Thu, 01-Jan-1970 00:00:00 GMT, {}",
        "{}, " + KEY + "=bad",
        KEY + "=bad, {}",
    ],
)
def test_the_session_of_a_joined_field_is_found(visitor: Browser, header: str) -> None:
    assert visitor.visit(name, cookie=header.format(visitor.cookie)).result == "Ada"


def test_a_comma_without_white_space_joins_what_proves_to_be_ours(
    visitor: Browser, protection: dict[str, Any]
) -> None:
    found = visitor.visit(name, cookie=f"a=1,{visitor.cookie},b=2").result
    assert found == ("Ada" if protection else None)


@pytest.mark.parametrize("header", ['a="x, {}"', 'a="x\\", {}"', 'a="b=1,{}', "a={}"])
def test_text_in_the_quotes_of_another_cookie_is_not_ours(visitor: Browser, header: str) -> None:
    assert visitor.visit(name, cookie=header.format(visitor.cookie)).result is None


def test_values_between_semicolons_come_first(visitor: Browser, protection: dict[str, Any]) -> None:
    other = Browser(visitor.middleware.options)
    other.put(name="Eve")
    own = visitor.jar
    for header in (f"{own}; a=x, {other.jar}", f"a=x, {other.jar}; {own}", f"a=x,{other.jar}, b=1; {own}"):
        assert visitor.visit(name, cookie=header).result == "Ada"


def test_a_forged_neighbour_is_no_session(memory: Backend) -> None:
    visitor = Browser(memory.options, secret=SECRET)
    visitor.put(name="Ada")
    for value in (visitor.id, "0" * 40 + visitor.id):
        for header in (f"a=x, {KEY}={value}", f"a=x,{KEY}={value}"):
            visit = visitor.visit(lambda session: (name(session), session.is_new), cookie=header)
            assert visit.result == (None, True)
            assert visit.cookies == []


def test_an_id_with_commas_is_kept_whole(memory: Backend) -> None:
    from tests.support.sessions import opened

    for session_id in ("a,b", "a, b", "a,b=c", "a, b=c"):
        stored = opened(memory, session_id)
        stored["name"] = session_id
        stored.save()
        for header in (f"{KEY}={session_id}", f"{KEY}={session_id}; x=1"):
            assert Browser(memory.options).visit(name, cookie=header).result == session_id


@pytest.mark.parametrize("format_", COOKIES)
def test_a_neighbour_that_is_not_ours_is_no_corrupt_session(
    format_: str, recwarn: pytest.WarningsRecorder
) -> None:
    visitor = Browser(COOKIES[format_], invalidate_corrupt=False)
    assert visitor.visit(name, cookie=f"a=x, {KEY}=bad").result is None
    assert len(recwarn) == 0


def test_an_older_name_in_a_joined_field_is_read_and_taken_away(memory: Backend) -> None:
    older = Browser(memory.options, key="older", secret=SECRET)
    older.put(name="Ada")
    moved = Browser(memory.options, key_fallbacks="older", secret=SECRET)
    visit = moved.visit(name, cookie=f"a=1, {older.jar}")
    assert visit.result == "Ada"
    assert [cookie.partition("=")[0].strip() for cookie in visit.cookies] == [KEY, "older"]


def test_cookie_objects_read_joined_fields_too() -> None:
    cookie = SimpleCookie("a=1, b=2; c=3, c=4")
    assert {key: morsel.value for key, morsel in cookie.items()} == {"a": "1, b=2", "b": "2", "c": "3, c=4"}
    assert sorted(SimpleCookie("a=1,b=2")) == ["a"]


def test_a_joined_field_is_read_where_the_signature_is_good() -> None:
    made = SignedCookie(SECRET)
    made["id"] = "Ada"
    good = made["id"].coded_value
    for header in (
        f"a=1, id={good}",
        f"a=1,id={good}",
        f"id={good}, a=1",
        f"id={good},a=1",
        f"id={good}; a=1, id=bad",
        f"a=1, id={good}; id=bad",
    ):
        assert SignedCookie(SECRET, header)["id"].value == "Ada", header
    assert "id" not in SignedCookie(SECRET, "a=1, id=bad")
    assert SignedCookie(SECRET, "id=bad, a=1")["id"].value is InvalidSignature


PIECE = st.text(st.sampled_from('ab=,; "\\\t'), max_size=10)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=PIECE, after=PIECE, joint=st.sampled_from(["; ", ";", ", ", ",\t"]), is_signed=st.booleans())
@pytest.mark.slow
def test_no_neighbour_makes_a_session_anothers(
    empty_memory: None, before: str, after: str, joint: str, is_signed: bool
) -> None:
    visitor = Browser({"type": "memory"}, {"secret": SECRET} if is_signed else {})
    visitor.put(name="Ada")
    found = visitor.visit(name, cookie=f"{before}{joint}{visitor.jar}{joint}{after}").result
    assert found in {"Ada", None}
    if joint.startswith(";"):
        assert found == "Ada"
