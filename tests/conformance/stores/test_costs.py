"""Nothing that a store or a cookie holds costs more than in proportion to its length: it is refused first."""

from __future__ import annotations

import base64
import json
import pickle
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import CorruptSessionError
from tests.conformance.cookie_session.plain import signed
from tests.support.sessions import COOKIE, KEY, UNKNOWN_ID, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

    Reading = Callable[[bytes, dict[str, Any]], Any]

MIB = 1 << 20


@pytest.fixture(params=["store", "cookie"])
def reading(request: pytest.FixtureRequest, backend: Backend) -> Reading:
    """Reads a payload that lies in a store, or in a cookie."""
    # What a backend imports and connects is not measured.
    opened(backend, UNKNOWN_ID)
    backend.texts()

    def from_store(payload: bytes, options: dict[str, Any]) -> Any:
        backend.plant(UNKNOWN_ID, base64.b64encode(payload).decode())
        return opened(backend, UNKNOWN_ID, **options)

    def from_cookie(payload: bytes, options: dict[str, Any]) -> Any:
        visitor = Browser(COOKIE, options, invalidate_corrupt=False)
        cookie = f"{KEY}={signed(base64.b64encode(payload).decode())}"
        return visitor.visit(dict, cookie=cookie).result

    return from_store if request.param == "store" else from_cookie


def refused(reading: Reading, payload: bytes, **options: Any) -> int:
    """The bytes that were allocated at once until the payload was refused."""
    tracemalloc.start()
    try:
        with pytest.raises(CorruptSessionError):
            reading(payload, options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("policy", ["any", "allowlist"])
@pytest.mark.parametrize(
    "pickle_",
    [
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"\x80\x02}r\xff\xff\xff\x00.",
        b"}p16777215\n.",
        b"}p99999999999\n.",
        b"\x80\x05\x96\x00\x00\x00\x20\x00\x00\x00\x00.",
        b"\x80\x04\x8e\x00\x00\x00\x20\x00\x00\x00\x00.",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
        b"\x80\x02T\xff\xff\xff\x7f.",
    ],
)
def test_a_pickle_of_a_few_bytes_takes_no_more_memory(reading: Reading, pickle_: bytes, policy: str) -> None:
    assert refused(reading, pickle_, pickle=policy) < 2 * MIB


def test_keys_that_were_chosen_to_have_one_hash_are_refused(reading: Reading) -> None:
    keys = [number * (2**61 - 1) for number in range(600)]
    assert refused(reading, pickle.dumps(dict.fromkeys(keys), 2), pickle="allowlist") < 2 * MIB


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 2000 + b"]" * 2000,
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b'{"a": [' + b"[]," * 2_000_000 + b"[]]}",
        b'{"a": [' + b"1," * 2_000_000 + b"1]}",
        b'{"a": ' + b"1" * 100_000 + b"}",
        json.dumps({"a": "b"}).encode("utf-16"),
        json.dumps({"a": "b"}).encode("utf-32-le"),
    ],
    ids=["arrays", "objects", "many arrays", "many numbers", "digits", "UTF-16", "UTF-32"],
)
def test_expensive_json_is_refused_before_it_is_read(reading: Reading, text: bytes) -> None:
    assert refused(reading, zlib.compress(text), data_serializer="json") < 2 * MIB + 2 * len(text)


@pytest.mark.parametrize("policy", [{"pickle": "any"}, {"pickle": "allowlist"}, {"data_serializer": "json"}])
def test_a_large_session_that_repeats_itself_is_read_again(backend: Backend, policy: dict[str, Any]) -> None:
    row = {"name": "a name like any other", "numbers": list(range(100)), "text": "x" * 500}
    session = opened(backend, "chosen", **policy)
    session["rows"] = [row] * 2000
    session["deep"] = json.loads("[" * 300 + "]" * 300)
    session.save()
    again = opened(backend, "chosen", **policy)
    assert again["rows"] == [row] * 2000
    assert again["deep"] == session["deep"]
