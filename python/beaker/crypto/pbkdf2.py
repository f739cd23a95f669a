"""Deriving a key from a password (RFC 8018, section 5.2)."""

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
    """``dklen`` bytes derived from ``password`` and ``salt``; as many as the digest has if ``dklen`` is 0.

    ``digest`` makes the hash to use, as :func:`hashlib.sha256` does; SHA-1 without it. Text is taken as
    UTF-8.
    """
    name = "sha1" if digest is None else str(digest().name)
    return hashlib.pbkdf2_hmac(name, _as_bytes(password), _as_bytes(salt), iterations, dklen or None)


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else value
