"""Cookies as Python objects: tolerant when reading, strict when writing."""

import http.cookies as http_cookies
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from beaker import _core
from beaker.exceptions import ConfigurationError

__all__ = ["InvalidSignature", "Morsel", "SignedCookie", "SimpleCookie"]

# Characters that end the value or the header, or a line of a log. Beaker lets all others pass. The cookies of
# sessions have a stricter rule.
_ENDS_A_VALUE = re.compile("[\x00-\x1f\x7f-\x9f;\u2028\u2029]")


class Morsel(http_cookies.Morsel[Any]):
    """One cookie and its attributes. ``partitioned`` is one of them also before Python 3.14.

    No attribute is printed that would begin another attribute or another header.
    """

    if not http_cookies.Morsel().isReservedKey("partitioned"):
        # There is no public way to add an attribute.
        _reserved = {**getattr(http_cookies.Morsel, "_reserved", {}), "partitioned": "Partitioned"}
        _flags = {*getattr(http_cookies.Morsel, "_flags", ()), "partitioned"}

    def copy(self) -> "Morsel":
        """A copy of the cookie."""
        morsel = type(self)()
        morsel.update(self)
        morsel.__dict__.update(self.__dict__)
        return morsel

    def output(self, attrs: Any = None, header: str = "Set-Cookie:") -> str:
        """The header. Raises ``ConfigurationError`` for an attribute that cannot be written."""
        _core.check_attributes(self)
        return super().output(attrs, header)

    __str__ = output


class SimpleCookie(http_cookies.SimpleCookie):
    """The cookies of a request or a response.

    Reading a request's header never fails: a malformed cookie is skipped, and its name is added to
    ``bad_cookies``. Of several cookies with one name the last counts. The names of attributes (``Path``,
    ``Domain`` and so on) are skipped in a request. If a proxy joined header fields by a comma and white
    space, the cookies in them are read too, after those between semicolons. Values are sent unquoted.
    """

    bad_cookies: set[str]

    def load(self, rawdata: Any) -> None:
        """Adds the cookies of a ``Cookie`` header, or those of a mapping of names to values."""
        self.bad_cookies = set()
        if isinstance(rawdata, str):
            header = _readable(rawdata)
            for name, value in _core.parse_cookies(header):
                self._add(name, *self._decode(name, value))
            self._load_joined(header)
        elif isinstance(rawdata, Mapping):
            for name, value in rawdata.items():
                try:
                    self[name] = value
                except http_cookies.CookieError:  # noqa: PERF203 - each cookie by itself
                    self.bad_cookies.add(name)
        else:
            raise TypeError(f"cookies must be text or a mapping, got {type(rawdata).__name__}")

    def _load_joined(self, header: str) -> None:
        joined = _core.parse_joined_cookies(header, spaced=not self._is_proof)
        # Cookies between semicolons come first.
        settled = {name for name, _ in joined if name in self and self._is_good(self[name].value)}
        for name, coded_value in joined:
            value, coded = self._decode(name, coded_value)
            if name not in settled and self._is_good(value):
                self._add(name, value, coded)

    # Whether a foreign value can be recognised, so that no part of another cookie passes for one of ours.
    _is_proof = False

    def _is_good(self, value: Any) -> bool:  # noqa: ARG002 - overridden for signatures
        return True

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(value, http_cookies.Morsel):
            # An existing cookie keeps its attributes.
            morsel = self.get(key)
            if morsel is None:
                morsel = Morsel()
            morsel.set(key, *self.value_encode(value))
            value = morsel
        super().__setitem__(key, value)

    def _decode(self, name: str, value: str) -> tuple[Any, str]:  # noqa: ARG002 - overridden for signatures
        return self.value_decode(value)

    def _add(self, name: str, value: Any, coded_value: str) -> None:
        morsel = Morsel()
        try:
            morsel.set(name, value, coded_value)
        except http_cookies.CookieError:
            self.bad_cookies.add(name)
        else:
            self[name] = morsel

    def value_encode(self, val: Any) -> tuple[str, str]:
        """``val`` as text, twice. Raises ``CookieError`` for a character that ends the cookie."""
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
"""The value of a cookie with a bad signature. It is false."""


class SignedCookie(SimpleCookie):
    """Cookies with signed values: 40 hexadecimal digits of HMAC-SHA-1, then the value.

    There may be several secrets, the newest first: the first signs, all verify. Format 2, which is bound to
    the cookie's name, is read too.

    A cookie that was read has its value without the signature, ``None`` if it was empty, or
    :data:`InvalidSignature`. Of several cookies with one name the last with a good signature counts.
    """

    secret: bytes
    """The signing secret."""

    def __init__(self, secret: str | bytes | Sequence[str | bytes], input: Any = None) -> None:  # noqa: A002
        self.secret, *older = _secrets(secret)
        self._older = tuple(older)
        super().__init__(input)

    def _decode(self, name: str, value: str) -> tuple[Any, str]:
        signed = value.strip('"')
        if not signed.startswith(_core.FORMAT_2_PREFIX):
            return self.value_decode(value)
        return self._verified(name, signed), signed

    def _add(self, name: str, value: Any, coded_value: str) -> None:
        if self._is_good(value) or not (name in self and self._is_good(self[name].value)):
            super()._add(name, value, coded_value)

    _is_proof = True

    def _is_good(self, value: Any) -> bool:
        return isinstance(value, str)

    def value_decode(self, val: str) -> tuple[Any, str]:
        """The value in the signed ``val``, and ``val`` without quotes.

        Format 2 cannot be read here, because it needs the cookie's name.
        """
        signed = val.strip('"')
        return self._verified(None, signed) if signed else None, signed

    def value_encode(self, val: Any) -> tuple[str, str]:
        """``val`` as text, and signed. Raises ``CookieError`` for a character that ends the cookie."""
        text = _sendable(val)
        return text, _core.sign(self.secret, text)

    def _verified(self, name: str | None, signed: str) -> Any:
        try:
            value = _core.verify([self.secret, *self._older], name, signed)
        except UnicodeEncodeError:  # a lone surrogate, which we never sign
            value = None
        return InvalidSignature if value is None else value


def _secrets(secret: Any) -> list[bytes]:
    several = [secret] if isinstance(secret, (str, bytes, bytearray, memoryview)) else list(secret)
    if not several:
        raise ConfigurationError("a signed cookie needs a secret, got an empty list")
    return [one.encode("utf-8") if isinstance(one, str) else bytes(one) for one in several]


def _sendable(value: Any) -> str:
    text = str(value)
    if _ENDS_A_VALUE.search(text):
        raise http_cookies.CookieError("a cookie's value must not contain semicolons or control characters")
    return text


def _readable(header: str) -> str:
    # Lone surrogates come from a header that was not UTF-8. No cookie of ours has them.
    return header.encode("utf-8", "replace").decode("utf-8")
