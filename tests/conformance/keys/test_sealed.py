"""Sealed sessions, opened and made by another implementation of the cipher: pycryptodome's."""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException
from tests.support.format2 import associated, base64url, sealing_key
from tests.support.sessions import COOKIE, KEY, START, UNKNOWN_ID, VALIDATE_KEY, Browser

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sessions import Clock

ENCRYPT_KEY = "an encryption key of the tests, of some length"
NONCE = bytes(range(24))
PROGRAM = """
import sys
from Crypto.Cipher import ChaCha20_Poly1305
what, key, header, nonce, data = sys.argv[1], *map(bytes.fromhex, sys.argv[2:])
cipher = ChaCha20_Poly1305.new(key=key, nonce=nonce)
cipher.update(header)
if what == "seal":
    print(b"".join(cipher.encrypt_and_digest(data)).hex())
else:
    print(cipher.decrypt_and_verify(data[:-16], data[-16:]).hex())
"""


def run(python: Path, what: str, key: bytes, box: bytes, name: str = KEY) -> bytes:
    """A box with a nonce, which encrypts or decrypts the rest."""
    arguments = [part.hex() for part in (key, associated(name), box[:24], box[24:])]
    done = subprocess.run(
        [python, "-c", PROGRAM, what, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return bytes.fromhex(done.stdout)


def sealed(python: Path, payload: bytes, compression: int = 0, expires: int = 0, name: str = KEY) -> str:
    """A Cookie header with a session that the other implementation sealed."""
    plain = bytes([compression]) + expires.to_bytes(8, "big") + payload
    text = run(python, "seal", sealing_key(VALIDATE_KEY, None, name), NONCE + plain, name)
    return f"{name}=v2.{base64url(NONCE + text)}"


def content(**values: Any) -> dict[str, Any]:
    times = {"_creation_time": START, "_accessed_time": START}
    return {"_id": UNKNOWN_ID, "_domain": None, "_path": "/", **times, **values}


@pytest.mark.parametrize("encrypt_key", [None, ENCRYPT_KEY])
@pytest.mark.parametrize("absolute", [None, 3600])
def test_our_encrypted_values_are_decrypted(
    oracle: Path, clock: Clock, encrypt_key: str | None, absolute: int | None
) -> None:
    visitor = Browser(COOKIE, cookie_format=2, encrypt_key=encrypt_key, absolute_timeout=absolute)
    visitor.put(name="Ada", text="to be or not to be, " * 50)
    assert visitor.jar is not None
    value = visitor.jar.partition("=v2.")[2]
    data = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    key = sealing_key(VALIDATE_KEY, encrypt_key, KEY)
    plain = run(oracle, "open", key, data)
    assert plain[0] == 1
    assert int.from_bytes(plain[1:9], "big") == (0 if absolute is None else int(START) + absolute)
    assert pickle.loads(zlib.decompress(plain[9:]))["name"] == "Ada"


def test_encrypted_values_of_another_implementation_are_read(oracle: Path, clock: Clock) -> None:
    visitor = Browser(COOKIE, cookie_format=2, invalidate_corrupt=False)
    payload = pickle.dumps(content(name="Ada"), 2)
    for header in (sealed(oracle, payload), sealed(oracle, zlib.compress(payload), compression=1)):
        assert visitor.visit(lambda session: session["name"], cookie=header).result == "Ada"
    as_json = Browser(COOKIE, cookie_format=2, data_serializer="json")
    header = sealed(oracle, zlib.compress(json.dumps(content(name="Ada")).encode()))
    assert as_json.visit(lambda session: session["name"], cookie=header).result == "Ada"


def test_a_sealed_session_ends_when_it_says(oracle: Path, clock: Clock) -> None:
    payload = pickle.dumps(content(name="Ada"), 2)
    header = sealed(oracle, payload, expires=int(START) + 10)
    for seconds, name in ((0, "Ada"), (9, "Ada"), (11, None)):
        clock.now = START + seconds
        visit = Browser(COOKIE, cookie_format=2).visit(lambda session: session.get("name"), cookie=header)
        assert visit.result == name


def test_data_that_decompresses_beyond_bounds_is_refused(oracle: Path) -> None:
    bomb = zlib.compress(bytes(2 << 20), 9)
    began = time.monotonic()
    with pytest.raises(BeakerException):
        Browser(COOKIE, cookie_format=2, invalidate_corrupt=False).visit(
            dict, cookie=sealed(oracle, bomb, compression=1)
        )
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("compression", [2, 255])
def test_a_compression_that_there_is_not_is_refused(oracle: Path, compression: int) -> None:
    header = sealed(oracle, pickle.dumps(content(), 2), compression=compression)
    with pytest.raises(BeakerException):
        Browser(COOKIE, cookie_format=2, invalidate_corrupt=False).visit(dict, cookie=header)


def test_a_session_sealed_for_another_cookie_is_refused(oracle: Path) -> None:
    header = sealed(oracle, pickle.dumps(content(), 2), name="other")
    value = header.partition("=")[2]
    with pytest.raises(BeakerException, match="Invalid signature"):
        Browser(COOKIE, cookie_format=2, invalidate_corrupt=False).visit(dict, cookie=f"{KEY}={value}")
