# ruff: noqa: N802 - the names are the ones that applications use
"""AES-256-CTR, in the form of Beaker with the package ``pycryptodome``: the counter starts at 0.

Changes to the ciphertext are not detected, and no key may be used twice: Beaker salts each key anew. Prefer
AES-256-GCM unless old data requires this.
"""

from beaker import _core
from beaker.crypto._bytes import BytesLike, bytes_of

__all__ = ["aesDecrypt", "aesEncrypt", "getKeyLength", "has_aes"]

has_aes = True


def aesEncrypt(data: BytesLike, key: BytesLike) -> bytes:
    """Encrypts ``data`` with ``key``. The length stays the same."""
    return _core.aes_ctr(bytes_of(data), bytes_of(key))


def aesDecrypt(data: BytesLike, key: BytesLike) -> bytes:
    """Decrypts what :func:`aesEncrypt` encrypted. Another key gives other data and no error."""
    return _core.aes_ctr(bytes_of(data), bytes_of(key))


def getKeyLength() -> int:
    """The length of a key, in bytes."""
    return 32
