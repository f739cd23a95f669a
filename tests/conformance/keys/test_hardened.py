"""One option for new applications, and for those that have moved: `profile = hardened`."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException
from tests.conformance.keys.keyed import OTHER
from tests.support.sessions import COOKIE, KEY, Browser

if TYPE_CHECKING:
    from tests.support.sessions import Backend, Clock

KINDS: dict[str, dict[str, Any]] = {
    "a signed id": {"type": "memory", "secret": OTHER},
    "a signed session": {**COOKIE},
}
HOST = f"__Host-{KEY}"
VALUE = re.compile(r"v2\.[A-Za-z0-9_.-]+")


@pytest.fixture(params=KINDS)
def options(request: pytest.FixtureRequest, empty_memory: None) -> dict[str, Any]:
    """A kind of session."""
    return KINDS[request.param]


def hardened(*options: Any, **more: Any) -> Browser:
    return Browser(*options, **{"profile": "hardened", **more})


def test_the_cookie_is_as_safe_as_a_cookie_can_be(options: dict[str, Any]) -> None:
    visitor = hardened(options)
    visit = visitor.put(name="Ada")
    assert VALUE.fullmatch(visit.value)
    assert visit.cookie == f" {HOST}={visit.value}; HttpOnly; Path=/; SameSite=Lax; Secure"
    assert visitor.read() == {"name": "Ada"}


def test_a_cookie_with_the_name_that_there_was_before_goes_on(options: dict[str, Any]) -> None:
    old = Browser(options)
    old.put(name="Ada")
    visitor = hardened(options)
    visitor.jar = old.jar
    visit = visitor.visit(lambda session: session["name"])
    assert visit.result == "Ada"
    sent, taken = visit.cookies
    assert sent.startswith(f" {HOST}=v2.")
    assert taken.startswith(f" {KEY}=; expires=")
    assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize("where", [{"cookie_domain": "example.org"}, {"cookie_path": "/app"}])
def test_a_cookie_for_a_domain_or_a_path_has_the_secure_prefix(
    options: dict[str, Any], where: dict[str, str]
) -> None:
    visitor = hardened(options, where)
    cookie = visitor.put(name="Ada").cookie
    assert "__Host-" not in cookie
    assert cookie.startswith(f" __Secure-{KEY}=")
    assert "; Secure" in cookie
    assert visitor.read() == {"name": "Ada"}


def test_a_session_is_over_after_half_a_day(options: dict[str, Any], clock: Clock) -> None:
    visitor = hardened(options)
    visitor.put(name="Ada")
    clock.advance(43_200)
    assert visitor.read() == {"name": "Ada"}
    clock.advance(1)
    assert visitor.read() == {}


def test_no_cache_stores_a_response_that_sets_the_cookie(options: dict[str, Any]) -> None:
    visitor = hardened(options, save_accessed_time=False)
    assert visitor.put(name="Ada").header("cache-control") == ["no-store"]
    visit = visitor.visit(dict)
    assert (visit.cookies, visit.header("cache-control")) == ([], [])
    assert visitor.visit().header("cache-control") == []


def test_only_plain_values_are_unpickled(options: dict[str, Any]) -> None:
    visitor = hardened(options, invalidate_corrupt=False)
    visitor.put(name="Ada", tags={"one"})
    assert visitor.read() == {"name": "Ada", "tags": {"one"}}
    other = Browser(options, key=HOST, cookie_format=2, secure=True)
    other.put(own=Browser)
    with pytest.raises(BeakerException):
        visitor.visit(dict, cookie=other.jar)


def test_a_store_has_no_ids(memory: Backend) -> None:
    visitor = hardened(memory.options, secret=OTHER)
    visitor.put(name="Ada")
    session_id = visitor.visit(lambda session: session.id).result
    (stored,) = memory.texts()
    assert session_id not in stored
    assert stored.endswith("-sha256")
    # As it was in a process that has not been switched yet.
    visitor.visit(lambda session: session.delete())
    plain = hardened(memory.options, secret=OTHER, hash_ids=False)
    plain.put(name="Ada")
    visitor.jar = plain.jar
    assert visitor.read() == {"name": "Ada"}
    visitor.put(name="Grace")
    (stored,) = memory.texts()
    assert stored.endswith("-sha256")
    assert plain.read() == {"name": "Grace"}


def test_each_default_may_be_overridden(options: dict[str, Any], clock: Clock) -> None:
    visitor = hardened(
        options,
        cookie_format=1,
        httponly=False,
        secure=False,
        key="sid",
        absolute_timeout=None,
        no_store=False,
        pickle="any",
    )
    visit = visitor.put(name="Ada", own=Browser)
    assert visit.cookie == f" sid={visit.value}; Path=/; SameSite=Lax"
    assert not visit.value.startswith("v2.")
    assert visit.header("cache-control") == []
    clock.advance(100_000)
    assert visitor.read() == {"name": "Ada", "own": Browser}


def test_other_profiles_stay_as_they_were(options: dict[str, Any]) -> None:
    for profile in ("compatible", "Compatible"):
        visit = Browser(options, profile=profile).put(name="Ada")
        assert visit.cookie == f" {KEY}={visit.value}; Path=/; SameSite=Lax"
        assert visit.header("cache-control") == []


def test_a_profile_that_there_is_not_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BeakerException, match="profile"):
        Browser(options, profile="paranoid")


def test_a_hardened_session_on_a_server_needs_a_secret(empty_memory: None) -> None:
    with pytest.raises(BeakerException, match="secret"):
        hardened(type="memory")


def test_a_good_configuration_causes_no_warning(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hardened(options).put(name="Ada")


def test_partitioned_needs_secure(options: dict[str, Any]) -> None:
    cookie = Browser(options, partitioned=True, secure=True).put(name="Ada").cookie
    assert cookie.endswith("; Partitioned; Path=/; SameSite=Lax; Secure")
    with pytest.raises(BeakerException, match=r"(?i)partitioned"):
        Browser(options, partitioned=True)


def test_an_older_cookie_scope_gives_way_to_the_cookie_name(options: dict[str, Any]) -> None:
    old = Browser(options, cookie_domain="example.org", cookie_path="/app")
    old.put(name="Ada")
    visitor = hardened(options)
    visitor.jar = old.jar
    visit = visitor.put(more=1)
    # With a domain, or another path, a browser would not keep a cookie of this name.
    sent, *taken = visit.cookies
    assert sent.partition(";")[2] == " HttpOnly; Path=/; SameSite=Lax; Secure"
    assert sent.startswith(f" {HOST}=v2.")
    # The old one goes where it was, else it would be there again after a logout.
    assert [cookie for cookie in taken if "; Domain=example.org; " in cookie and "; Path=/app; " in cookie]
    assert all(cookie.startswith(f" {KEY}=; ") for cookie in taken)
    assert visitor.read() == {"name": "Ada", "more": 1}


def test_prefixes_of_names_are_kept_to(options: dict[str, Any]) -> None:
    for name in ("__Host-sid", "__Secure-sid", "__host-sid"):
        with pytest.raises(BeakerException, match=r"(?i)secure"):
            Browser(options, key=name)
    for more in ({"cookie_domain": "example.org"}, {"cookie_path": "/app"}):
        with pytest.raises(BeakerException, match="__Host-"):
            Browser(options, more, key="__Host-sid", secure=True)
        cookie = Browser(options, more, key="__Secure-sid", secure=True).put(name="Ada").cookie
        assert cookie.startswith(" __Secure-sid=")


def test_a_session_loses_its_domain_where_its_name_allows_none(
    options: dict[str, Any],
) -> None:
    old = Browser(options, cookie_domain="example.org", cookie_path="/")
    old.put(name="Ada")
    visitor = hardened(options)
    visitor.jar = old.jar
    visit = visitor.visit(lambda session: session["name"])
    assert visit.result == "Ada"
    assert visit.cookies[0].startswith(f" {HOST}=v2.")
    assert "Domain" not in visit.cookies[0]
    assert visitor.jar is not None
    assert KEY not in visitor.jar.replace(HOST, "")
    assert not any("Domain" in cookie for cookie in visitor.put(name="Grace").cookies)


def test_both_profiles_serve_one_browser_if_they_know_both_names(
    options: dict[str, Any],
) -> None:
    switched, unswitched = hardened(options), Browser(options, key_fallbacks=HOST)
    unswitched.put(visits=0)
    jar = unswitched.jar
    for visits, process in enumerate([switched, unswitched, switched, switched, unswitched, unswitched]):
        process.jar = jar
        assert process.read() == {"visits": visits}
        process.put(visits=visits + 1)
        jar = process.jar
        assert jar is not None
        assert jar.count(KEY) == 1
