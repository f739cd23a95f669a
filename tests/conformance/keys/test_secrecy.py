"""No key, and no whole id, is in what a person other than its owner gets to see."""

from __future__ import annotations

import logging
import os
import pickle
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.cookie import SignedCookie
from beaker.exceptions import BeakerException
from beaker.middleware import SessionMiddleware
from beaker.session import CookieSession, Session
from tests.support.sessions import Browser, unprivileged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "Tangerine-secret-of-a-good-length"
VALIDATE = "Clementine-validation-key-of-good-length"
ENCRYPT = "Mandarin-encryption-key-of-a-good-length"
# What cannot be pickled is an `AttributeError` before CPython 3.14.
REFUSALS = (BeakerException, AttributeError, OSError, pickle.PicklingError, TypeError, ValueError)
WORDS = ("Tangerine", "Clementine", "Mandarin")
KEYS: dict[str, Any] = {"secret": SECRET, "validate_key": VALIDATE, "encrypt_key": ENCRYPT}

KINDS: dict[str, dict[str, Any]] = {
    "memory": {"type": "memory"},
    "file": {"type": "file"},
    "cookie": {"type": "cookie"},
    "sealed cookie": {"type": "cookie", "cookie_format": 2},
    "stamped id": {"type": "file", "cookie_format": 2},
}


def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []


class Overheard:
    """Everything that was raised, warned of, logged or printed."""

    def __init__(self, log: pytest.LogCaptureFixture) -> None:
        self.log = log
        self.texts: list[str] = []

    def hear(self, work: Callable[[], Any], *, fails: bool = False) -> Any:
        """Does the work, and keeps what is said about it."""
        result, failed = None, False
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = work()
            except REFUSALS as error:
                failed = True
                # The words of the exceptions and of their causes, not the lines of this file, which has keys.
                chain = traceback.TracebackException.from_exception(error, lookup_lines=False)
                self.texts += chain.format_exception_only()
                while chain.__cause__ is not None:
                    chain = chain.__cause__
                    self.texts += chain.format_exception_only()
                self.texts += [repr(error), repr(error.args)]
        assert failed == fails, self.texts
        self.texts += [str(warning.message) for warning in caught]
        return result

    def holds(self, words: tuple[str, ...]) -> list[str]:
        """The messages that contain one of the words."""
        heard = [*self.texts, *(record.getMessage() for record in self.log.records), self.log.text]
        return [text for text in heard if any(word in text for word in words)]


@pytest.fixture
def overheard(caplog: pytest.LogCaptureFixture) -> Overheard:
    caplog.set_level(logging.DEBUG)
    return Overheard(caplog)


@pytest.fixture(params=KINDS)
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return {**KINDS[request.param], **KEYS, "data_dir": str(tmp_path / "sessions")}


def test_no_error_of_a_session_shows_a_key_or_an_id(
    options: dict[str, Any], overheard: Overheard, tmp_path: Path
) -> None:
    browser = Browser(options)
    browser.put(colour="green")
    assert browser.jar is not None
    name, _, value = browser.jar.partition("=")
    seen = browser.visit(lambda session: session.id).result

    damaged = [value[:-3], value[: len(value) // 2], "v2." + value, value[::-1], f"{value}x"]
    for text in damaged:
        overheard.hear(lambda text=text: browser.visit(dict, cookie=f"{name}={text}"))  # type: ignore[misc]
        strict = Browser(options, invalidate_corrupt=False)
        overheard.hear(
            lambda text=text, strict=strict: strict.visit(dict, cookie=f"{name}={text}"),  # type: ignore[misc]
            fails=options["type"] == "cookie",
        )
    browser.jar = f"{name}={value}"
    overheard.hear(lambda: browser.put(large=os.urandom(5000)), fails=options["type"] == "cookie")
    overheard.hear(lambda: browser.put(unserializable=lambda: None), fails=True)
    if options["type"] == "file":
        [record] = (tmp_path / "sessions" / "container_file").rglob("*.cache")
        record.write_bytes(b"damaged")
        overheard.hear(
            lambda: Browser(options, invalidate_corrupt=False).visit(dict, browser.jar), fails=True
        )
        overheard.hear(lambda: browser.visit(dict))
        with unprivileged():
            overheard.hear(lambda: browser.put(colour="red"), fails=True)
    assert overheard.texts
    assert overheard.holds((*WORDS, seen, value)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"cookie_format": 7},
        {"crypto_type": "rot13"},
        {"encrypt_nonce_bits": 8},
        {"secret": [SECRET, ""]},
        {"validate_key": [VALIDATE, "é"]},
        {"secret_file": "/nowhere"},
        {"secret": {SECRET: 1}, "secret_fallbacks": 5},
        {"timeout": SECRET},
        {"httponly": SECRET},
        {"session_epoch": SECRET, "type": "cookie"},
        {"cookie_expires": SECRET},
        {"profile": "paranoid"},
    ],
    ids=str,
)
def test_no_refusal_of_an_option_shows_a_key(wrong: dict[str, Any], overheard: Overheard) -> None:
    given = {**KEYS, **wrong}
    overheard.hear(lambda: SessionMiddleware(application, **given), fails=True)
    assert overheard.holds(WORDS) == []


def test_no_weak_key_is_shown_in_its_warning(overheard: Overheard) -> None:
    short: dict[str, Any] = {"secret": "Tangerine", "validate_key": "Clementine", "encrypt_key": "Mandarin"}
    overheard.hear(lambda: SessionMiddleware(application, **short))
    assert sum("can be guessed" in text for text in overheard.texts) == 3
    assert overheard.holds(WORDS) == []


def test_no_object_shows_a_key_when_it_is_printed(tmp_path: Path) -> None:
    request: dict[str, Any] = {"cookie": None}
    kept = Session(request, data_dir=str(tmp_path), type="file", **KEYS)
    sent = CookieSession({}, **KEYS)
    for session in (kept, sent):
        session["colour"] = "green"
        session.save()
    middleware = SessionMiddleware(application, **KEYS)
    proxy = _core.SessionObject({}, type="memory", **KEYS)
    objects = [kept, sent, proxy, middleware, kept.namespace, SignedCookie(SECRET), request]
    shown = [text for thing in objects for text in (repr(thing), str(thing), f"{thing}")]
    assert [text for text in shown if any(word in text for word in WORDS)] == []
    assert [text for text in (repr(kept), repr(kept.namespace)) if kept.id in text] == []


def test_no_warning_contains_foreign_lines(overheard: Overheard, tmp_path: Path) -> None:
    class Chatty:
        def dumps(self, data: Any) -> bytes:
            return repr(dict(data)).encode()

        def loads(self, data: bytes) -> Any:
            raise ValueError("no\r\nERROR root logged in\x1b[2J\u2028as admin\x00")

    options = {"type": "cookie", "data_serializer": Chatty(), **KEYS}
    browser = Browser(options)
    browser.put(colour="green")
    overheard.hear(lambda: browser.visit(dict))
    [warning] = overheard.texts
    assert warning.isprintable()
    assert "no\\r\\nERROR root" in warning
