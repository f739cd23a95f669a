# ruff: noqa: N802 - the names are the ones that applications use
"""AES-256-GCM, in the form of Beaker with the package ``cryptography``: nonce (12), tag (16), ciphertext."""

from beaker import _core
from beaker.crypto._bytes import BytesLike, bytes_of

__all__ = ["aesDecrypt", "aesEncrypt", "getKeyLength", "has_aes"]

has_aes = True


def aesEncrypt(data: BytesLike, key: BytesLike) -> bytes:
    """Encrypts and authenticates ``data`` with ``key`` and a random nonce."""
    return _core.aes_gcm_encrypt(bytes_of(data), bytes_of(key))


def aesDecrypt(data: BytesLike, key: BytesLike) -> bytes:
    """Decrypts what :func:`aesEncrypt` encrypted. Raises if ``data`` was changed or has another key."""
    return _core.aes_gcm_decrypt(bytes_of(data), bytes_of(key))


def getKeyLength() -> int:
    """The length of a key, in bytes."""
    return 32
