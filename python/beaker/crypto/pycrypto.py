# ruff: noqa: N802 - the names are the ones that applications use
"""AES-256-CTR, in the form of Beaker with the package ``pycryptodome``: the counter starts at 0.

Nothing here notices a change to the ciphertext, and no key may be used twice: Beaker salts each key anew.
AES-256-GCM is the better choice wherever old data does not decide.
"""

from beaker import _core
from beaker.crypto._bytes import BytesLike, bytes_of

__all__ = ["aesDecrypt", "aesEncrypt", "getKeyLength", "has_aes"]

has_aes = True


def aesEncrypt(data: BytesLike, key: BytesLike) -> bytes:
    """``data`` encrypted with ``key``, at the same length."""
    return _core.aes_ctr(bytes_of(data), bytes_of(key))


def aesDecrypt(data: BytesLike, key: BytesLike) -> bytes:
    """What :func:`aesEncrypt` was given; something else, without an error, under another key."""
    return _core.aes_ctr(bytes_of(data), bytes_of(key))


def getKeyLength() -> int:
    """The length of a key, in bytes."""
    return 32
