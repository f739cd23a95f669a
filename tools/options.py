"""Writes the options from src/config/table.rs into the documents and the stubs: `./dev options`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from beaker import _core

ROOT = Path(__file__).resolve().parent.parent


def cells(*texts: str) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(texts)} |"


def takes(option: dict[str, Any]) -> str:
    """The words that an option accepts, or the kind of its value."""
    return ", ".join(f"`{word}`" for word in option["choices"]) or option["kind"]


def reference(options: list[dict[str, Any]]) -> str:
    """Every option, in a table for each group."""
    lines: list[str] = []
    for title, group in groupby(options, lambda option: option["group"]):
        head = ["option", "takes", "default", "for", "since", "meaning"]
        lines += ["", f"## {title}", "", cells(*head), cells(*["---"] * len(head))]
        lines += [
            cells(
                f"`{option['name']}`",
                takes(option),
                option["default"],
                option["used_by"],
                option["since"],
                option["meaning"],
            )
            for option in group
        ]
    return "\n".join([*lines, ""])


def hardened(options: list[dict[str, Any]]) -> str:
    """The options that have another default under `profile = hardened`."""
    rows = [
        cells(f"`{option['name']}`", option["hardened"], option["because"])
        for option in options
        if option["hardened"]
    ]
    return "\n".join(["", "| option | hardened default | reason |", "| --- | --- | --- |", *rows, ""])


def attributes(options: list[dict[str, Any]]) -> str:
    """The attributes of a session that show options, for the stubs."""
    return "\n".join(
        f"    {option['attribute']}: {option['annotation']}" for option in options if option["attribute"]
    )


PARTS = {
    ROOT / "docs" / "options.md": ("<!-- {} -->", reference),
    ROOT / "docs" / "hardened.md": ("<!-- {} -->", hardened),
    ROOT / "python" / "beaker" / "_core.pyi": ("    # {}", attributes),
}


def documents() -> dict[Path, str]:
    """The expected text of each file that has a part of the table."""
    options = _core.option_table()
    return {path: written(path.read_text(), mark, part(options)) for path, (mark, part) in PARTS.items()}


def written(text: str, mark: str, part: str) -> str:
    """The text of a file with a new part between its marks."""
    begin, end = mark.format("options, written by ./dev options"), mark.format("end of options")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{part}\n{end}{after}"


def main() -> None:
    """Writes the files."""
    for path, text in documents().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
