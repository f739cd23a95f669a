"""Cookies as Python objects: tolerant of what browsers send, strict in what is sent to them."""

import http.cookies as http_cookies
import re
from collections.abc import Mapping
from typing import Any, Final

from beaker import _core

__all__ = ["InvalidSignature", "SignedCookie", "SimpleCookie"]

# What would end the value, or the header, when it is sent as it is.
_ENDS_A_VALUE = re.compile("[\x00-\x1f\x7f;]")


class SimpleCookie(http_cookies.SimpleCookie):
    """The cookies of a request or a response.

    Reading a request's header never fails: a cookie that makes no sense is left out, and named in
    ``bad_cookies``, and its neighbours are read. Of several cookies with one name the last counts. Names that
    are attributes in responses (``Path``, ``Domain`` and so on) are no attributes in a request, and are left
    out. Values are sent as they are, without quotes.
    """

    bad_cookies: set[str]

    def load(self, rawdata: Any) -> None:
        """Adds the cookies of a ``Cookie`` header, or those of a mapping of names to values."""
        self.bad_cookies = set()
        if isinstance(rawdata, str):
            for name, value in _parse(rawdata):
                self._add(name, *self.value_decode(value))
        elif isinstance(rawdata, Mapping):
            for name, value in rawdata.items():
                try:
                    self[name] = value
                except http_cookies.CookieError:  # noqa: PERF203 - each cookie by itself
                    self.bad_cookies.add(name)
        else:
            raise TypeError(f"cookies are read from text or a mapping, not from {type(rawdata).__name__}")

    def _add(self, name: str, value: Any, coded_value: str) -> None:
        morsel: http_cookies.Morsel[Any] = http_cookies.Morsel()
        try:
            morsel.set(name, value, coded_value)
        except http_cookies.CookieError:
            self.bad_cookies.add(name)
        else:
            dict.__setitem__(self, name, morsel)

    def value_encode(self, val: Any) -> tuple[str, str]:
        """``val`` as text, twice. ``CookieError`` if it cannot be sent as it is."""
        text = _sendable(val)
        return text, text


class _InvalidSignatureType:
    """The type of :data:`InvalidSignature`."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "InvalidSignature"

    def __reduce__(self) -> str:
        return "InvalidSignature"


InvalidSignature: Final = _InvalidSignatureType()
"""The value of a signed cookie whose signature is not ours. It is false."""


class SignedCookie(SimpleCookie):
    """Cookies whose values carry a signature: 40 hexadecimal digits of HMAC-SHA-1, then the value.

    A cookie that was read has the value without the signature, ``None`` if it was empty, or
    :data:`InvalidSignature`. Of several cookies with one name the last with a good signature counts.
    """

    def __init__(self, secret: str | bytes, input: Any = None) -> None:  # noqa: A002
        self.secret = secret.encode("utf-8") if isinstance(secret, str) else bytes(secret)
        super().__init__(input)

    def _add(self, name: str, value: Any, coded_value: str) -> None:
        if isinstance(value, str) or not (name in self and isinstance(self[name].value, str)):
            super()._add(name, value, coded_value)

    def value_decode(self, val: str) -> tuple[Any, str]:
        """What the signed ``val`` says, and ``val`` without the quotes it may have."""
        signed = val.strip('"')
        if not signed:
            return None, signed
        try:
            value = _core.verify(self.secret, signed)
        except UnicodeEncodeError:  # a lone surrogate, which we never sign
            value = None
        return InvalidSignature if value is None else value, signed

    def value_encode(self, val: Any) -> tuple[str, str]:
        """``val`` as text, and the same with its signature. ``CookieError`` if it cannot be sent as it is."""
        text = _sendable(val)
        return text, _core.sign(self.secret, text)


def _sendable(value: Any) -> str:
    text = str(value)
    if _ENDS_A_VALUE.search(text):
        raise http_cookies.CookieError("a cookie's value has no semicolons and no control characters")
    return text


def _parse(header: str) -> list[tuple[str, str]]:
    try:
        return _core.parse_cookies(header)
    except UnicodeEncodeError:
        # Lone surrogates come from a header that was no UTF-8; they cannot be part of a cookie of ours.
        return _core.parse_cookies(header.encode("utf-8", "replace").decode("utf-8"))
