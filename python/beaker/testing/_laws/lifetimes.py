"""How long the store itself keeps a record: never shorter than the session lives, and not for ever."""

import datetime
from collections.abc import Callable
from typing import Final

import pytest

from beaker.testing._backend import Backend, needs
from beaker.testing._clock import Clock
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._laws.grace import GRACE, KEPT, rotate
from beaker.testing._laws.timeouts import remembered
from beaker.testing._sessions import ID, exists, opened

LONGER: Final = 125
"""The seconds that a record stays after its session: two minutes, and what a server rounds up."""


def _is_for(backend: Backend, seconds: float, session_id: str = ID) -> bool:
    found = backend.lifetime(session_id)
    # The test itself may take a minute.
    return found is not None and seconds - 60 < found <= seconds + LONGER


class Lifetimes(Laws):
    """How long the store itself keeps a record."""

    @needs("lifetime")
    def test_a_record_is_kept_for_the_timeout(self, backend: Backend) -> None:
        opened(backend, ID, timeout=600).save()
        assert _is_for(backend, 600)

    @needs("lifetime")
    def test_a_record_without_a_timeout_is_kept_for_ever(self, backend: Backend) -> None:
        opened(backend, ID).save()
        assert backend.lifetime(ID) is None

    @needs("lifetime")
    def test_each_save_and_each_read_renews_the_lifetime(self, backend: Backend, browser: Browsers) -> None:
        opened(backend, ID, timeout=600).save()
        session = opened(backend, ID, timeout=6000)
        session["name"] = "Ada"
        session.save()
        assert _is_for(backend, 6000)
        opened(backend, ID, timeout=60_000).save(accessed_only=True)
        assert _is_for(backend, 60_000)
        browser(timeout=600_000).visit(lambda session: session["name"], cookie=f"beaker.session.id={ID}")
        assert _is_for(backend, 600_000)

    @needs("lifetime")
    def test_a_remembered_session_is_kept_as_long(self, backend: Backend) -> None:
        remembered(86_400)(opened(backend, ID, timeout=600))
        assert _is_for(backend, 86_400)
        opened(backend, ID, timeout=600).save(accessed_only=True)
        assert _is_for(backend, 86_400)

    @needs("lifetime")
    def test_a_rotated_session_is_kept_and_its_old_id_goes_soon(self, backend: Backend) -> None:
        session = opened(backend, ID, timeout=6000, **KEPT)
        session.save()
        new = rotate(session)
        assert _is_for(backend, 6000, new)
        assert _is_for(backend, GRACE)

    @needs("sweep", "names")
    def test_a_sweep_removes_what_has_expired_and_nothing_else(
        self, backend: Backend, clock: Clock, now: Callable[[], float]
    ) -> None:
        for name, age in (("expired", 10_000), ("recent", 0)):
            clock.now = now() - age
            opened(backend, name, timeout=600).save()
        clock.now = now()
        remembered(100_000)(opened(backend, "remembered", timeout=600))
        clock.now = now() - 20_000
        remembered(100_000)(opened(backend, "old", timeout=600))
        opened(backend, "for ever").save()
        clock.now = now()
        backend.sweep()
        names = ("expired", "recent", "remembered", "old", "for ever")
        assert [exists(backend, name) for name in names] == [False, True, True, True, True]
        assert not [name for name in backend.names() if "expired" in name]

    @needs("sweep", "names")
    def test_a_sweep_of_an_empty_store_does_nothing(self, backend: Backend) -> None:
        backend.sweep()
        assert list(backend.names()) == []

    @pytest.fixture
    def now(self) -> Callable[[], float]:
        """The time of the machine, whatever ``time.time`` says."""
        return lambda: datetime.datetime.now(datetime.timezone.utc).timestamp()
