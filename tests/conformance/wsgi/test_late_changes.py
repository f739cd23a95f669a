"""A change after the headers that is not kept is lost, and the program gets a warning."""

from __future__ import annotations

import gc
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning
from beaker.middleware import SessionMiddleware
from tests.support.sessions import Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]
    Work = Callable[[Any], Any]


def put_back(session: Any) -> None:
    """Changes a list in place and says so."""
    cart = session["list"]
    cart.append(1)
    session["list"] = cart


def pop_in_vain(session: Any) -> None:
    """Removes a key that is not there."""
    with pytest.raises(KeyError):
        session.pop("absent")


def remove_attribute(session: Any) -> None:
    """Sets an attribute and removes it."""
    session.mark = 1
    del session.mark


LOSSES: dict[str, Work] = {
    "an item": lambda session: session.__setitem__("late", 1),
    "a removal": lambda session: session.__delitem__("name"),
    "update": lambda session: session.update(late=1),
    "clear": lambda session: session.clear(),
    "pop": lambda session: session.pop("name"),
    "popitem": lambda session: [session.popitem() for _ in range(5)],
    "setdefault": lambda session: session.setdefault("late", 1),
    "a union in place": lambda session: session.__ior__({"late": 1}),
    "a list put back": put_back,
    "regenerate_id": lambda session: session.regenerate_id(),
    "the domain": lambda session: setattr(session, "domain", "example.org"),
    "a timeout": lambda session: session.set_timeout(300),
    "an item and save": lambda session: (session.__setitem__("late", 1), session.save()),
    "a key after delete": lambda session: (session.delete(), session.__setitem__("late", 1)),
}
HARMLESS: dict[str, Work] = {
    "an attribute of the program's": lambda session: setattr(session, "accessed", True),
    "its removal": remove_attribute,
    "an attribute that is not stored": lambda session: setattr(session, "is_new", False),
    "the domain that it has": lambda session: setattr(session, "domain", session.domain),
    "pop of a key that is not there": lambda session: session.pop("absent", None),
    "setdefault of a key that is there": lambda session: session.setdefault("name", "Grace"),
    "the value that a key has": lambda session: session.__setitem__("name", "Ada"),
    "an update with nothing": lambda session: session.update({}),
    "an update with what is there": lambda session: session.update(name="Ada"),
    "revert": lambda session: (session._session().accessed_dict.update(session), session.revert()),
    "save with nothing new": lambda session: session.save(),
    "what is taken back": lambda session: (session.__setitem__("late", 1), session.pop("late")),
    "a key that cannot be removed": pop_in_vain,
    "reading": lambda session: (session["name"], len(list(session)), session.id, session.accessed_dict),
}


def put(session: Any) -> None:
    """Stores values, as a page does."""
    session["name"] = "Ada"
    session["list"] = [0]
    session.save()


class Site:
    """A site whose pages work before and after their headers have gone, and the warnings of the requests."""

    def __init__(self, visitors: Browsers, **more: Any) -> None:
        self.middleware = SessionMiddleware(self.application, **visitors(**more).middleware.options)
        self.jar = ""

    def application(self, environ: Any, start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        for number, work in enumerate(self.works):
            try:
                work(session)
            finally:
                if number == 0:
                    start_response("200 OK", [])
        if self.error_page:
            try:
                raise RuntimeError
            except RuntimeError:
                start_response("500 Error", [], sys.exc_info())
        return [b""]

    def visit(self, *works: Work, error_page: bool = False) -> list[str]:
        """One request: the first work before the headers, the others after them. What was warned of."""
        self.works, self.error_page = works, error_page
        headers: list[tuple[str, str]] = []

        def start_response(_status: str, sent: list[tuple[str, str]], _exc_info: Any = None) -> None:
            headers[:] = sent

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.middleware({"HTTP_COOKIE": self.jar}, start_response)
            gc.collect()
        for name, value in headers:
            if name == "Set-cookie":
                self.jar = value.partition(";")[0].strip()
        assert all(issubclass(warning.category, BeakerWarning) for warning in caught)
        self.caught = caught
        return [str(warning.message) for warning in caught]

    def read(self) -> dict[str, Any]:
        """The content of the session."""
        found: dict[str, Any] = {}
        self.visit(lambda session: found.update({key: session[key] for key in session}))
        return {key: value for key, value in found.items() if not key.startswith("_")}


@pytest.fixture
def site(visitors: Browsers) -> Site:
    return Site(visitors)


@pytest.mark.parametrize("change", LOSSES)
def test_a_lost_late_change_causes_a_warning(site: Site, change: str) -> None:
    (message,) = site.visit(put, LOSSES[change])
    assert "headers have gone" in message


@pytest.mark.parametrize("change", LOSSES)
def test_a_late_change_of_a_stored_session_warns(site: Site, change: str) -> None:
    site.visit(put)
    (message,) = site.visit(lambda session: session["name"], LOSSES[change])
    assert "headers have gone" in message


@pytest.mark.parametrize("change", HARMLESS)
def test_a_late_use_without_a_change_does_not_warn(site: Site, change: str) -> None:
    assert site.visit(put, HARMLESS[change]) == []
    assert site.visit(lambda session: session["name"], HARMLESS[change]) == []


def test_a_lost_late_first_use_causes_a_warning(site: Site) -> None:
    for change in ("an item", "update", "an item and save"):
        assert len(site.visit(lambda _session: None, LOSSES[change])) == 1
    assert site.read() == {}


def test_a_late_save_of_an_earlier_change_causes_a_warning(site: Site) -> None:
    assert len(site.visit(lambda session: session.update(name="Ada"), lambda session: session.save())) == 1


def test_many_late_changes_cause_one_warning(site: Site) -> None:
    def late(session: Any) -> None:
        for number in range(5):
            session["late"] = number
            session.save()

    assert len(site.visit(put, late)) == 1


@pytest.mark.parametrize("change", ["an item", "a removal", "a list put back", "clear", "a union in place"])
def test_a_late_persist_warns_only_for_sessions_in_cookies(site: Site, change: str) -> None:
    def persist(session: Any) -> None:
        session.save()
        session.persist()

    in_cookie = site.middleware.options["type"] == "cookie"
    site.visit(put)
    for before in (put, lambda session: session["name"]):
        assert len(site.visit(before, LOSSES[change], persist)) == in_cookie
        kept = site.read()
        assert (kept.get("late") == 1 or "name" not in kept or kept["list"] == [0, 1]) is not in_cookie
        site.visit(put)


def test_a_session_first_stored_late_is_lost_without_a_cookie(site: Site) -> None:
    def late(session: Any) -> None:
        put(session)
        session.persist()

    assert len(site.visit(lambda _session: None, late)) == 1
    assert site.read() == {}


def test_a_late_persist_of_an_access_time_keeps_nothing(site: Site) -> None:
    site.visit(put)
    assert len(site.visit(lambda session: session["name"], LOSSES["an item"], lambda s: s.persist())) == 1


@pytest.mark.parametrize("change", [name for name in LOSSES if name != "a key after delete"])
def test_a_change_that_an_error_page_keeps_does_not_warn(site: Site, change: str) -> None:
    def late(session: Any) -> None:
        LOSSES[change](session)
        session.save()

    assert site.visit(put, late, error_page=True) == []
    if change == "an item":
        assert site.read() == {"name": "Ada", "list": [0], "late": 1}
    if change == "clear":
        assert site.read() == {}


@pytest.mark.parametrize("end", ["delete", "invalidate"])
def test_a_late_logout_warns_if_the_browser_keeps_the_session(site: Site, end: str) -> None:
    site.visit(put)
    warned = site.visit(lambda session: session["name"], lambda session: getattr(session, end)())
    is_over = site.read() == {}
    assert len(warned) == (not is_over)
    assert is_over == (site.middleware.options["type"] != "cookie")


@pytest.mark.parametrize("saves", [True, False])
def test_a_change_after_delete_is_lost_and_warns(site: Site, saves: bool) -> None:
    def work(session: Any) -> None:
        session.delete()
        session["flash"] = "bye"
        if saves:
            session.save()

    site.visit(put)
    (message,) = site.visit(work)
    assert "was deleted in this request" in message
    assert "flash" not in message
    assert site.read() == {}


def test_a_session_that_is_only_deleted_causes_no_warning(site: Site) -> None:
    def work(session: Any) -> None:
        session.delete()
        session.save()
        assert session.get("name") is None

    site.visit(put)
    assert site.visit(work) == []
    assert site.visit(put, lambda session: session["name"]) == []


def test_a_session_that_follows_a_deleted_one_keeps_its_values(site: Site) -> None:
    def work(session: Any) -> None:
        session.delete()
        session.invalidate()
        session["flash"] = "bye"
        session.save()

    site.visit(put)
    assert site.visit(work) == []
    assert site.read() == {"flash": "bye"}


def test_the_session_of_a_program_that_deletes_it_itself_warns_too(backend: Backend) -> None:
    session = opened(backend, "chosen")
    session["name"] = "Ada"
    session.save()
    session.delete()
    session["name"] = "Grace"
    with pytest.warns(BeakerWarning, match="was deleted in this request"):
        session.save()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.save()


def test_a_late_change_is_not_stored(site: Site) -> None:
    site.visit(put, lambda session: session.update(name="Grace"))
    assert site.read()["name"] == "Ada"


def test_the_warning_names_the_line_that_made_the_change(site: Site) -> None:
    def late(session: Any) -> None:
        session["late"] = 1

    site.visit(put, late)
    (warning,) = site.caught
    assert (warning.filename, warning.lineno) == (__file__, late.__code__.co_firstlineno + 1)


def test_a_warning_made_an_error_is_reported_as_unraisable(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))
    site.works, site.error_page = (put, LOSSES["an item"]), False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        site.middleware({}, lambda *_args: None)
    assert told == [BeakerWarning]


def test_an_exception_on_its_way_arrives_as_it_was(site: Site) -> None:
    def late(session: Any) -> None:
        session["late"] = 1
        raise LookupError("the application's")

    def visit() -> str:
        try:
            site.visit(put, late)
        except LookupError as error:
            return str(error)
        return ""

    with pytest.warns(BeakerWarning, match="headers have gone"):
        assert visit() == "the application's"


def test_a_server_whose_headers_do_not_go_loses_nothing(site: Site) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        with pytest.raises(OSError, match="gone"):
            start_response("200 OK", [])
        session["late"] = 1
        return []

    def refuse(*_args: Any) -> None:
        raise OSError("gone")

    site.middleware.app = application
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        site.middleware({}, refuse)


def test_a_program_that_writes_late_by_itself_is_not_warned(backend: Backend) -> None:
    def late(session: Any) -> None:
        other = session.get_by_id(session.id)
        other["more"] = 1
        other.save()

    assert Site(lambda: Browser(backend.options)).visit(put, late) == []


def test_a_session_that_saves_itself_late_causes_no_warning(backend: Backend) -> None:
    def late(session: Any) -> None:
        session["late"] = 1
        session._session().save()

    site = Site(lambda: Browser(backend.options))
    assert site.visit(put, late) == []
    assert site.read()["late"] == 1
