"""Cookies of format 2, made by the standard library: what ours has to agree with."""

from __future__ import annotations

import base64
import hashlib
import hmac


def derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF with SHA-256 (RFC 5869), as long as one block of it."""
    extracted = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def base64url(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def stamped(secret: str, name: str, value: str, at: int) -> str:
    """A signed value for the cookie of that name, made so many seconds after the epoch."""
    key = derive(secret.encode(), b"", b"beaker-rs v2 sign\0" + name.encode())
    message = f"{at}.{value}"
    return f"v2.{base64url(hmac.digest(key, message.encode(), hashlib.sha256))}.{message}"


def sealing_key(validate_key: str, encrypt_key: str | None, name: str) -> bytes:
    """The key that seals a session in the cookie of that name."""
    info = b"beaker-rs v2 seal\0" + name.encode()
    if encrypt_key is None:
        return derive(validate_key.encode(), b"", info)
    return derive(encrypt_key.encode(), validate_key.encode(), info)


def associated(name: str) -> bytes:
    """The authenticated data beside an encrypted session."""
    return b"v2\0seal\0" + name.encode()
