"""Keys of the tests, and sessions that are kept under them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.sessions import Browser

if TYPE_CHECKING:
    from collections.abc import Mapping

NEW = "the new key of the tests, which has its length"
OLD = "the old key of the tests, which has its length"
OLDEST = "the oldest key of the tests, which has its length"
OTHER = "another key of the tests, which nobody has to know"


@dataclass(frozen=True)
class Keyed:
    """A kind of session that one of the options for keys protects."""

    option: str
    options: Mapping[str, Any]

    def browser(self, key: Any, **more: Any) -> Browser:
        """An application whose option is the key, or the keys."""
        return Browser(self.options, {self.option: key}, more)

    def given(self, jar: str | None, key: Any, **more: Any) -> Browser:
        """The same with a browser that has a cookie already."""
        visitor = self.browser(key, **more)
        visitor.jar = jar
        return visitor
