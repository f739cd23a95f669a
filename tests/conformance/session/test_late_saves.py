"""Requests that change a session which another one has ended: they bring nothing back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning
from tests.support.sessions import ID, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser, Clock

    Browsers = Callable[..., Browser]


@pytest.mark.parametrize("concurrency", ["merge", "beaker", "lock"])
@pytest.mark.parametrize("end", ["delete", "invalidate", "regenerate_id"])
def test_a_save_that_began_before_the_end_revives_nothing_and_says_so(
    backend: Backend, concurrency: str, end: str
) -> None:
    late = opened(backend, ID, concurrency=concurrency)
    late["name"] = "Ada"
    late.save()
    late.load()
    if concurrency == "lock":
        late.unlock()
    ending = opened(backend, ID)
    getattr(ending, end)()
    ending.save()
    late["name"] = "Grace"
    with pytest.warns(BeakerWarning, match="was ended"):
        late.save()
    assert ID not in backend.texts()


@pytest.mark.parametrize("end", ["delete", "invalidate", "regenerate_id"])
def test_a_rotation_that_began_before_the_end_revives_nothing(backend: Backend, end: str) -> None:
    begun = opened(backend, ID)
    begun["name"] = "Ada"
    begun.save()
    late, ending = opened(backend, ID), opened(backend, ID)
    getattr(ending, end)()
    ending.save()
    left = set(backend.texts())
    late.regenerate_id()
    with pytest.warns(BeakerWarning, match="was ended"):
        late.save()
    assert set(backend.texts()) == left


def test_a_session_that_another_request_found_expired_is_not_revived(
    browser: Browsers, backend: Backend, clock: Clock
) -> None:
    visitor, same = browser(timeout=60), browser(timeout=60)
    visitor.put(name="Ada", nested=[1])
    same.jar = visitor.jar
    old = visitor.id

    def work(session: Any) -> None:
        session["nested"].append(2)
        clock.advance(1000)
        assert same.read() == {}
        session.save()

    with pytest.warns(BeakerWarning, match="was ended"):
        visitor.visit(work)
    assert old not in backend.texts()
