"""Encryption modules: the formats of Beaker, without a package of anybody's."""

import hashlib
import os
import types
from collections.abc import Callable

import pytest

from beaker import crypto
from beaker.crypto import noencryption
from beaker.crypto.pbkdf2 import pbkdf2
from beaker.exceptions import InvalidCryptoBackendError

NAMES = ["default", "cryptography", "pycryptodome", "pycrypto"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 20])
def test_encrypted_data_is_decrypted_with_the_same_key(name: str, data: bytes) -> None:
    module = crypto.get_crypto_module(name)
    key = os.urandom(module.getKeyLength())
    hidden = module.aesEncrypt(data, key)
    assert module.has_aes
    assert module.aesDecrypt(hidden, key) == data
    assert len(data) < 2 or data not in hidden


@pytest.mark.parametrize("name", NAMES)
def test_bytes_may_be_in_any_object_that_holds_bytes(name: str) -> None:
    module = crypto.get_crypto_module(name)
    key = os.urandom(module.getKeyLength())
    for kind in (bytes, bytearray, memoryview):
        hidden = module.aesEncrypt(kind(b"data"), kind(key))
        assert isinstance(hidden, bytes)
        assert module.aesDecrypt(kind(hidden), kind(key)) == b"data"
    for wrong in ("data", 7, None):
        with pytest.raises(TypeError):
            module.aesEncrypt(wrong, key)
        with pytest.raises(TypeError):
            module.aesEncrypt(b"data", wrong)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_of_another_length_is_refused(name: str) -> None:
    module = crypto.get_crypto_module(name)
    for length in (0, 16, 31, 33):
        for call in (module.aesEncrypt, module.aesDecrypt):
            with pytest.raises(ValueError, match="32 bytes"):
                call(b"data", bytes(length))


def test_gcm_notices_a_change_and_another_key() -> None:
    module = crypto.get_crypto_module("cryptography")
    key = os.urandom(32)
    hidden = bytearray(module.aesEncrypt(b"data", key))
    for position in range(len(hidden)):
        changed = bytearray(hidden)
        changed[position] ^= 1
        with pytest.raises(Exception):  # noqa: B017, PT011 - which exception is the native module's to say
            module.aesDecrypt(bytes(changed), key)
    for bad, wrong in ((bytes(hidden), os.urandom(32)), (bytes(hidden[:20]), key), (b"", key)):
        with pytest.raises(Exception):  # noqa: B017, PT011
            module.aesDecrypt(bad, wrong)


def test_an_unknown_module_is_refused_and_one_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "CRYPTO_MODULES", {})
    with pytest.raises(InvalidCryptoBackendError, match="rot13"):
        crypto.get_crypto_module("rot13")
    mine = types.ModuleType("mine")
    crypto.register_crypto_module("rot13", mine)
    assert crypto.get_crypto_module("rot13") is mine
    crypto.register_crypto_module("default", mine)
    assert crypto.get_crypto_module("default") is mine


def test_nothing_is_kept_in_the_clear_for_want_of_encryption() -> None:
    assert not noencryption.has_aes
    assert noencryption.getKeyLength() == 32
    for call in (noencryption.aesEncrypt, noencryption.aesDecrypt):
        with pytest.raises(InvalidCryptoBackendError):
            call(b"data", b"key")


def test_keys_are_derived_as_the_standard_says() -> None:
    # RFC 6070, the second test vector.
    assert pbkdf2("password", "salt", 2) == bytes.fromhex("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957")
    assert pbkdf2(b"password", b"salt", 1, 20) == bytes.fromhex("0c60c80f961f0e71f3a9b524af6012062fe037a6")
    assert crypto.generateCryptoKeys("k", "s", 1, 32) == hashlib.pbkdf2_hmac("sha1", b"k", b"s", 1, 32)
    assert pbkdf2("k", "s", 1, digest=hashlib.sha256) == hashlib.pbkdf2_hmac("sha256", b"k", b"s", 1)


def test_a_nonce_has_whole_bytes() -> None:
    assert crypto.get_nonce_size(128) == (16, 24)
    assert crypto.get_nonce_size(48) == (6, 8)
    assert crypto.get_nonce_size(crypto.DEFAULT_NONCE_BITS) == (16, 24)
    for bits in range(8, 1024, 8):
        size = bits // 8
        assert crypto.get_nonce_size(bits) == (size, ((4 * size // 3) + 3) & ~3)
    with pytest.raises(ValueError, match="multiple of 8"):
        crypto.get_nonce_size(50)


def test_hashes_are_where_beaker_has_them() -> None:
    assert crypto.hmac.new(b"k", b"m", crypto.hmac_sha1).hexdigest()
    assert crypto.sha1(b"").hexdigest() == hashlib.sha1(b"").hexdigest()
    assert crypto.md5(b"").hexdigest() == hashlib.md5(b"").hexdigest()


@pytest.mark.parametrize("name", ["cryptography", "pycryptodome"])
def test_beaker_and_we_decrypt_each_other(name: str, in_beaker: Callable[..., str]) -> None:
    program = (
        "import sys; from beaker.crypto import get_crypto_module;"
        "m = get_crypto_module(sys.argv[1]); k = bytes(range(32));"
        "print(m.aesDecrypt(bytes.fromhex(sys.argv[2]), k).decode(), m.aesEncrypt(b'theirs', k).hex())"
    )
    module = crypto.get_crypto_module(name)
    key = bytes(range(32))
    read, hidden = in_beaker(program, name, module.aesEncrypt(b"ours", key).hex()).split()
    assert read == "ours"
    assert module.aesDecrypt(bytes.fromhex(hidden), key) == b"theirs"
