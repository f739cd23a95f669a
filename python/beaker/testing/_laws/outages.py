"""A store that does not answer: an exception, and nobody is logged out."""

from typing import Any

import pytest

from beaker.exceptions import BeakerException, StoreUnavailableError
from beaker.testing._backend import Backend, needs
from beaker.testing._clock import Clock
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import ID, content, opened, stored


class Outages(Laws):
    """A store that does not answer."""

    @needs("down")
    def test_a_session_that_cannot_be_loaded_is_an_error(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        with backend.down(), pytest.raises(StoreUnavailableError) as caught:
            opened(backend, ID)
        assert isinstance(caught.value, OSError)
        assert isinstance(caught.value, BeakerException)
        assert ID not in str(caught.value)
        assert content(backend) == {"name": "Ada"}

    @needs("down")
    def test_a_request_meanwhile_is_no_logout(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser(invalidate_corrupt=True)
        visitor.put(name="Ada")
        before = visitor.jar
        with backend.down(), pytest.raises(StoreUnavailableError):
            visitor.read()
        assert visitor.jar == before
        assert visitor.read() == {"name": "Ada"}

    @needs("down")
    def test_a_save_that_fails_is_told_and_can_be_repeated(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        session = opened(backend, ID)
        session["name"] = "Grace"
        with backend.down(), pytest.raises(StoreUnavailableError):
            session.save()
        assert content(backend) == {"name": "Ada"}
        session.save()
        assert content(backend) == {"name": "Grace"}

    @needs("down")
    def test_a_first_save_that_fails_is_told(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser()
        with backend.down(), pytest.raises(StoreUnavailableError):
            visitor.put(name="Ada")
        assert visitor.jar is None
        visitor.put(name="Ada")
        assert visitor.read() == {"name": "Ada"}

    @needs("down")
    @pytest.mark.parametrize("end", ["delete", "invalidate"])
    def test_a_logout_that_fails_is_told_and_ends_nothing(self, backend: Backend, end: str) -> None:
        stored(backend, name="Ada")
        session = opened(backend, ID)
        with backend.down(), pytest.raises(StoreUnavailableError):
            getattr(session, end)()
        assert content(backend) == {"name": "Ada"}

    @needs("down")
    def test_a_rotation_that_fails_is_told_and_loses_nothing(self, backend: Backend) -> None:
        stored(backend, name="Ada")
        session = opened(backend, ID)
        session.regenerate_id()
        with backend.down(), pytest.raises(StoreUnavailableError):
            session.save()
        assert content(backend) == {"name": "Ada"}

    @needs("down")
    def test_an_access_time_that_cannot_be_stored_harms_no_request(
        self, browser: Browsers, backend: Backend, clock: Clock
    ) -> None:
        visitor = browser(timeout=600)
        visitor.put(name="Ada")
        clock.advance(10)
        down = backend.down()

        def work(session: Any) -> str:
            name: str = session["name"]
            down.__enter__()
            return name

        try:
            assert visitor.visit(work).result == "Ada"
        finally:
            down.__exit__(None, None, None)
        assert visitor.read() == {"name": "Ada"}

    @needs("down")
    def test_an_unused_session_needs_no_store(self, browser: Browsers, backend: Backend) -> None:
        visitor = browser()
        visitor.put(name="Ada")
        with backend.down():
            assert visitor.visit().status == "200 OK"
        assert visitor.read() == {"name": "Ada"}
