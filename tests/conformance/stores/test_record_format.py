"""Records of format 2: what is in them, how they are touched, and that a session lives as it always did."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException
from tests.compat.golden import records
from tests.conformance.stores.record_texts import HEAD, PLACE, TIMES, made, said, saved
from tests.support import record2
from tests.support.fixtures import SECRETS
from tests.support.sessions import COOKIE, ID, START, Browser, Literals, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


def test_the_fixed_texts_are_those_of_the_other_implementation() -> None:
    assert records.FILE.read_text().splitlines() == records.lines()


def test_our_records_are_read_by_another_implementation(
    backend: Backend, encoding_2: dict[str, Any], clock: Clock
) -> None:
    text = saved(backend, encoding_2, name="Ada", nested=[1, {"two": 2}])
    prefix = record2.SEALED if "encrypt_key" in encoding_2 else record2.PLAIN
    assert text.startswith(prefix)
    assert said(text, encoding_2) == (START, {**TIMES, **PLACE, "name": "Ada", "nested": [1, {"two": 2}]})


def test_records_of_another_implementation_are_read(
    backend: Backend, encoding_2: dict[str, Any], clock: Clock
) -> None:
    backend.plant(ID, made(encoding_2, {**TIMES, "name": "Ada"}))
    clock.advance(5)
    session = opened(backend, ID, **encoding_2)
    assert (session["name"], session.last_accessed, session["_accessed_time"]) == ("Ada", START, START + 5)


def test_the_access_time_of_the_head_counts(
    backend: Backend, encoding_2: dict[str, Any], clock: Clock
) -> None:
    stale, fresh = {**TIMES, "_accessed_time": START - 1000}, {**TIMES, "_accessed_time": START + 1000}
    for payload, accessed, alive in [(stale, START - 5, True), (fresh, START - 500, False)]:
        backend.plant(ID, made(encoding_2, {**payload, "name": "Ada"}, accessed))
        session = opened(backend, ID, timeout=60, **encoding_2)
        assert session.get("name") == ("Ada" if alive else None)
        assert session.was_invalidated is not alive
        assert session.last_accessed == (accessed if alive else None)


def test_a_payload_without_an_access_time_has_that_of_the_head(
    backend: Backend, encoding_2: dict[str, Any], clock: Clock
) -> None:
    session = opened(backend, ID, **encoding_2)
    session.clear()
    session["name"] = "Ada"
    session.save()
    assert said(backend.texts()[ID], encoding_2) == (START, {**PLACE, "name": "Ada"})
    clock.advance(5)
    assert opened(backend, ID, **encoding_2).last_accessed == START


def test_a_touch_changes_the_head_of_a_plain_record_and_nothing_else(
    backend: Backend, serializer: dict[str, Any], clock: Clock
) -> None:
    encoding = {**serializer, "record_format": 2}
    before = saved(backend, encoding, name="Ada", large="x" * 5000)
    files = [(file, file.stat().st_ino) for file in backend.files()]
    chosen = serializer["data_serializer"]
    dumped = chosen.dumped if isinstance(chosen, Literals) else 0
    for seconds in (1, 2, 3):
        clock.now = START + seconds
        session = opened(backend, ID, **encoding)
        assert session["name"] == "Ada"
        session.save(accessed_only=True)
        after = backend.texts()[ID]
        assert (after[: HEAD.start], after[HEAD.stop :]) == (before[: HEAD.start], before[HEAD.stop :])
        assert after[HEAD] != before[HEAD]
        accessed, data = said(after, encoding)
        assert (accessed, data["_accessed_time"]) == (START + seconds, START)
    assert [(file, file.stat().st_ino) for file in backend.files()] == files
    assert not isinstance(chosen, Literals) or chosen.dumped == dumped


def test_a_touch_of_an_encrypted_record_serializes_nothing(backend: Backend, clock: Clock) -> None:
    serializer = Literals()
    encoding = {**SECRETS, "data_serializer": serializer, "record_format": 2}
    before = saved(backend, encoding, name="Ada")
    dumped = serializer.dumped
    clock.advance(7)
    opened(backend, ID, **encoding).save(accessed_only=True)
    after = backend.texts()[ID]
    assert after != before
    assert said(after, encoding)[0] == START + 7
    assert serializer.dumped == dumped
    session = opened(backend, ID, **encoding)
    assert (session["name"], session.last_accessed) == ("Ada", START + 7)


def test_a_change_in_place_is_stored_after_many_touches(
    backend: Backend, encoding_2: dict[str, Any], clock: Clock
) -> None:
    saved(backend, encoding_2, cart=["apple"], name="Ada")
    for fruit in ("pear", "plum"):
        for _ in range(2):
            clock.advance(1)
            session = opened(backend, ID, **encoding_2)
            assert session["cart"]
            before = backend.texts()[ID]
            session.save(accessed_only=True)
            if "encrypt_key" not in encoding_2:
                # Only to look at a value that could be changed does not write it.
                assert backend.texts()[ID][HEAD.stop :] == before[HEAD.stop :]
        session = opened(backend, ID, **encoding_2)
        session["cart"].append(fruit)
        session.save(accessed_only=True)
    assert opened(backend, ID, **encoding_2)["cart"] == ["apple", "pear", "plum"]


@pytest.mark.parametrize("given", [0, 3, "2.0", "two"])
def test_there_are_two_formats(given: Any) -> None:
    with pytest.raises(BeakerException, match="record_format"):
        Browser(type="memory", record_format=given)


def test_format_1_is_written_unless_it_is_said(backend: Backend, browser: Browsers) -> None:
    def stored(**options: Any) -> str:
        visitor = browser(secret="s" * 32, **options)
        visitor.visit(lambda session: session.save())
        (text,) = backend.texts().values()
        visitor.visit(lambda session: session.delete())
        return text[:5]

    for options in ({}, {"profile": "compatible"}, {"record_format": 1}, {"record_format": "1"}):
        assert "." not in stored(**options)
    assert "." not in stored(profile="hardened", record_format=1)
    for options in ({"record_format": "2"}, {"profile": "hardened"}):
        assert stored(**options) == record2.PLAIN
        assert stored(**options, **SECRETS) == record2.SEALED


def test_a_session_that_its_cookie_keeps_has_no_record() -> None:
    visitor = Browser(COOKIE, record_format=2)
    visit = visitor.put(name="Ada")
    assert "." not in visit.session._encrypt_data()
    assert Browser(COOKIE).visit(lambda session: session["name"], cookie=visitor.jar).result == "Ada"


def test_a_rotated_session_is_bound_to_its_new_id(
    backend: Backend, browser: Browsers, encoding_2: dict[str, Any], clock: Clock
) -> None:
    visitor = browser(**encoding_2)
    visitor.put(name="Ada", cart=[1])
    old = visitor.id
    visitor.visit(lambda session: session.regenerate_id())
    assert visitor.id != old
    (text,) = backend.texts().values()
    assert said(text, encoding_2, visitor.id)[1]["name"] == "Ada"
    with pytest.raises(ValueError, match="not"):
        said(text, encoding_2, old)

    def rotate_and_save(session: Any) -> None:
        session["cart"].append(2)
        session.regenerate_id()
        session["more"] = True
        session.save()

    visitor.visit(rotate_and_save)
    assert visitor.read() == {"name": "Ada", "cart": [1, 2], "more": True}


def test_a_life_of_format_2_causes_no_warning(
    backend: Backend, browser: Browsers, encoding_2: dict[str, Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visitor = browser(**encoding_2)
        visitor.put(name="Ada", cart=[])
        visitor.visit(lambda session: session["cart"].append(1))
        visitor.visit(lambda session: session.regenerate_id())
        assert visitor.read() == {"name": "Ada", "cart": [1]}
        visitor.visit(lambda session: session.invalidate())
        visitor.put(name="Grace")
        visitor.visit(lambda session: session.delete())
    assert backend.texts() == {}
