"""A fixture that goes through the WSGI servers of `tools.serving`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environment import need_distribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.serving import Kind


def each_server(kinds: Sequence[Kind]) -> Any:
    """A fixture named `kind`: each of the servers in turn. A server that is not installed is skipped."""

    @pytest.fixture(name="kind", params=kinds, ids=lambda kind: kind.name)
    def fixture(request: pytest.FixtureRequest) -> Kind:
        chosen: Kind = request.param
        need_distribution(chosen.distribution)
        return chosen

    return fixture
