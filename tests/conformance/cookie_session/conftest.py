"""Fixtures of the laws of cookie sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fixtures import COOKIES
from tests.support.sessions import Browser

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(params=COOKIES)
def cookies(request: pytest.FixtureRequest) -> Callable[..., Browser]:
    """Makes browsers of an application whose cookie keeps the session, in each format."""
    return lambda **more: Browser(COOKIES[request.param], more)
