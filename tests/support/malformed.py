"""Parts of a ``Cookie`` header that are no cookies, and that spoil none beside them."""

from __future__ import annotations

from typing import Final

MALFORMED: Final = (
    "[]=1",
    "a b=1",
    "=1",
    "novalue",
    "é=1",
    'q="unclosed',
    "{json}={}",
    "\x00=1",
    "x=\x01",
    ";;;",
    ",",
    "k\t=1",
)
