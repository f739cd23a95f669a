"""Cookies as Python objects: what a browser sends never fails, what is sent to it is exact."""

import copy
import http.cookies
import pickle
import random
from collections.abc import Callable

import pytest

from beaker.cookie import InvalidSignature, SignedCookie, SimpleCookie
from tests.support.malformed import MALFORMED

SECRET = "a secret of the tests"


def signed(name: str, value: str) -> str:
    cookie = SignedCookie(SECRET)
    cookie[name] = value
    return cookie[name].coded_value


def test_a_signed_cookie_is_read_back() -> None:
    header = f"other=1; a={signed('a', 'b')}"
    cookie = SignedCookie(SECRET, input=header)
    assert cookie["a"].value == "b"
    assert isinstance(cookie["a"], http.cookies.Morsel)
    assert SignedCookie(SECRET.encode(), input=header)["a"].value == "b"


def test_a_quoted_signed_cookie_is_read_too() -> None:
    assert SignedCookie(SECRET, input=f'a="{signed("a", "b")}"')["a"].value == "b"


@pytest.mark.parametrize("value", ["b", "0" * 40, "0" * 40 + "b", "x" * 39, "é" * 50])
def test_a_signature_that_is_not_ours_has_a_value_of_its_own(value: str) -> None:
    found = SignedCookie(SECRET, input=f"a={value}")["a"].value
    assert found is InvalidSignature
    assert not found
    other = SignedCookie("another secret", input=f"a={signed('a', 'b')}")
    assert other["a"].value is InvalidSignature


def test_an_empty_signed_cookie_is_nothing() -> None:
    assert SignedCookie(SECRET, input="a=")["a"].value is None
    assert SignedCookie(SECRET, input='a=""')["a"].value is None


def test_of_several_signed_cookies_the_last_good_one_counts() -> None:
    good, better = signed("a", "good"), signed("a", "better")
    for header, expected in {
        f"a={good}; a=bad": "good",
        f"a=bad; a={good}": "good",
        f"a={good}; a={better}; a=; a={'0' * 50}": "better",
    }.items():
        assert SignedCookie(SECRET, input=header)["a"].value == expected


def test_the_mark_of_a_bad_signature_is_one_of_its_kind() -> None:
    assert copy.deepcopy(InvalidSignature) is InvalidSignature
    assert pickle.loads(pickle.dumps(InvalidSignature)) is InvalidSignature
    assert repr(InvalidSignature) == "InvalidSignature"


@pytest.mark.parametrize("neighbour", [*MALFORMED, "\ud800=1"])
def test_a_malformed_neighbour_is_skipped(neighbour: str) -> None:
    for header in (f"{neighbour}; a=1; b=2", f"a=1; {neighbour}; b=2", f"a=1; b=2; {neighbour}"):
        cookie = SimpleCookie(header)
        assert (cookie["a"].value, cookie["b"].value) == ("1", "2"), header


def test_a_request_sets_no_attributes() -> None:
    cookie = SimpleCookie(
        "a=1; Path=/evil; Domain=evil.example; Secure; HttpOnly; expires=never; SameSite=None; b=2"
    )
    assert sorted(cookie) == ["a", "b"]
    assert cookie["a"].output(header="") == " a=1"
    assert {"Path", "Domain", "expires", "SameSite"} <= cookie.bad_cookies


def test_of_several_cookies_the_last_counts() -> None:
    assert SimpleCookie("a=1; a=2; b=3")["a"].value == "2"


def test_quotes_go_on_input_and_never_come_on_output() -> None:
    cookie = SimpleCookie('a="x y"')
    assert cookie["a"].value == "x y"
    cookie["b"] = "x/y=z,w"
    assert cookie["b"].output(header="") == " b=x/y=z,w"


@pytest.mark.parametrize("value", ["a;b", "a\r\nb", "\x00", "a\x7f"])
def test_a_value_that_would_break_the_header_is_refused(value: str) -> None:
    for cookie in (SimpleCookie(), SignedCookie(SECRET)):
        with pytest.raises(http.cookies.CookieError):
            cookie["a"] = value


def test_attributes_are_in_the_order_of_their_names() -> None:
    cookie = SignedCookie(SECRET)
    cookie["key"] = "v"
    for name, value in {
        "secure": True,
        "samesite": "Lax",
        "path": "/",
        "httponly": True,
        "domain": "d",
    }.items():
        cookie["key"][name] = value
    assert cookie["key"].output(header="") == (
        f" key={signed('key', 'v')}; Domain=d; HttpOnly; Path=/; SameSite=Lax; Secure"
    )


def test_cookies_can_be_read_from_a_mapping() -> None:
    cookie = SimpleCookie({"a": "1", "bad name": "2"})
    assert cookie["a"].value == "1"
    assert cookie.bad_cookies == {"bad name"}
    with pytest.raises(TypeError):
        cookie.load(7)


def test_no_header_of_any_kind_raises() -> None:
    random.seed(5)
    alphabet = "ab=;, \"'\\[]{}()<>@:/?\t\x00\x1f\x7f\xe9\u2028\ud800$"
    for _ in range(3000):
        header = "".join(random.choices(alphabet, k=random.randrange(40)))
        SimpleCookie(header)
        SignedCookie(SECRET, header)


def test_beaker_and_we_read_each_others_signatures(in_beaker: Callable[..., str]) -> None:
    program = (
        "import sys; from beaker.session import SignedCookie as S; c = S(sys.argv[1]);"
        "c['a'] = 'theirs'; print(c['a'].coded_value, S(sys.argv[1], input='a=' + sys.argv[2])['a'].value)"
    )
    theirs, read = in_beaker(program, SECRET, signed("a", "ours")).split()
    assert read == "ours"
    assert SignedCookie(SECRET, input=f"a={theirs}")["a"].value == "theirs"
    assert theirs == signed("a", "theirs")
