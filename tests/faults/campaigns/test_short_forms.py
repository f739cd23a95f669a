"""Every campaign in its short form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.faults.campaigns.registry import CAMPAIGNS, run
from tests.faults.campaigns.report import Size
from tests.support.environment import ROOT, skipped_where_impossible

if TYPE_CHECKING:
    from collections.abc import Callable

DESCRIPTION = ROOT / "docs" / "campaigns.md"


def test_every_campaign_is_described() -> None:
    described = re.findall(r"^\| `(\w+)` \|", DESCRIPTION.read_text(), re.MULTILINE)
    assert [name for name in described if name in CAMPAIGNS] == list(CAMPAIGNS)


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_campaign_breaks_no_law(name: str, record_property: Callable[[str, object], None]) -> None:
    with skipped_where_impossible():
        report = run(name, Size.SHORT)
    record_property("campaign", report.line())
    assert report.broken == []
