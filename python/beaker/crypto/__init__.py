# ruff: noqa: N802 - the names are the ones that applications use
"""Encryption modules, by name.

An encryption module has ``aesEncrypt(data, key)``, ``aesDecrypt(data, key)``, ``has_aes`` and
``getKeyLength()`` (bytes). ``cryptography`` (and ``default``) is AES-256-GCM, ``pycryptodome`` (and
``pycrypto``) is AES-256-CTR. They have the names of the packages that Beaker needs. Here both are built in.
"""

from typing import Any

from beaker.crypto import pyca_cryptography, pycrypto
from beaker.crypto.pbkdf2 import pbkdf2
from beaker.crypto.util import hmac, hmac_sha1, md5, sha1
from beaker.exceptions import InvalidCryptoBackendError

__all__ = [
    "CRYPTO_MODULES",
    "DEFAULT_NONCE_BITS",
    "generateCryptoKeys",
    "get_crypto_module",
    "get_nonce_size",
    "hmac",
    "hmac_sha1",
    "load_default_module",
    "md5",
    "pbkdf2",
    "register_crypto_module",
    "sha1",
]

DEFAULT_NONCE_BITS = 128
"""The bits of randomness in the salt of each encrypted session's key."""

CRYPTO_MODULES: dict[str, Any] = {}
"""The modules in use, by name. Registered modules take precedence over built-in ones."""

_BUILT_IN: dict[str, Any] = {
    "default": pyca_cryptography,
    "cryptography": pyca_cryptography,
    "pycryptodome": pycrypto,
    "pycrypto": pycrypto,
}


def load_default_module() -> Any:
    """The module with the name ``'default'``."""
    return _BUILT_IN["default"]


def register_crypto_module(name: str, mod: Any) -> None:
    """Registers ``mod`` as the encryption module ``name``."""
    CRYPTO_MODULES[name] = mod


def get_crypto_module(name: str) -> Any:
    """The encryption module ``name``. Raises :class:`InvalidCryptoBackendError` if there is none."""
    module = CRYPTO_MODULES.get(name)
    if module is None:
        module = _BUILT_IN.get(name)
        if module is None:
            known = ", ".join(sorted({*_BUILT_IN, *CRYPTO_MODULES}))
            raise InvalidCryptoBackendError(f"unknown encryption module {name!r}; use one of {known}")
        CRYPTO_MODULES[name] = module
    return module


def generateCryptoKeys(master_key: str | bytes, salt: str | bytes, iterations: int, keylen: int) -> bytes:
    """Derives a key of ``keylen`` bytes from ``master_key`` and ``salt`` by PBKDF2 with HMAC-SHA-1."""
    return pbkdf2(master_key, salt, iterations=iterations, dklen=keylen)


def get_nonce_size(number_of_bits: int) -> tuple[int, int]:
    """The number of random bytes in a nonce of so many bits, and the length of its base64 text.

    Raises :class:`ValueError` if the number is not a multiple of eight.
    """
    size, rest = divmod(number_of_bits, 8)
    if rest:
        raise ValueError(f"the bits of a nonce must be a multiple of 8, got {number_of_bits}")
    return size, (4 * size // 3 + 3) // 4 * 4
