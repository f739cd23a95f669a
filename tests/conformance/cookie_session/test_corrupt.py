"""Cookies that are not ours, or no longer whole: one bad cookie ends no more than itself."""

from __future__ import annotations

import base64
import pickle
import random
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, BeakerWarning, CorruptSessionError
from tests.conformance.cookie_session.plain import made, signed
from tests.support.malformed import MALFORMED
from tests.support.sessions import COOKIE, KEY, UNKNOWN_ID, Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    Cookies = Callable[..., Browser]

NOT_SIGNED = ["x", "0" * 40, "0" * 200, "a" * 39, "é" * 50, "v2.", "v2.AAAA", "v2." + "A" * 200, "%00", '"x"']
NOT_DECODABLE = {
    "no base64": signed("!!!"),
    "no pickle": signed(base64.b64encode(b"no pickle").decode()),
    "no padding": signed("abc"),
    "a list": signed(base64.b64encode(pickle.dumps([1], 2)).decode()),
    "text": signed(base64.b64encode(pickle.dumps("text", 2)).decode()),
    "nothing": signed(""),
}


@pytest.mark.parametrize("value", NOT_SIGNED)
def test_a_value_that_we_did_not_sign_is_an_invalid_signature(cookies: Cookies, value: str) -> None:
    visitor = cookies(invalidate_corrupt=False)
    with pytest.raises(BeakerException, match=r"^Invalid signature$") as raised:
        visitor.visit(dict, cookie=f"{KEY}={value}")
    assert isinstance(raised.value, CorruptSessionError)


@pytest.mark.parametrize("value", NOT_SIGNED)
def test_a_forged_cookie_becomes_a_new_session_with_a_warning(cookies: Cookies, value: str) -> None:
    visitor = cookies()

    def work(session: Any) -> tuple[Any, ...]:
        return session.is_new, session.was_invalidated, session.last_accessed

    with pytest.warns(BeakerWarning, match="Invalid signature"):
        visit = visitor.visit(work, cookie=f"{KEY}={value}")
    assert visit.result == (True, True, None)
    assert len(visit.cookies) == 1
    assert visitor.visit(lambda session: session.is_new).result is False


@pytest.mark.parametrize("value", NOT_DECODABLE.values(), ids=NOT_DECODABLE)
def test_a_signed_cookie_that_cannot_be_decoded_is_corrupt(value: str) -> None:
    with pytest.raises(CorruptSessionError):
        Browser(COOKIE, invalidate_corrupt=False).visit(dict, cookie=f"{KEY}={value}")
    visitor = Browser(COOKIE)
    with pytest.warns(BeakerWarning, match="cannot be decoded|corrupt"):
        visit = visitor.visit(lambda session: session.is_new, cookie=f"{KEY}={value}")
    assert visit.result is True
    assert len(visit.cookies) == 1


def test_an_empty_cookie_is_none(cookies: Cookies) -> None:
    for cookie in (f"{KEY}=", f'{KEY}=""', "", "other=1"):
        visit = cookies(invalidate_corrupt=False).visit(lambda session: session.is_new, cookie=cookie)
        assert (visit.result, visit.cookies) == (True, [])


def test_a_session_that_is_not_used_is_not_looked_at(cookies: Cookies) -> None:
    assert cookies(invalidate_corrupt=False).visit(cookie=f"{KEY}=bad").cookies == []


def test_a_warning_and_an_error_show_neither_the_cookie_nor_a_key(cookies: Cookies) -> None:
    other = cookies(validate_key="another validation key, of which nobody hears")
    other.put(name="Ada")
    visitor = cookies()
    with pytest.warns(BeakerWarning) as caught:
        visit = visitor.visit(lambda session: session.id, cookie=other.jar)
    told = [str(warning.message) for warning in caught]
    with pytest.raises(BeakerException) as raised:
        cookies(invalidate_corrupt=False).visit(dict, cookie=other.jar)
    assert other.jar is not None
    value = other.jar.partition("=")[2]
    for text in [*told, str(raised.value), repr(raised.value)]:
        assert value not in text
        assert value[-32:] not in text
        assert visit.result not in text
        assert COOKIE["validate_key"] not in text


def test_a_quoted_cookie_is_read(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")
    assert visitor.jar is not None
    name, _, value = visitor.jar.partition("=")
    assert visitor.visit(lambda session: session["name"], cookie=f'{name}="{value}"').result == "Ada"


def test_every_flipped_bit_and_every_truncation_is_refused(cookies: Cookies) -> None:
    visitor = cookies(invalidate_corrupt=False)
    visitor.put(n=1)
    assert visitor.jar is not None
    name, _, value = visitor.jar.partition("=")
    random.seed(7)
    # Each place once, with a bit of it by chance: all bits of all places are tried in Rust.
    forged = [
        value[:at] + chr(ord(value[at]) ^ 1 << random.randrange(7)) + value[at + 1 :]
        for at in range(len(value))
    ]
    forged += [value[:at] for at in range(1, len(value))] + [value[at:] for at in range(1, len(value))]
    for text in forged:
        if (
            text.strip('" \t') in (value, "")
            or any(character in text for character in ';"\\ ,')
            or not text.isprintable()
        ):
            continue
        with pytest.raises(BeakerException, match="Invalid signature"):
            visitor.visit(dict, cookie=f"{name}={text}")


def test_of_several_cookies_of_our_name_the_last_that_is_right_counts(cookies: Cookies) -> None:
    first, second = cookies(), cookies()
    first.put(name="Ada")
    second.put(name="Grace")
    for header, expected in {
        f"{first.jar}; {KEY}=bad": "Ada",
        f"{KEY}=bad; {first.jar}": "Ada",
        f"{first.jar}; {second.jar}": "Grace",
        f"{second.jar}; {first.jar}; {KEY}=; {KEY}={'0' * 60}; {KEY}=v2.x": "Ada",
    }.items():
        visitor = cookies(invalidate_corrupt=False)
        assert visitor.visit(lambda session: session["name"], cookie=header).result == expected


def test_only_if_none_of_several_is_right_the_signature_is_invalid(cookies: Cookies) -> None:
    with pytest.raises(BeakerException, match="Invalid signature"):
        cookies(invalidate_corrupt=False).visit(dict, cookie=f"{KEY}=bad; {KEY}=worse; {KEY}=")


@pytest.mark.parametrize("neighbour", MALFORMED)
def test_a_malformed_neighbour_is_passed_over(cookies: Cookies, neighbour: str) -> None:
    visitor = cookies(invalidate_corrupt=False)
    visitor.put(name="Ada")
    for header in (f"{neighbour}; {visitor.jar}", f"{visitor.jar}; {neighbour}"):
        assert visitor.visit(lambda session: session["name"], cookie=header).result == "Ada"


def test_attributes_in_a_request_are_cookies_like_any_other(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")
    header = f"{visitor.jar}; Path=/evil; Domain=evil.example; Secure; HttpOnly; expires=never"
    assert visitor.visit(dict, cookie=header).cookie.endswith("; Path=/; SameSite=Lax")


@pytest.mark.filterwarnings("ignore::beaker.exceptions.BeakerWarning")
def test_no_header_of_any_kind_raises(cookies: Cookies) -> None:
    visitor = cookies()
    random.seed(5)
    alphabet = "ab=;, \"'\\[]{}()<>@:/?\t\x00\x1f\x7f\xe9v2.AZ09-_$"
    for _ in range(500):
        junk = "".join(random.choices(alphabet, k=random.randrange(60)))
        visitor.visit(dict, cookie=f"{KEY}={junk}")


def test_a_plain_id_is_no_session_of_ours(cookies: Cookies) -> None:
    with pytest.raises(BeakerException, match="Invalid signature"):
        cookies(invalidate_corrupt=False).visit(dict, cookie=f"{KEY}={UNKNOWN_ID}")


def test_the_allow_list_holds_for_what_a_cookie_keeps() -> None:
    text = base64.b64encode(pickle.dumps({"_id": UNKNOWN_ID, "own": Browser}, 2)).decode()
    visitor = Browser(COOKIE, pickle="allowlist", invalidate_corrupt=False)
    with pytest.raises(CorruptSessionError):
        visitor.visit(dict, cookie=f"{KEY}={signed(text)}")
    assert visitor.visit(lambda session: session["name"], cookie=made(name="Ada")).result == "Ada"
