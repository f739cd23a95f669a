# ruff: noqa: N802 - the names are the ones that applications use
"""AES-256-GCM, in the form of Beaker with the package ``cryptography``: nonce (12), tag (16), ciphertext."""

from beaker import _core

__all__ = ["aesDecrypt", "aesEncrypt", "getKeyLength", "has_aes"]

has_aes = True


def aesEncrypt(data: bytes, key: bytes) -> bytes:
    """``data`` encrypted and authenticated with ``key`` under a fresh random nonce."""
    return _core.aes_gcm_encrypt(data, key)


def aesDecrypt(data: bytes, key: bytes) -> bytes:
    """What :func:`aesEncrypt` was given. Raises if ``data`` was changed or belongs to another key."""
    return _core.aes_gcm_decrypt(data, key)


def getKeyLength() -> int:
    """The length of a key, in bytes."""
    return 32
