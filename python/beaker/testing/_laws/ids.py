"""Ids of every form: each has a record of its own, and none that a browser made up is taken."""

from typing import Final

import pytest

from beaker.testing._backend import Backend, needs
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import ID, KEY, exists, opened

# Ids that programs use, and ids that they should not use.
IDS: Final = [
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

ODD_IDS: Final = ["a" * 256, "a" * 5000, "a\x00b"]
"""Ids that a table of Beaker's has no room for, or that its database refuses."""


def _keep_apart(backend: Backend, ids: list[str]) -> None:
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


class Ids(Laws):
    """Ids of every form."""

    @pytest.mark.parametrize("session_id", IDS)
    def test_an_id_of_any_form_has_a_record_of_its_own(self, backend: Backend, session_id: str) -> None:
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

    @needs("ids")
    @pytest.mark.parametrize("session_id", ODD_IDS)
    def test_an_id_that_is_odd_has_a_record_of_its_own(self, backend: Backend, session_id: str) -> None:
        self.test_an_id_of_any_form_has_a_record_of_its_own(backend, session_id)

    def test_no_two_ids_share_a_record(self, backend: Backend) -> None:
        similar = ["4cc6e4d0b1f24c1c9a0e9f2f7a2d1b5eprogressupload", "chosencache", "ab.", ".ab", "a.b"]
        _keep_apart(backend, [*IDS, *similar])

    @needs("ids")
    def test_no_two_odd_ids_share_a_record(self, backend: Backend) -> None:
        _keep_apart(backend, [*ODD_IDS, "a", "a\x00", "b", "a" * 4999, "a" * 255])

    def test_the_empty_id_is_an_id(self, backend: Backend) -> None:
        session = opened(backend, "")
        session["name"] = "Ada"
        session.save()
        assert opened(backend, "")["name"] == "Ada"

    @pytest.mark.parametrize("verb", ["delete", "invalidate", "regenerate_id"])
    def test_an_unknown_id_in_a_cookie_is_not_adopted_by_any_verb(
        self, browser: Browsers, backend: Backend, verb: str
    ) -> None:
        browser().visit(lambda session: getattr(session, verb)(), cookie=f"{KEY}={ID}")
        assert not exists(backend, ID)

    @pytest.mark.parametrize("session_id", IDS)
    def test_an_id_of_any_form_in_a_cookie_does_no_harm(
        self, browser: Browsers, backend: Backend, session_id: str
    ) -> None:
        visit = browser().visit(lambda session: session.id, cookie=f"{KEY}={session_id}")
        assert visit.result != session_id
        assert not exists(backend, session_id)

    def test_a_signed_unknown_id_is_not_adopted_either(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser(secret="s" * 32)
        visitor.put(name="Ada")
        old = visitor.id
        opened(backend, old).delete()
        visit = visitor.visit(lambda session: (session.id, session.is_new))
        assert visit.result[0] != old
        assert visit.result[1] is True

    def test_ids_with_dots_are_told_apart_from_those_without(self, backend: Backend) -> None:
        dotted = opened(backend, "abc.progress")
        dotted["name"] = "dotted"
        dotted.save()
        assert opened(backend, "abcprogress").is_new
        assert opened(backend, "abc.progress")["name"] == "dotted"

    def test_a_session_whose_id_a_program_sets_leaves_the_record_it_had(self, backend: Backend) -> None:
        session = opened(backend, "one")
        session["name"] = "Ada"
        session.save()
        session.id = "other"
        session["name"] = "Grace"
        session.save()
        assert opened(backend, "one")["name"] == "Ada"
        assert opened(backend, "other")["name"] == "Grace"
