"""One cookie and its attributes, as applications change them."""

from __future__ import annotations

import copy
import http.cookies
import pickle

import pytest

from beaker.cookie import Morsel, SignedCookie, SimpleCookie

SECRET = "a secret of the tests"


@pytest.fixture(params=["simple", "signed"])
def cookie(request: pytest.FixtureRequest) -> SimpleCookie:
    """A cookie called `a`."""
    cookie = SimpleCookie() if request.param == "simple" else SignedCookie(SECRET)
    cookie["a"] = "b"
    return cookie


def attributes(cookie: SimpleCookie) -> str:
    return cookie["a"].output(header="").partition("; ")[2]


def test_a_cookie_may_be_partitioned(cookie: SimpleCookie) -> None:
    for name, value in {
        "secure": True,
        "samesite": "None",
        "path": "/",
        "httponly": True,
        "domain": "d",
        "partitioned": True,
        "max-age": 60,
    }.items():
        cookie["a"][name] = value
    assert attributes(cookie) == (
        "Domain=d; HttpOnly; Max-Age=60; Partitioned; Path=/; SameSite=None; Secure"
    )


def test_a_cookie_is_not_partitioned_unless_it_is_said(cookie: SimpleCookie) -> None:
    assert attributes(cookie) == ""
    for value in (False, "", None):
        cookie["a"]["Partitioned"] = value
        assert attributes(cookie) == ""


def test_a_name_that_is_no_attribute_is_refused(cookie: SimpleCookie) -> None:
    with pytest.raises(http.cookies.CookieError):
        cookie["a"]["partition"] = True
    assert cookie["a"].isReservedKey("PARTITIONED")
    assert not http.cookies.Morsel().isReservedKey("partition")


def test_cookies_from_a_request_and_new_ones_are_of_one_class(cookie: SimpleCookie) -> None:
    cookie.load({"c": "d"})
    request = SimpleCookie("x=y")
    for morsel in (cookie["a"], cookie["c"], request["x"]):
        assert type(morsel) is Morsel
        assert isinstance(morsel, http.cookies.Morsel)


def test_a_cookie_keeps_its_attributes_when_its_value_is_set(cookie: SimpleCookie) -> None:
    cookie["a"]["partitioned"] = True
    cookie["a"] = "c"
    assert cookie["a"].value == "c"
    assert attributes(cookie) == "Partitioned"


def test_a_morsel_that_an_application_made_is_taken_as_it_is(cookie: SimpleCookie) -> None:
    own: http.cookies.Morsel[str] = http.cookies.Morsel()
    own.set("a", "x", "y")
    cookie["a"] = own
    assert cookie["a"] is own


def test_a_copy_is_the_same_cookie(cookie: SimpleCookie) -> None:
    cookie["a"]["partitioned"] = True
    morsel = cookie["a"]
    for made in (morsel.copy(), copy.copy(morsel), copy.deepcopy(morsel), pickle.loads(pickle.dumps(morsel))):
        assert type(made) is Morsel
        assert made == morsel
        assert made is not morsel
        assert made.output() == morsel.output()
    assert pickle.loads(pickle.dumps(cookie))["a"] == morsel
    assert SimpleCookie({"a": morsel})["a"] is morsel
