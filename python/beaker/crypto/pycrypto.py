# ruff: noqa: N802 - the names are the ones that applications use
"""AES-256-CTR, in the form of Beaker with the package ``pycryptodome``: the counter starts at 0.

Nothing here notices a change to the ciphertext, and no key may be used twice: Beaker salts each key anew.
AES-256-GCM is the better choice wherever old data does not decide.
"""

from beaker import _core

__all__ = ["aesDecrypt", "aesEncrypt", "getKeyLength", "has_aes"]

has_aes = True


def aesEncrypt(data: bytes, key: bytes) -> bytes:
    """``data`` encrypted with ``key``, at the same length."""
    return _core.aes_ctr(data, key)


def aesDecrypt(data: bytes, key: bytes) -> bytes:
    """What :func:`aesEncrypt` was given; something else, without an error, under another key."""
    return _core.aes_ctr(data, key)


def getKeyLength() -> int:
    """The length of a key, in bytes."""
    return 32
