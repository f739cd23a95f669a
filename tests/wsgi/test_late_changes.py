"""A change that comes after the headers have gone is lost, and somebody has to say so."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning
from beaker.middleware import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.session.kit import Backend, Browser

    Browsers = Callable[..., Browser]

CHANGES: dict[str, Callable[[Any], Any]] = {
    "an item": lambda session: session.__setitem__("late", 1),
    "a removal": lambda session: session.__delitem__("name"),
    "update": lambda session: session.update(late=1),
    "clear": lambda session: session.clear(),
    "pop": lambda session: session.pop("name"),
    "popitem": lambda session: session.popitem(),
    "setdefault": lambda session: session.setdefault("late", 1),
    "a union in place": lambda session: session.__ior__({"late": 1}),
    "save": lambda session: session.save(),
    "delete": lambda session: session.delete(),
    "invalidate": lambda session: session.invalidate(),
    "regenerate_id": lambda session: session.regenerate_id(),
    "revert": lambda session: session.revert(),
    "an attribute": lambda session: setattr(session, "domain", "example.org"),
}


def run(backend: Backend, late: Callable[[Any], Any], use_before: bool = True) -> list[str]:
    """What is warned of when `late` is done after the headers have gone."""

    def application(environ: Any, start_response: Any) -> Any:
        session = environ["beaker.session"]
        if use_before:
            session["name"] = "Ada"
            session.save()
        start_response("200 OK", [])
        late(session)
        return [b""]

    middleware = SessionMiddleware(application, **backend.options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        middleware({}, lambda *_args: None)
    assert all(issubclass(warning.category, BeakerWarning) for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("change", CHANGES)
def test_a_late_change_is_warned_of(backend: Backend, change: str) -> None:
    (message,) = run(backend, CHANGES[change])
    assert "headers have gone" in message


@pytest.mark.parametrize("change", ["an item", "save", "update"])
def test_a_late_first_use_is_warned_of(backend: Backend, change: str) -> None:
    assert len(run(backend, CHANGES[change], use_before=False)) == 1
    assert backend.texts() == {}


def test_many_late_changes_are_warned_of_once(backend: Backend) -> None:
    def late(session: Any) -> None:
        for number in range(5):
            session["late"] = number
            session.save()

    assert len(run(backend, late)) == 1


def test_reading_late_is_no_change(backend: Backend) -> None:
    def late(session: Any) -> None:
        assert session["name"] == "Ada"
        assert session.get("late") is None
        assert "late" not in session
        assert len(list(session)) == 5
        assert session.id
        assert session.accessed_dict is not None

    assert run(backend, late) == []


def test_a_late_change_is_not_stored(backend: Backend) -> None:
    run(backend, lambda session: session.update(name="Grace"))
    (id,) = backend.texts()
    from tests.session.kit import opened

    assert opened(backend, id)["name"] == "Ada"


def test_a_warning_may_be_made_an_error(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        environ["beaker.session"]["late"] = 1
        return [b""]

    middleware = SessionMiddleware(application, **backend.options)
    with pytest.raises(BeakerWarning):
        middleware({}, lambda *_args: None)


def test_the_warning_names_the_line_of_the_application(backend: Backend) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        environ["beaker.session"]["late"] = 1
        return [b""]

    with pytest.warns(BeakerWarning) as caught:
        SessionMiddleware(application, **backend.options)({}, lambda *_args: None)
    assert caught[0].filename == __file__


def test_a_program_that_writes_late_by_itself_is_not_warned(backend: Backend) -> None:
    def late(session: Any) -> None:
        other = session.get_by_id(session.id)
        other["more"] = 1
        other.save()

    assert run(backend, late) == []
