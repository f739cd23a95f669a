"""Texts of records in format 2, and what another implementation says of them."""

from __future__ import annotations

import ast
import json
import pickle
import zlib
from typing import TYPE_CHECKING, Any

from tests.support import record2
from tests.support.record2 import Record
from tests.support.sessions import ID, START, VALIDATE_KEY, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

OTHER_ID = "fedcba9876543210fedcba9876543210"
NONCE = bytes(range(24))
TIMES = {"_creation_time": START, "_accessed_time": START}
PLACE = {"_domain": None, "_path": "/"}
DUMPS: dict[str, Callable[[Any], bytes]] = {
    "pickle": lambda data: pickle.dumps(data, 2),
    "json": lambda data: zlib.compress(json.dumps(data).encode()),
    "custom": lambda data: repr(data).encode(),
}
LOADS: dict[str, Callable[[bytes], Any]] = {
    "pickle": pickle.loads,
    "json": lambda data: json.loads(zlib.decompress(data)),
    "custom": lambda data: ast.literal_eval(data.decode()),
}
HEAD = slice(5, 37)


def serializer_of(encoding: dict[str, Any]) -> str:
    chosen = encoding["data_serializer"]
    return chosen if isinstance(chosen, str) else "custom"


def said(text: str, encoding: dict[str, Any], session_id: str = ID) -> tuple[float, Any]:
    """When the other implementation finds that the session was used, and what it finds in it."""
    key = encoding.get("encrypt_key")
    record = record2.read(session_id, text, key, VALIDATE_KEY)
    return record.accessed, LOADS[serializer_of(encoding)](record.payload)


def made(encoding: dict[str, Any], data: Any, accessed: float = START, session_id: str = ID) -> str:
    """A text that the other implementation writes."""
    record = Record(accessed, DUMPS[serializer_of(encoding)](data))
    if "encrypt_key" not in encoding:
        return record2.plain(session_id, record)
    return record2.sealed(session_id, record, encoding["encrypt_key"], VALIDATE_KEY, NONCE)


def saved(backend: Backend, encoding: dict[str, Any], session_id: str = ID, **values: Any) -> str:
    """The text of a session that was saved."""
    session = opened(backend, session_id, **encoding)
    session.update(values)
    session.save()
    return backend.texts()[session_id]
