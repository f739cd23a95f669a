"""Options that contradict themselves or each other, and options that do not."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from beaker.exceptions import BeakerException
from beaker.session import Session
from tests.support.sessions import Literals
from tests.unit.config.configured import configured

GOOD_KEYS = {"encrypt_key": "k" * 32, "validate_key": "v" * 32}
CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "a samesite of no kind": {"samesite": "Sometimes"},
    "samesite None without secure": {"samesite": "None"},
    "samesite none without secure": {"samesite": "none", "secure": "false"},
    "a line in the path": {"cookie_path": "/\r\nX-Evil: 1"},
    "a line in the domain": {"cookie_domain": "example.org\nX-Evil: 1"},
    "a semicolon in the path": {"cookie_path": "/;Secure"},
    "a semicolon in the domain": {"cookie_domain": "example.org;Secure"},
    "a domain with a port": {"cookie_domain": "example.org:8080"},
    "a domain with a scheme": {"cookie_domain": "https://example.org"},
    "a domain with a path": {"cookie_domain": "example.org/app"},
    "a path that is not ASCII": {"cookie_path": "/é"},
    "a name with a space": {"key": "session id"},
    "a name with a semicolon": {"key": "a;b"},
    "a name with an equals sign": {"key": "a=b"},
    "a name with a line": {"key": "a\r\nb"},
    "a name that is not ASCII": {"key": "café"},
    "__Host- with a domain": {"key": "__Host-id", "secure": True, "cookie_domain": "example.org"},
    "__Host- with a path": {"key": "__Host-id", "secure": True, "cookie_path": "/app"},
    "__Host- without secure": {"key": "__Host-id"},
    "__Secure- without secure": {"key": "__Secure-id"},
    "a timeout without access times": {"timeout": 300, "save_accessed_time": False},
    "a timeout without access times, from an ini file": {"timeout": "300", "save_accessed_time": "false"},
    "a nonce of too few bits": {"encrypt_key": "k", "validate_key": "v", "encrypt_nonce_bits": 47},
    "a nonce of too few bits and no key yet": {"encrypt_nonce_bits": 40},
    "a nonce of no bits": {"encrypt_key": "k", "validate_key": "v", "encrypt_nonce_bits": "0"},
    "encryption without a validate_key": {"encrypt_key": "k"},
    "encryption by an unknown module": {"encrypt_key": "k", "validate_key": "v", "crypto_type": "rot13"},
    "an unknown module and no key yet": {"crypto_type": "rot13"},
    "encryption by nothing": {"encrypt_key": "k", "validate_key": "v", "crypto_type": "noencryption"},
    "pickles denied and used": {"pickle": "deny"},
    "pickles denied and named": {"pickle": "deny", "data_serializer": "pickle"},
    "a pickle of no kind": {"pickle": "sometimes"},
    "classes for no allow-list": {"pickle_allow": "shop.models.Cart"},
    "a class that is no name": {"pickle": "allowlist", "pickle_allow": "shop.models.Cart()"},
    "a class without a module": {"pickle": "allowlist", "pickle_allow": "Cart"},
    "a serializer of no kind": {"data_serializer": "yaml"},
    "a serializer without dumps": {"data_serializer": object()},
    "an expiry of no seconds": {"cookie_expires": 0},
    "an expiry in the past": {"cookie_expires": -300},
    "an expiry past all years": {"cookie_expires": 10**12},
    "an expiry past all years, but not yet": {"cookie_expires": 253_402_300_799},
    "a class of sessions that is none": {"session_class": dict},
    "a class of backends that is none": {"namespace_class": "memory"},
    "a type of no kind": {"type": "no_such_backend"},
    "an extension that is not there": {"type": "ext:no_such_backend"},
    "a cookie in no known format": {"secret": "s" * 32, "cookie_format": 3},
    "an end of the format that is written": {"secret": "s" * 32, "accept_format_1_until": "2026-01-31"},
    "an end of format 1 at no time": {
        "secret": "s" * 32,
        "cookie_format": 2,
        "accept_format_1_until": "soon",
    },
    "format 2 without a secret": {"cookie_format": 2},
    "a hardened session without a secret": {"profile": "hardened"},
    "a profile of no kind": {"profile": "paranoid"},
    "an empty list of secrets": {"secret": []},
    "a list with an empty secret": {"secret": ["s" * 32, " "]},
    "older secrets without one": {"secret_fallbacks": ["s" * 32]},
    "a secret here and in a file": {"secret": "s" * 32, "secret_file": "/etc/hostname"},
    "a file of keys that is not there": {"secret_file": "/nowhere/secret"},
    "a file of keys that is a folder": {"secret_file": "/"},
    "an older name that is no token": {"key_fallbacks": ["old name"]},
    "partitioned without secure": {"partitioned": True},
    "concurrency of no kind": {"concurrency": "hope"},
    "a negative wait": {"lock_timeout": -1},
    "an old id that stays": {"destroy_old": False},
    "a grace of no length": {"destroy_old": "grace"},
    "a grace for the id of a cookie": {"type": "cookie", **GOOD_KEYS, "destroy_old": "grace:30"},
    "a lock on a cookie": {"type": "cookie", **GOOD_KEYS, "concurrency": "lock"},
    "an epoch for sessions in a store": {"session_epoch": 0},
    "an epoch at no time": {"session_epoch": "soon"},
    "an absolute timeout below nothing": {"absolute_timeout": -1},
}


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_the_middleware_refuses_invalid_options(contradiction: str) -> None:
    options = CONTRADICTIONS[contradiction]
    with pytest.raises(BeakerException):
        configured(**options)
    with pytest.raises(BeakerException):
        configured({f"session.{name}": value for name, value in options.items()})


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_a_session_refuses_invalid_options(contradiction: str) -> None:
    make: Any = Session
    with pytest.raises(BeakerException):
        make({}, **CONTRADICTIONS[contradiction])


@pytest.mark.parametrize(
    "options",
    [
        {"samesite": "None", "secure": True},
        {"key": "__Host-id", "secure": True},
        {"key": "__Secure-id", "secure": "yes", "cookie_path": "/app"},
        {"timeout": None, "save_accessed_time": False},
        {**GOOD_KEYS, "encrypt_nonce_bits": 48},
        {**GOOD_KEYS, "crypto_type": "pycryptodome"},
        {"pickle": "deny", "data_serializer": "json"},
        {"pickle": "allowlist"},
        {"pickle": "allowlist", "pickle_allow": "shop.models.Cart,\n shop.Order"},
        {"data_serializer": Literals()},
        {"validate_key": "v"},
        {"secret": ["s" * 32, b"t" * 32], "cookie_format": "2", "key_fallbacks": "sid, old.sid"},
        {"secret": "s" * 32, "profile": "hardened", "absolute_timeout": "3600"},
        {"type": "cookie", **GOOD_KEYS, "session_epoch": "2026-01-31T12:00:00Z"},
        {"secret": "s" * 32, "secret_fallbacks": "t" * 32 + "\n" + "u" * 32},
        {"secure": True, "partitioned": "true", "no_store": "yes"},
        {"concurrency": "lock", "lock_timeout": "5"},
        {"concurrency": "Beaker"},
        {"type": "cookie", **GOOD_KEYS, "concurrency": "merge"},
    ],
)
def test_valid_options_are_taken(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        configured(**options)
