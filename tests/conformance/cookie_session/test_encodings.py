"""The encodings of a cookie session: serializers, ciphers and formats, and what each refuses."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, ConfigurationError, CorruptSessionError
from tests.conformance.cookie_session.plain import SIGNATURE, content_of, made, signed
from tests.support.fixtures import SECRETS
from tests.support.sessions import COOKIE, KEY, VALIDATE_KEY, Browser, Literals

if TYPE_CHECKING:
    from collections.abc import Callable

    Cookies = Callable[..., Browser]

STANDARD = str.maketrans("-_", "+/")
"""From the base64 of format 2, which is that of URLs."""

CONTENT: dict[str, Any] = {"name": "Ada", "number": 7, "nested": {"list": [1, 2]}, "nothing": None, "é": "€"}


@pytest.mark.parametrize("crypto_type", ["default", "cryptography", "pycryptodome", "pycrypto"])
@pytest.mark.parametrize("bits", [48, 128])
def test_every_cipher_and_nonce_will_do(serializer: dict[str, Any], crypto_type: str, bits: int) -> None:
    options = {**COOKIE, **SECRETS, **serializer, "encrypt_nonce_bits": bits}
    visitor = Browser(options, crypto_type=crypto_type)
    visitor.put(**CONTENT)
    assert visitor.read() == CONTENT
    other = Browser(options, crypto_type="cryptography" if crypto_type.startswith("py") else "pycryptodome")
    other.jar = visitor.jar
    assert other.read() == CONTENT


def test_a_plain_session_is_signed_base64_of_a_pickle_of_protocol_2() -> None:
    visitor = Browser(COOKIE)
    visitor.put(name="Ada")
    assert content_of(visitor.jar)["name"] == "Ada"
    assert b64decode(visitor.value[SIGNATURE:]).startswith(b"\x80\x02")


def test_json_is_compressed() -> None:
    visitor = Browser(COOKIE, data_serializer="json")
    visitor.put(name="Ada")
    assert json.loads(zlib.decompress(b64decode(visitor.value[SIGNATURE:])))["name"] == "Ada"


def test_with_json_no_pickle_is_loaded(cookies: Cookies) -> None:
    visitor = cookies(data_serializer="json", invalidate_corrupt=False)
    with pytest.raises(CorruptSessionError):
        visitor.visit(dict, cookie=made(name="Ada"))
    assert visitor.visit(dict, cookie=made(serializer="json", name="Ada")).result["name"] == "Ada"


def test_a_serializer_of_the_programs_own_is_used(cookies: Cookies) -> None:
    own = Literals()
    visitor = cookies(data_serializer=own)
    visitor.put(**CONTENT)
    assert visitor.read() == CONTENT
    assert own.dumped >= 1
    assert own.loaded >= 1


def test_an_encrypted_session_shows_nothing_of_itself(cookies: Cookies) -> None:
    visitor = cookies(**SECRETS)
    visitor.put(name="a name that would be found")
    value = visitor.value
    # The base64 of format 1 begins after the signature and the nonce, that of format 2 after its prefix.
    text = value[3:].translate(STANDARD) if value.startswith("v2.") else value[SIGNATURE + 24 :]
    assert "a name" not in b64decode(text + "==").decode("latin-1")


def test_a_plain_session_of_format_1_shows_everything_as_ever() -> None:
    visitor = Browser(COOKIE)
    visitor.put(name="a name that would be found")
    assert b"a name" in b64decode(visitor.value[SIGNATURE:])


def test_a_v2_cookie_session_is_encrypted_without_an_encrypt_key() -> None:
    visitor = Browser(COOKIE, cookie_format=2)
    visitor.put(name="a name that would be found")
    value = visitor.value
    assert value.startswith("v2.")
    assert "a name" not in b64decode(value[3:].translate(STANDARD) + "==").decode("latin-1")


def test_an_encrypted_session_never_looks_the_same_twice(cookies: Cookies) -> None:
    visitor = cookies(**SECRETS)
    values = set()
    for _ in range(5):
        visitor.put(name="Ada")
        values.add(visitor.value)
    assert len(values) == 5


def test_plain_text_is_refused_where_encryption_is_set(cookies: Cookies) -> None:
    visitor = cookies(**SECRETS, invalidate_corrupt=False)
    with pytest.raises(CorruptSessionError):
        visitor.visit(dict, cookie=made(name="Ada"))


def test_a_signature_over_what_another_key_encrypted_is_not_enough() -> None:
    visitor = Browser(COOKIE, **SECRETS)
    visitor.put(name="Ada")
    other = {**SECRETS, "encrypt_key": "another encryption key of the tests, as long"}
    with pytest.raises(CorruptSessionError):
        Browser(COOKIE, **other, invalidate_corrupt=False).visit(dict, cookie=visitor.jar)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"validate_key": None}, "validate_key"),
        ({"validate_key": ""}, "validate_key"),
        ({"validate_key": None, "encrypt_key": SECRETS["encrypt_key"]}, "validate_key"),
        ({**SECRETS, "encrypt_nonce_bits": 40}, "encrypt_nonce_bits"),
        ({**SECRETS, "encrypt_nonce_bits": 50}, "encrypt_nonce_bits"),
        ({"crypto_type": "rot13"}, "crypto_type|rot13"),
        ({"timeout": 60, "save_accessed_time": False}, "save_accessed_time"),
        ({"cookie_format": 3}, "cookie_format"),
        ({"cookie_format": 0}, "cookie_format"),
    ],
)
def test_the_middleware_refuses_invalid_options(options: dict[str, Any], name: str) -> None:
    with pytest.raises(BeakerException, match=name):
        Browser(COOKIE, options)


def test_a_warning_of_a_short_key_does_not_show_it() -> None:
    for option in ("validate_key", "encrypt_key"):
        with pytest.warns(Warning, match=option) as caught:
            Browser(COOKIE, SECRETS, **{option: "hunter2"})
        assert all("hunter2" not in str(warning.message) for warning in caught)


def test_a_validate_key_that_fails_in_beaker_is_refused_or_works(cookies: Cookies) -> None:
    # The original could sign with it, and could not encrypt with it.
    key = "schlüssel " * 5
    visitor = cookies(validate_key=key)
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}
    with pytest.raises(ConfigurationError, match="validate_key"):
        Browser(COOKIE, SECRETS, validate_key=key)


def test_objects_of_an_applications_own_are_kept_by_pickle(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(tags={"one"}, pair=(1, 2), data=b"\x00\xff")
    assert visitor.read() == {"tags": {"one"}, "pair": (1, 2), "data": b"\x00\xff"}


def test_an_unserializable_value_is_an_error_and_sends_nothing(cookies: Cookies) -> None:
    visitor = cookies(data_serializer="json")
    visitor.put(name="Ada")
    before = visitor.jar
    with pytest.raises(TypeError):
        visitor.put(own=object())
    assert visitor.jar == before


def test_a_cookie_of_another_serializer_is_corrupt_and_not_empty() -> None:
    cookie = f"{KEY}={signed('', VALIDATE_KEY)}"
    with pytest.raises(BeakerException):
        Browser(COOKIE, data_serializer="json", invalidate_corrupt=False).visit(dict, cookie=cookie)
    with pytest.raises(CorruptSessionError):
        Browser(COOKIE, invalidate_corrupt=False).visit(dict, cookie=made(serializer="json", name="Ada"))
