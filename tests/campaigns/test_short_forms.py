"""Every campaign in its short form."""

from __future__ import annotations

import pytest

from tests.campaigns.kit import Size, left_out_where_impossible
from tests.campaigns.registry import CAMPAIGNS, run


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_campaign_breaks_no_law(name: str, lines: list[str]) -> None:
    with left_out_where_impossible():
        report = run(name, Size.SHORT)
    lines.append(report.line())
    assert report.broken == []
