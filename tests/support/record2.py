"""Records of format 2, made and read by the standard library: what ours has to agree with."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass

from tests.support import xchacha
from tests.support.format2 import derive

PLAIN = "r2.p."
SEALED = "r2.e."


@dataclass(frozen=True)
class Record:
    """The content of a record."""

    accessed: float
    payload: bytes


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _head(session_id: str, record: Record) -> bytes:
    accessed = struct.pack(">d", record.accessed)
    owner = session_id.encode()
    hashed = PLAIN.encode() + struct.pack(">Q", len(owner)) + owner + record.payload + accessed
    return accessed + hashlib.sha256(hashed).digest()[:16]


def plain(session_id: str, record: Record) -> str:
    """The text of a record that is not encrypted."""
    return PLAIN + _base64(_head(session_id, record)) + _base64(record.payload)


def _key(encrypt_key: str, validate_key: str) -> bytes:
    return derive(encrypt_key.encode(), validate_key.encode(), b"beaker-rs v2 record\0")


def sealed(session_id: str, record: Record, encrypt_key: str, validate_key: str, nonce: bytes) -> str:
    """The text of a record that is."""
    associated = (SEALED + session_id).encode()
    body = struct.pack(">d", record.accessed) + record.payload
    return SEALED + _base64(nonce + xchacha.sealed(_key(encrypt_key, validate_key), nonce, associated, body))


def read(session_id: str, text: str, encrypt_key: str | None = None, validate_key: str = "") -> Record:
    """The content of a record's text; `ValueError` if it is not a record of that id."""
    if encrypt_key is not None and text.startswith(SEALED):
        box = base64.b64decode(text[len(SEALED) :], validate=True)
        associated = (SEALED + session_id).encode()
        body = xchacha.opened(_key(encrypt_key, validate_key), box[:24], associated, box[24:])
        return Record(struct.unpack(">d", body[:8])[0], body[8:])
    head = base64.b64decode(text[len(PLAIN) : len(PLAIN) + 32], validate=True)
    body = base64.b64decode(text[len(PLAIN) + 32 :], validate=True)
    record = Record(struct.unpack(">d", head[:8])[0], body)
    if text != plain(session_id, record):
        message = "not the record of that id"
        raise ValueError(message)
    return record
