"""Values as text: options and arguments on their way in, and everything that is observed on its way out."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.cookies
import re
from typing import TYPE_CHECKING, Any

from beaker.session import Session, SessionObject

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGNED = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}[A-Za-z0-9+/=]{33,}")
_ID = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{72}|[0-9a-f]{32})(?![0-9a-f])")


def given(value: Any) -> Any:
    """The value of a word in a scenario: text that begins with `@` is a value that JSON does not have."""
    if isinstance(value, str) and value.startswith("@timedelta "):
        return datetime.timedelta(seconds=float(value.split()[1]))
    if isinstance(value, str) and value.startswith("@datetime "):
        year, month, day, hour, minute, second = map(int, value.split()[1:])
        return datetime.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 -- as applications do
    if value == "@noon in Tokyo":
        zone = datetime.timezone(datetime.timedelta(hours=9))
        return datetime.datetime(2030, 1, 1, 12, tzinfo=zone)
    if isinstance(value, dict):
        return {key: given(item) for key, item in value.items()}
    return value


class Names:
    """Names for ids, which are random: `id1` is the one that was seen first.

    A session that its cookie keeps is shown as what it says, by a function that reads its text.
    """

    def __init__(self, secret: str | None, content: Callable[[str], Any] | None = None) -> None:
        self._secret = secret
        self._content = content
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """The text with every id replaced, and every signature that is right."""
        if self._content is not None:
            text = _SIGNED.sub(lambda found: self._session(found.group()), text)
        return _ID.sub(lambda found: self._name(found.group()), text)

    def _session(self, text: str) -> str:
        if self._content is None or not self._is_signed(text):
            return text
        try:
            content = self._content(text[40:])
        except Exception:  # it says nothing
            return text
        return f"signed-{shown(dict(sorted(content.items())))}"

    def _name(self, text: str) -> str:
        if len(text) == 32:
            return self._known.setdefault(text, f"id{len(self._known) + 1}")
        return f"signed-{self._name(text[40:])}" if self._is_signed(text) else text

    def _is_signed(self, text: str) -> bool:
        if self._secret is None:
            return False
        return hmac.new(self._secret.encode(), text[40:].encode(), hashlib.sha1).hexdigest() == text[:40]


def shown(value: Any) -> str:
    """A value as text, the same for both implementations where it means the same."""
    if isinstance(value, (Session, SessionObject)):
        return f"session {value!r}"
    if isinstance(value, http.cookies.Morsel):
        return value.OutputString()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(
        value, (list, tuple, str, bytes, int, float, type(None), datetime.datetime, datetime.timedelta)
    ):
        return repr(value)
    if isinstance(value, (type({}.keys()), type({}.items()), type({}.values()))):
        return repr(list(value))
    return f"some {type(value).__name__}"


def outcome(action: Callable[..., Any], *arguments: Any) -> str:
    """The result or the exception of an action."""
    try:
        return shown(action(*arguments))
    except Exception as error:  # that they raise the same is what is compared
        return "raises " + raised(error)


def raised(error: Exception) -> str:
    """An exception as text: the classes that a program can catch, without the message."""
    if isinstance(error, KeyError):
        return f"KeyError {error.args}"
    for base in type(error).__mro__:
        if base.__module__ == "builtins" or base.__name__ == "BeakerException":
            return base.__name__
    return type(error).__name__
