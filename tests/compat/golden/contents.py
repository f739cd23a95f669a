"""The contents of the sessions of these tests, and a serializer that Beaker does not have."""

from __future__ import annotations

import ast
import datetime
import decimal
import random
import string
from typing import Any

PLAIN_CONTENTS: dict[str, dict[str, Any]] = {
    "empty": {},
    "numbers": {"user_id": 10, "rate": 0.1, "none": None, "yes": True, "big": 2**70, "negative": -1},
    "unicode": {"naïve": "Grüße, 世界 \U0001f36a", "nul": "a\x00b", "quotes": "\"'\\\n"},
    "nested": {"cart": [{"sku": "a-1", "n": 2}, {"sku": "b", "n": [1, [2, [3]]]}], "flags": {"a": {"b": {}}}},
}
RICH_CONTENTS: dict[str, dict[str, Any]] = {
    "objects": {
        "when": datetime.datetime(2024, 2, 29, 12, 30, 15, 123456),  # noqa: DTZ001 -- stored as it is
        "zoned": datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
        "span": datetime.timedelta(days=1, seconds=2),
        "day": datetime.date(2024, 2, 29),
        "price": decimal.Decimal("12.50"),
        "bytes": b"\x00\xff",
        "pair": (1, "two"),
        "keys": {3: "int", (1, 2): "tuple"},
        "set": {7},
    },
}
LARGE = {"text": "0123456789abcdef" * 3100}
"""Stored as more than the 64 KiB at which the file's pickle leaves its frame."""


def _noise(length: int) -> dict[str, Any]:
    """Text that compresses as badly as text can, the same at each call."""
    source = random.Random("noise")
    return {"text": "".join(source.choices(string.ascii_letters + string.digits, k=length))}


FULL_CONTENTS: dict[str, dict[str, Any]] = {
    "full-pickle": _noise(2811),
    "full-json": _noise(3760),
    "full-literal": _noise(2820),
}
"""By serializer, what fills all but a few bytes of what a browser keeps of a cookie."""
CONTENTS = {**PLAIN_CONTENTS, **RICH_CONTENTS, "large": LARGE, **FULL_CONTENTS}


class Literal:
    """Python's own notation as a serializer."""

    @staticmethod
    def dumps(session: dict[str, Any]) -> bytes:
        """The session as its notation."""
        return repr(dict(session)).encode()

    @staticmethod
    def loads(stored: bytes) -> Any:
        """The session of a notation."""
        return ast.literal_eval(stored.decode())


def contents_of(serializer: str) -> list[str]:
    """The names of what a serializer can store."""
    return [*PLAIN_CONTENTS, *(RICH_CONTENTS if serializer == "pickle" else ())]
