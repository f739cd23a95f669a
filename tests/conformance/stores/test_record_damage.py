"""Records of format 2 that are not as they were written: what is refused, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning, CorruptSessionError
from tests.conformance.stores.record_texts import HEAD, OTHER_ID, saved
from tests.support.fixtures import SECRETS
from tests.support.sessions import ID, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


def is_refused(backend: Backend, encoding: dict[str, Any], text: str, match: str = "") -> None:
    """With `invalidate_corrupt` there is a warning and a new session, else an exception. The record stays."""
    backend.plant(ID, text)
    with pytest.raises(CorruptSessionError, match=match or "cannot"):
        opened(backend, ID, invalidate_corrupt=False, **encoding)
    with pytest.warns(BeakerWarning, match="cannot be decoded"):
        session = opened(backend, ID, invalidate_corrupt=True, **encoding)
    assert session.is_new
    assert "name" not in session
    assert session.id != ID
    assert backend.texts()[ID] == text


def test_a_changed_character_anywhere_is_refused(backend: Backend, encoding_2: dict[str, Any]) -> None:
    text = saved(backend, encoding_2, name="Ada")
    places = [*range(40), *range(40, len(text), 7), len(text) - 1]
    for place in places:
        is_refused(backend, encoding_2, text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :])


def test_a_text_that_was_cut_anywhere_is_refused(backend: Backend, encoding_2: dict[str, Any]) -> None:
    text = saved(backend, encoding_2, name="Ada")
    for length in [*range(1, 42), *range(42, len(text), 9), len(text) - 1]:
        is_refused(backend, encoding_2, text[:length])


def test_the_record_of_another_session_is_refused(backend: Backend, encoding_2: dict[str, Any]) -> None:
    text = saved(backend, encoding_2, OTHER_ID, name="Ada")
    is_refused(backend, encoding_2, text, "another's")
    assert opened(backend, OTHER_ID, **encoding_2)["name"] == "Ada"


def test_parts_of_two_states_of_a_record_are_refused(
    backend: Backend, encoding_2: dict[str, Any], clock: Clock
) -> None:
    one = saved(backend, encoding_2, name="Ada")
    clock.advance(1)
    other = saved(backend, encoding_2, name="Eve")
    for place in (HEAD.start, HEAD.start + 12, HEAD.stop, HEAD.stop + 16, len(one) - 8):
        for first, second in ((one, other), (other, one)):
            made = first[:place] + second[place:]
            if made not in (one, other):
                is_refused(backend, encoding_2, made)


def test_a_plain_record_is_refused_where_there_is_a_key(backend: Backend) -> None:
    plain = saved(backend, {"record_format": 2}, name="Ada")
    for record_format in (1, 2):
        encoding = {**SECRETS, "record_format": record_format}
        is_refused(backend, encoding, plain, "not encrypted, and there is an encrypt_key")


def test_an_encrypted_record_is_refused_without_its_key(backend: Backend) -> None:
    text = saved(backend, {**SECRETS, "record_format": 2}, name="Ada")
    for record_format in (1, 2):
        is_refused(backend, {"record_format": record_format}, text, "encrypted, and there is no encrypt_key")
        for name, key in SECRETS.items():
            encoding = {**SECRETS, name: f"{key}, changed", "record_format": record_format}
            is_refused(backend, encoding, text, "not with this key")


def test_a_format_that_there_is_not_is_refused(backend: Backend, encoding_2: dict[str, Any]) -> None:
    text = saved(backend, encoding_2, name="Ada")
    is_refused(backend, encoding_2, "r3" + text[2:], "does not know")
