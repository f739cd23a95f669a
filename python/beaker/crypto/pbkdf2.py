"""Derives a key from a password (RFC 8018, section 5.2)."""

import hashlib
from collections.abc import Callable
from typing import Any

__all__ = ["pbkdf2"]


def pbkdf2(
    password: str | bytes,
    salt: str | bytes,
    iterations: int,
    dklen: int = 0,
    digest: Callable[[], Any] | None = None,
) -> bytes:
    """Derives ``dklen`` bytes from ``password`` and ``salt``. With 0, as many as the digest has.

    ``digest`` makes the hash, as :func:`hashlib.sha256` does. The default is SHA-1. Text is encoded as UTF-8.
    """
    name = "sha1" if digest is None else str(digest().name)
    return hashlib.pbkdf2_hmac(name, _as_bytes(password), _as_bytes(salt), iterations, dklen or None)


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else value
