# ruff: noqa: ARG001, N802 - the names are the ones that applications use
"""The module that has no encryption.

It says so through ``has_aes`` and refuses to act: data for which encryption was asked must not be stored
in the clear.
"""

from typing import NoReturn

from beaker.exceptions import InvalidCryptoBackendError

__all__ = ["aesDecrypt", "aesEncrypt", "getKeyLength", "has_aes"]

has_aes = False


def aesEncrypt(data: bytes, key: bytes) -> NoReturn:
    """Always raises :class:`InvalidCryptoBackendError`."""
    raise InvalidCryptoBackendError("this module cannot encrypt; choose another crypto_type")


def aesDecrypt(data: bytes, key: bytes) -> NoReturn:
    """Always raises :class:`InvalidCryptoBackendError`."""
    raise InvalidCryptoBackendError("this module cannot decrypt; choose another crypto_type")


def getKeyLength() -> int:
    """The length of a key, in bytes."""
    return 32
