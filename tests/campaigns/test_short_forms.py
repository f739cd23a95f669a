"""Every campaign in its short form."""

from __future__ import annotations

import pytest

from tests.campaigns.kit import ForbiddenError, LackingError, Size
from tests.campaigns.registry import CAMPAIGNS, run
from tests.support.environment import missing


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_campaign_breaks_no_law(name: str, lines: list[str]) -> None:
    try:
        report = run(name, Size.SHORT)
    except LackingError as error:
        missing(f"campaign {name}: {error}")
    except ForbiddenError as error:
        pytest.skip(f"campaign {name}: {error}")
    lines.append(report.line())
    assert report.broken == []
