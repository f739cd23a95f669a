"""Reads the parts of the documents that tests compare with the code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.environment import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """The path and the line of the block."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def blocks(document: Path, language: str) -> list[Block]:
    """The fenced blocks of a language."""
    text = document.read_text()
    return [
        Block(document, text.count("\n", 0, found.start()) + 1, language, found[1])
        for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def section(document: Path, title: str) -> str:
    """The text under a heading of the second level."""
    _, separator, rest = document.read_text().partition(f"\n## {title}\n")
    assert separator, f"{document.name} has no section '{title}'"
    return rest.partition("\n## ")[0]


def named_in_first_column(text: str) -> list[str]:
    """Every `name` in the first column of the tables of a text."""
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def anchors(document: Path) -> set[str]:
    """The headings of a document, as the fragments of links name them."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> list[str]:
    """The targets of a document's links."""
    return re.findall(r"\]\(([^)\s]+)\)", document.read_text())
