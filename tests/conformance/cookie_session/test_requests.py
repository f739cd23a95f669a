"""The published laws of requests, for sessions that a cookie keeps."""

from __future__ import annotations

import pytest

from beaker.testing import Backend
from beaker.testing._laws.requests import Requests
from beaker.testing._laws.timeouts import Timeouts
from tests.support.fixtures import COOKIES


class TestRequests(Requests, Timeouts):
    @pytest.fixture(params=COOKIES)
    def backend(self, request: pytest.FixtureRequest) -> Backend:
        """A cookie, in each of its formats."""
        return Backend(COOKIES[request.param])
