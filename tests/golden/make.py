"""Writes the corpus anew with the original: `python -m tests.golden.make`, after `./dev oracle`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.golden import sessions
from tests.interop.original import original
from tests.support.environment import ORACLE

CORPUS = Path(__file__).with_name("corpus.json")


def entry(written: dict[str, Any], case: sessions.Case, folder: Path) -> dict[str, Any]:
    """A case as the corpus has it, the file's bytes one to one as characters."""
    [record] = folder.glob("container_file/*/*/*.cache")
    return {
        **case,
        **written,
        "file": str(record.relative_to(folder)),
        "bytes": record.read_bytes().decode("latin-1"),
    }


def main() -> None:
    """Writes every case."""
    corpus = []
    with original(ORACLE / "bin" / "python") as gcm, original(ORACLE / "ctr" / "bin" / "python") as ctr:
        for case in sessions.cases():
            with tempfile.TemporaryDirectory() as folder:
                written = (ctr if case["cipher"] == "ctr" else gcm).call(sessions.write, case, folder)
                corpus.append(entry(written, case, Path(folder)))
    contents = {name: repr(content) for name, content in sessions.CONTENTS.items()}
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in corpus)
    head = json.dumps(contents, ensure_ascii=False, indent=0)
    CORPUS.write_text(f'{{"contents": {head},\n"sessions": [\n{lines}\n]}}\n', encoding="utf-8")
    sys.stderr.write(f"{len(corpus)} sessions, {CORPUS.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
