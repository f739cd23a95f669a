"""Whatever an application and its browsers do, the original, once corrected, and ours do the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.compat.differential.compare import differences_between, told
from tests.compat.differential.differences import CORRECTED
from tests.compat.differential.play import play
from tests.compat.differential.scenarios import cookie_scenarios, scenarios

if TYPE_CHECKING:
    from tests.compat.interop.original import Original

pytestmark = pytest.mark.slow
EXAMPLES = "BEAKER_DIFFERENTIAL_EXAMPLES"
"""The number of scenarios. If it is set they are new each time, otherwise always the same."""


often = settings(
    max_examples=int(os.environ.get(EXAMPLES, "300")),
    derandomize=EXAMPLES not in os.environ,
    deadline=None,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(0)
@given(scenario=scenarios())
@often
def test_both_do_the_same(theirs: Original, scenario: dict[str, Any]) -> None:
    compare(theirs, scenario)


@pytest.mark.timeout(0)
@given(scenario=cookie_scenarios())
@often
def test_both_do_the_same_with_sessions_in_cookies(theirs: Original, scenario: dict[str, Any]) -> None:
    compare(theirs, scenario)


def compare(theirs: Original, scenario: dict[str, Any]) -> None:
    corrected = {**scenario, "corrections": CORRECTED}
    found = differences_between(theirs.call(play, corrected), play(corrected))
    if found:
        pytest.fail(told(scenario, found), pytrace=False)
