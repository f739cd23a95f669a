"""The figures in docs/campaigns.md are the output of runs."""

from __future__ import annotations

import pytest

from tests.faults.campaigns.figures import DOCUMENT, replaced
from tests.faults.campaigns.registry import CAMPAIGNS
from tests.faults.campaigns.report import Report


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_run_replaces_the_line_of_its_campaign_and_no_other(name: str) -> None:
    report = Report(name.replace("_", " "))
    report.count("things tried", 1234)
    before = DOCUMENT.read_text().splitlines()
    after = replaced(DOCUMENT.read_text(), report).splitlines()
    assert len(after) == len(before)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [f"{report.name}: 1,234 things tried; 0 laws broken"]


def test_a_campaign_without_a_line_in_the_document_is_reported() -> None:
    with pytest.raises(ValueError, match="nothing like it"):
        replaced(DOCUMENT.read_text(), Report("nothing like it"))
