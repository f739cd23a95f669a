"""The figures of docs/campaigns.md: each line is the one that a run in full has printed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.environment import ROOT

if TYPE_CHECKING:
    from tests.faults.campaigns.report import Report

DOCUMENT = ROOT / "docs" / "campaigns.md"


def replaced(document: str, report: Report) -> str:
    """The document with the line of this report in place of the one of its campaign."""
    line = re.compile(rf"^{re.escape(report.name)}: .*$", re.MULTILINE)
    if len(line.findall(document)) != 1:
        raise ValueError(f"{DOCUMENT.name} has not one line that begins with {report.name}:")
    return line.sub(lambda _: report.line(), document)


def write(report: Report) -> None:
    """Puts the line of a run in full into the document."""
    DOCUMENT.write_text(replaced(DOCUMENT.read_text(), report))
