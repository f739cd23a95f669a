"""Fixtures of the laws."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from beaker.testing._backend import Backend
from beaker.testing._browser import Browser
from beaker.testing._clock import Clock
from beaker.testing._sessions import Literals

Browsers = Callable[..., Browser]

SECRETS = {
    "encrypt_key": "an encryption key of the tests, of some length",
    "validate_key": "a validation key of the tests, of some length",
}


class Laws:
    """The fixtures that laws take. The fixture ``backend`` is the author's."""

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """The clock that ``time.time`` is read from."""
        clock = Clock()
        monkeypatch.setattr(time, "time", clock)
        return clock

    @pytest.fixture
    def browser(self, backend: Backend) -> Browsers:
        """Makes browsers of an application on the backend."""
        return lambda **options: Browser(backend.options, options)

    @pytest.fixture(params=["pickle", "json", "custom"])
    def serializer(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        """The options for each way to serialize."""
        return {"data_serializer": Literals() if request.param == "custom" else request.param}

    @pytest.fixture(params=["plain", "encrypted"])
    def secrecy(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        """The options with encryption and without."""
        return SECRETS if request.param == "encrypted" else {}

    @pytest.fixture(params=[1, 2])
    def encoding(
        self, request: pytest.FixtureRequest, serializer: dict[str, Any], secrecy: dict[str, Any]
    ) -> dict[str, Any]:
        """The options for each way to serialize, with encryption and without, in each format of records."""
        return {**serializer, **secrecy, "record_format": request.param}
