"""Signed cookies, read without the middleware: several secrets, both formats."""

from __future__ import annotations

from typing import Any

import pytest

from beaker.cookie import InvalidSignature, SignedCookie
from beaker.exceptions import ConfigurationError
from tests.support.format2 import stamped

NEW, OLD, OLDEST = "the new secret", "the old secret", "the oldest secret"
AT = 1_700_000_000


def signed(secret: str, name: str = "a", value: str = "b") -> str:
    cookie = SignedCookie(secret)
    cookie[name] = value
    return cookie[name].coded_value or ""


def read(secret: object, header: str, name: str = "a") -> object:
    return SignedCookie(secret, input=header)[name].value  # type: ignore[arg-type]


def test_the_newest_secret_signs() -> None:
    for secrets in ([NEW, OLD], (NEW, OLD), [NEW.encode(), OLD], iter([NEW, OLD])):
        cookie = SignedCookie(secrets)  # type: ignore[arg-type]
        cookie["a"] = "b"
        assert cookie["a"].coded_value == signed(NEW)
        assert cookie.secret == NEW.encode()


@pytest.mark.parametrize("secret", [NEW, OLD, OLDEST])
def test_every_secret_verifies(secret: str) -> None:
    secrets = [NEW, OLD.encode(), OLDEST]
    assert read(secrets, f"a={signed(secret)}") == "b"
    assert read(secrets, f"a={stamped(secret, 'a', 'b', AT)}") == "b"


def test_no_other_secret_verifies() -> None:
    for value in (signed("another"), stamped("another", "a", "b", AT)):
        assert read([NEW, OLD], f"a={value}") is InvalidSignature


def test_text_is_one_secret_whatever_it_looks_like() -> None:
    secret = '["the new secret", "the old secret"]'
    assert read(secret, f"a={signed(secret)}") == "b"
    assert read(secret, f"a={signed(NEW)}") is InvalidSignature


@pytest.mark.parametrize("secrets", [[], (), "", b"", [""], [NEW, ""]])
def test_without_a_secret_nothing_is_signed(secrets: object) -> None:
    with pytest.raises(ConfigurationError, match="secret"):
        read(secrets, f"a={signed('another')}")


def test_a_value_of_format_2_is_read_with_quotes_and_without() -> None:
    value = stamped(NEW, "a", "b", AT)
    for header in (f"a={value}", f'a="{value}"', f"x=1; a={value}; y=2"):
        assert read(NEW, header) == "b"


def test_a_value_of_format_2_is_bound_to_the_name_of_its_cookie() -> None:
    value = stamped(NEW, "a", "b", AT)
    assert read(NEW, f"other={value}", "other") is InvalidSignature
    assert SignedCookie(NEW).value_decode(value) == (InvalidSignature, value)


def test_every_change_of_a_value_of_format_2_is_noticed() -> None:
    value = stamped(NEW, "a", "0123456789abcdef", AT)
    for at in range(len(value)):
        assert read(NEW, f"a={value[:at]}") in (InvalidSignature, None)
        for bit in range(7):
            changed = value[:at] + chr(ord(value[at]) ^ 1 << bit) + value[at + 1 :]
            cookie = SignedCookie(NEW, input=f"a={changed}")
            assert "a" not in cookie or cookie["a"].value in (InvalidSignature, None)


@pytest.mark.parametrize(
    "value", ["v2.", "v2", "v2..", "v2." + "A" * 43 + ".1.b", "v2.é", "v2.\udc80", "v2.\x00"]
)
def test_a_value_that_only_begins_like_format_2_is_not_ours(value: str) -> None:
    cookie = SignedCookie(NEW, input=f"a={value}")
    assert "a" not in cookie or cookie["a"].value is InvalidSignature


def test_of_values_in_both_formats_the_last_good_one_counts() -> None:
    one, two = signed(NEW, value="one"), stamped(OLD, "a", "two", AT)
    wrong = stamped(NEW, "b", "wrong", AT)
    for header, expected in {
        f"a={one}; a={two}": "two",
        f"a={two}; a={one}": "one",
        f"a={two}; a={wrong}; a=": "two",
    }.items():
        assert read([NEW, OLD], header) == expected


def test_an_application_decodes_a_cookie_of_either_format() -> None:
    session_id = "0123456789abcdef0123456789abcdef"
    for value in (signed(NEW, value=session_id), stamped(NEW, "beaker.session.id", session_id, AT)):
        cookie = SignedCookie(NEW, input=f"beaker.session.id={value}")
        assert cookie["beaker.session.id"].value == session_id


def test_a_subclass_may_decode_values_in_a_way_of_its_own() -> None:
    class Upper(SignedCookie):
        def value_decode(self, val: str) -> tuple[Any, str]:
            value, coded = super().value_decode(val)
            return value and str(value).upper(), coded

    assert Upper([NEW, OLD], input=f"a={signed(OLD)}")["a"].value == "B"
