"""Texts of records in format 2, as an implementation in plain Python writes them, so that it cannot drift.

`python -m tests.compat.golden.records` writes `records.txt`, which the tests of both halves read.
A line is a text and what it says, separated by tabs: the id, the encrypt_key and the validate_key or
nothing, the access time, the payload and the text. The id, the keys and the payload are hexadecimal.
The nonce is the bytes 0, 1, 2, …
"""

from __future__ import annotations

import pickle
import zlib
from pathlib import Path

from tests.support import record2
from tests.support.record2 import Record

FILE = Path(__file__).with_name("records.txt")
NONCE = bytes(range(24))
ID = "f9b61ddc49ba4d9ea0a1b4f4a4b3a5c0"
OTHER_ID = "réunion/42"
SESSION = {"_creation_time": 1.7e9, "_accessed_time": 1.7e9, "user_id": 10, "name": "Ada"}
PAYLOADS = [
    pickle.dumps(SESSION, 2),
    zlib.compress(b'{"user_id": 10, "name": "Ada"}'),
    b"",
    bytes(range(256)),
]
TIMES = [1.7e9, 1700000000.123456, 0.0, -1.5]
KEYS = [None, ("encrypt", "validate"), ("an encryption key of the tests", "Ünicode")]


def lines() -> list[str]:
    """The lines of the file."""
    found = []
    for keys in KEYS:
        for session_id in (ID, OTHER_ID):
            for payload, accessed in zip(PAYLOADS, TIMES, strict=True):
                record = Record(accessed, payload)
                if keys is None:
                    text = record2.plain(session_id, record)
                else:
                    text = record2.sealed(session_id, record, *keys, NONCE)
                parts = [session_id, *(keys or ("", ""))]
                found.append(
                    "\t".join([*(part.encode().hex() for part in parts), repr(accessed), payload.hex(), text])
                )
    return found


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n")
