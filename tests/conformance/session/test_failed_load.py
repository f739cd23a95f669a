"""A load that fails changes nothing: not the session, and not what the next save stores."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import CookieSession, Session
from tests.support.sessions import Browser

if TYPE_CHECKING:
    from pathlib import Path


class Serializer:
    """JSON that cannot be read while it `fails`."""

    fails = False

    def dumps(self, data: dict[str, Any]) -> bytes:
        """The text of the data."""
        return json.dumps(data).encode()

    def loads(self, text: bytes) -> Any:
        """The data of the text."""
        if self.fails:
            raise ValueError("not now")
        return json.loads(text)


def opened(store: str, folder: Path, serializer: Serializer) -> Session:
    """The one session of a store."""
    return Session(
        {}, id="known", type=store, data_dir=str(folder), data_serializer=serializer, use_cookies=False
    )


def fail_to_load(session: Any, serializer: Serializer) -> None:
    """Loads a session that cannot be decoded at this time."""
    serializer.fails = True
    with pytest.raises(ValueError, match="not now"):
        session.load()
    serializer.fails = False


@pytest.mark.parametrize("store", ["memory", "file"])
def test_a_save_after_a_load_that_failed_keeps_what_others_stored(store: str, tmp_path: Path) -> None:
    serializer = Serializer()
    session = partial(opened, store, tmp_path, serializer)
    first = session()
    first["first"] = 1
    first.save()
    late, other = session(), session()
    other["other"] = 2
    other.save()
    fail_to_load(late, serializer)
    late["late"] = 3
    late.save()
    stored = session()
    assert (stored.get("first"), stored.get("other"), stored.get("late")) == (1, 2, 3)


@pytest.mark.parametrize("store", ["memory", "file"])
def test_a_renewal_keeps_what_was_saved_before_a_load_that_failed(store: str, tmp_path: Path) -> None:
    serializer = Serializer()
    session = partial(opened, store, tmp_path, serializer)
    first = session()
    first.update(number=1, values=[])
    first.save()
    late = session()
    # The program could change this value in place, so that the renewal has a look at it.
    assert late["values"] == []
    late["number"] = 2
    late.save()
    fail_to_load(late, serializer)
    late.save(accessed_only=True)
    assert session()["number"] == 2


@pytest.mark.parametrize("store", ["memory", "file", "cookie"])
@pytest.mark.parametrize("is_saved", ["before", "after", "automatically"])
def test_a_request_saves_its_session_though_it_could_not_be_loaded_again(
    store: str, is_saved: str, tmp_path: Path
) -> None:
    serializer = Serializer()

    browser = Browser(
        type=store,
        data_dir=str(tmp_path),
        data_serializer=serializer,
        validate_key="v" * 32,
        auto=is_saved == "automatically",
    )
    browser.put(first=1)

    def change(session: Any) -> None:
        session["second"] = 2
        if is_saved == "before":
            session.save()
        before = dict(session)
        fail_to_load(session, serializer)
        assert dict(session) == before
        if is_saved == "after":
            session.save()

    browser.visit(change)
    assert browser.read() == {"first": 1, "second": 2}


@pytest.mark.parametrize("store", ["memory", "file", "cookie"])
@pytest.mark.parametrize("verb", ["invalidate", "delete"])
def test_what_is_ended_during_a_load_that_fails_stays_ended(store: str, verb: str, tmp_path: Path) -> None:
    base: type[Any] = CookieSession if store == "cookie" else Session

    class Revoked(base):  # type: ignore[misc]
        """Ends itself while it is decoded, if it `is_revoked`."""

        is_revoked = False

        def _decrypt_data(self, *stored: Any) -> Any:
            if self.is_revoked:
                type(self).is_revoked = False
                getattr(self, verb)()
                raise ValueError("revoked")
            return super()._decrypt_data(*stored)

    browser = Browser(
        type=store, data_dir=str(tmp_path), validate_key="v" * 32, session_class=Revoked, auto=True
    )
    browser.put(user="Ada")
    before = browser.jar

    def load_again(session: Any) -> None:
        assert session["user"] == "Ada"
        Revoked.is_revoked = True
        with pytest.raises(ValueError, match="revoked"):
            session.load()
        assert "user" not in session

    browser.visit(load_again)
    assert browser.read() == {}
    if store != "cookie":
        assert browser.visit(lambda session: session.get("user"), cookie=before).result is None
