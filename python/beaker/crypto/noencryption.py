# ruff: noqa: ARG001, N802 - the names are the ones that applications use
"""The encryption module without encryption.

``has_aes`` is false, and the functions raise: data that should be encrypted is never stored in the clear.
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
