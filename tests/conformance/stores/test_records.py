"""The laws of every store, through sessions with program-chosen ids."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.container import MemoryNamespaceManager
from beaker.exceptions import BeakerWarning
from tests.support.fixtures import BACKENDS, make_backend
from tests.support.sessions import KEY, UNKNOWN_ID, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]


@pytest.fixture(params=[*BACKENDS, *(f"hashed {name}" for name in BACKENDS)])
def backend(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> Backend:
    """Each place where sessions are kept, under their ids and under hashes of them."""
    return make_backend(request.param, tmp_path)


# Ids that programs use, and ids that they should not use.
IDS = [
    "chosen",
    "a",
    "ab",
    "4cc6e4d0b1f24c1c9a0e9f2f7a2d1b5e.progress.upload",
    "with space",
    "UPPER",
    "upper",
    "ümlaut",
    "日本語",
    "a" * 249,
    "a" * 250,
    "a" * 5000,
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "...",
    "a/b",
    "a//b",
    "a\\b",
    "a:b",
    "a\nb",
    "a\x00b",
    "~/x",
    "~" + "0" * 64,
    "-rf",
    "*",
    "%2e%2e%2f",
    "con",
    "chosen.cache",
    "chosen.lock",
    "\u202e",
    "é",
    "e\u0301",
]


@pytest.mark.parametrize("session_id", IDS)
def test_an_id_of_any_form_has_a_record_of_its_own(backend: Backend, session_id: str) -> None:
    session = opened(backend, session_id)
    assert session.is_new
    assert session.id == session_id
    session["name"] = "Ada"
    session.save()
    again = opened(backend, session_id)
    assert not again.is_new
    assert again["name"] == "Ada"
    again.delete()
    assert opened(backend, session_id).is_new


def test_no_two_ids_share_a_record(backend: Backend) -> None:
    ids = [*IDS, "4cc6e4d0b1f24c1c9a0e9f2f7a2d1b5eprogressupload", "chosencache", "ab.", ".ab", "a.b"]
    kept: dict[str, int] = {}
    for number, session_id in enumerate(ids):
        session = opened(backend, session_id)
        assert session.is_new, session_id
        session["number"] = number
        session.save()
        kept[session_id] = number
    for session_id, number in kept.items():
        assert opened(backend, session_id)["number"] == number
    for session_id in ids:
        opened(backend, session_id).delete()
        assert opened(backend, session_id).is_new
        kept.pop(session_id)
        assert all(opened(backend, other)["number"] == number for other, number in kept.items())


def test_the_empty_id_is_an_id(backend: Backend) -> None:
    session = opened(backend, "")
    session["name"] = "Ada"
    session.save()
    assert opened(backend, "")["name"] == "Ada"


def test_data_comes_back_as_it_was_saved(backend: Backend, encoding: dict[str, Any]) -> None:
    values = {
        "text": "Ünïcödé \N{SNOWMAN} \x00 \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "empty": "",
        "number": 2**80,
        "half": -0.5,
        "yes": True,
        "none": None,
        "list": [1, [2, [3]]],
        "dict": {"a": {"b": "c"}},
        "large": "x" * 200_000,
    }
    session = opened(backend, "chosen", **encoding)
    session.update(values)
    session.save()
    again = opened(backend, "chosen", **encoding)
    assert {key: again[key] for key in values} == values


def test_a_session_that_was_saved_twice_has_one_record(backend: Backend, encoding: dict[str, Any]) -> None:
    session = opened(backend, "chosen", **encoding)
    for number in range(3):
        session["number"] = number
        session.save()
    assert list(backend.texts()) == [backend.name_of("chosen")]
    assert opened(backend, "chosen", **encoding)["number"] == 2


def test_looking_at_an_unknown_id_allocates_nothing(backend: Backend) -> None:
    for session_id in ("unknown", UNKNOWN_ID, "un.known", "../unknown"):
        session = opened(backend, session_id)
        assert session.is_new
        assert session.get("name") is None
        session.save(accessed_only=True)
    assert backend.traces() == []


def test_deleting_an_unknown_id_allocates_nothing(backend: Backend) -> None:
    for session_id in ("unknown", UNKNOWN_ID, "un.known"):
        opened(backend, session_id).delete()
    assert backend.traces() == []


def test_an_unknown_id_in_a_cookie_is_not_adopted_nor_stored(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    visit = visitor.visit(lambda session: session.id, cookie=f"{KEY}={UNKNOWN_ID}")
    assert visit.result != UNKNOWN_ID
    assert backend.traces() == []

    def store(session: Any) -> None:
        session["name"] = "Ada"
        session.save()

    visit = visitor.visit(store, cookie=f"{KEY}={UNKNOWN_ID}")
    assert visit.value != UNKNOWN_ID
    assert list(backend.texts()) == [backend.name_of(visit.value)]


@pytest.mark.parametrize("verb", ["delete", "invalidate", "regenerate_id"])
def test_an_unknown_id_in_a_cookie_is_not_adopted_by_any_verb(
    browser: Browsers, backend: Backend, verb: str
) -> None:
    browser().visit(lambda session: getattr(session, verb)(), cookie=f"{KEY}={UNKNOWN_ID}")
    assert backend.texts() == {}


def test_a_thousand_unknown_ids_leave_nothing_behind(browser: Browsers, backend: Backend) -> None:
    visitor = browser()
    for number in range(1000):
        visitor.visit(lambda session: session.get("name"), cookie=f"{KEY}={number:032x}")
    assert backend.traces() == []


@pytest.mark.parametrize("session_id", IDS)
def test_an_id_of_any_form_in_a_cookie_does_no_harm(
    browser: Browsers, backend: Backend, session_id: str
) -> None:
    visit = browser().visit(lambda session: session.id, cookie=f"{KEY}={session_id}")
    assert visit.result != session_id
    assert backend.traces() == []


def test_a_signed_unknown_id_is_not_adopted_either(browser: Browsers, backend: Backend) -> None:
    visitor = browser(secret="a secret of some length")
    visitor.put(name="Ada")
    old = visitor.id
    opened(backend, old).delete()
    visit = visitor.visit(lambda session: (session.id, session.is_new))
    assert visit.result[0] != old
    assert visit.result[1] is True


def test_delete_removes_the_record(backend: Backend, encoding: dict[str, Any]) -> None:
    session = opened(backend, "chosen", **encoding)
    session["name"] = "Ada"
    session.save()
    session.delete()
    assert backend.texts() == {}
    session.save()
    assert backend.texts() == {}


def test_invalidate_removes_the_record(backend: Backend) -> None:
    session = opened(backend, "chosen")
    session.save()
    session.invalidate()
    assert backend.texts() == {}
    session.save()
    assert list(backend.texts()) == [backend.name_of(session.id)]


def test_regenerating_leaves_nothing_under_the_old_id(backend: Backend, encoding: dict[str, Any]) -> None:
    session = opened(backend, "chosen", **encoding)
    session["name"] = "Ada"
    session.save()
    session.regenerate_id()
    session.save()
    assert list(backend.texts()) == [backend.name_of(session.id)]
    assert opened(backend, session.id, **encoding)["name"] == "Ada"


def test_regenerating_many_times_leaves_one_record(backend: Backend) -> None:
    session = opened(backend, "chosen")
    session["name"] = "Ada"
    session.save()
    for _ in range(5):
        session.regenerate_id()
        session.regenerate_id()
        session.save()
    assert list(backend.texts()) == [backend.name_of(session.id)]


def test_a_save_after_somebody_else_deleted_is_refused_with_a_warning(backend: Backend) -> None:
    session = opened(backend, "chosen")
    session["name"] = "Ada"
    session.save()
    late = opened(backend, "chosen")
    opened(backend, "chosen").delete()
    late["name"] = "Grace"
    with pytest.warns(BeakerWarning, match="was ended"):
        late.save()
    assert backend.texts() == {}


def test_a_save_after_somebody_else_renamed_is_refused_with_a_warning(backend: Backend) -> None:
    session = opened(backend, "chosen")
    session["name"] = "Ada"
    session.save()
    late = opened(backend, "chosen")
    session.regenerate_id()
    session.save()
    late["name"] = "Grace"
    with pytest.warns(BeakerWarning, match="was ended"):
        late.save()
    assert list(backend.texts()) == [backend.name_of(session.id)]


def test_a_renewal_after_somebody_else_deleted_is_no_news(backend: Backend, encoding: dict[str, Any]) -> None:
    session = opened(backend, "chosen", **encoding)
    session["name"] = "Ada"
    session.save()
    late = opened(backend, "chosen", **encoding)
    opened(backend, "chosen", **encoding).delete()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        late.save(accessed_only=True)
    assert backend.texts() == {}


def test_two_who_begin_an_id_at_once_both_save(backend: Backend) -> None:
    one, two = opened(backend, "chosen"), opened(backend, "chosen")
    one["name"] = "Ada"
    one.save()
    two["name"] = "Grace"
    two.save()
    assert opened(backend, "chosen")["name"] == "Grace"


def test_load_brings_what_others_stored(backend: Backend) -> None:
    mine = opened(backend, "chosen")
    mine.save()
    other = opened(backend, "chosen")
    other["name"] = "Ada"
    other.save()
    mine["unsaved"] = 1
    mine.load()
    assert mine["name"] == "Ada"
    assert "unsaved" not in mine


def test_ids_with_dots_are_told_apart_from_those_without(backend: Backend) -> None:
    dotted = opened(backend, "abc.progress")
    dotted["name"] = "dotted"
    dotted.save()
    assert opened(backend, "abcprogress").is_new
    assert opened(backend, "abc.progress")["name"] == "dotted"


def test_clearing_the_memory_backend_ends_every_session_in_memory(memory: Backend) -> None:
    visitor = Browser(memory.options)
    visitor.put(name="Ada")
    MemoryNamespaceManager.namespaces.clear()
    assert visitor.read() == {}
    assert memory.texts() == {}


def test_the_memory_type_is_served_by_the_memory_manager(memory: Backend) -> None:
    assert opened(memory, "chosen").namespace_class is MemoryNamespaceManager


def test_a_backend_may_be_registered_under_a_name(written_in_python: Backend) -> None:
    from beaker.cache import clsmap

    clsmap["ext:own"] = written_in_python.options["namespace_class"]
    try:
        visitor = Browser(type="ext:own", prefix="p")
        visitor.put(name="Ada")
        assert visitor.read() == {"name": "Ada"}
        assert visitor.visit(lambda session: session.namespace.arguments["prefix"]).result == "p"
    finally:
        del clsmap["ext:own"]
    assert list(written_in_python.texts()) == [visitor.id]
