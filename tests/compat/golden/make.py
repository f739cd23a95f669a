"""Writes the corpora anew with the original: `./dev golden`.

`corpus.json` has sessions in files, by Beaker 1.14.1; `cookies.json` has sessions in cookies and signed ids,
by 1.13.0 as well. Their names as arguments write those alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.compat.golden import golden_sessions
from tests.compat.golden.contents import CONTENTS
from tests.compat.interop.original import Original, original
from tests.support.environment import ORACLE

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PYTHONS = {"gcm": ORACLE, "ctr": ORACLE / "ctr", "1.13": ORACLE / "1.13"}
# The default of 1.13 is AES-CTR, whatever is installed.
OLDER_CRYPTO_TYPE: dict[str, dict[str, Any]] = {
    "plain": {},
    "gcm": {"crypto_type": "cryptography"},
    "ctr": {},
}


def stored_in_files(originals: dict[str, Original]) -> Iterator[dict[str, Any]]:
    """Every case with its file, whose bytes are one to one characters."""
    for case in golden_sessions.cases():
        with tempfile.TemporaryDirectory() as folder:
            written = originals["ctr" if case["cipher"] == "ctr" else "gcm"].call(
                golden_sessions.write, case, folder
            )
            [record] = Path(folder).glob("container_file/*/*/*.cache")
            yield {
                **case,
                **written,
                "file": str(record.relative_to(folder)),
                "bytes": record.read_bytes().decode("latin-1"),
            }


def kept_in_cookies(originals: dict[str, Original]) -> Iterator[dict[str, Any]]:
    """Every case with its cookie, by each release, which has read it itself."""
    for case in [
        *golden_sessions.cookie_cases(),
        *golden_sessions.dated_cases(),
        *golden_sessions.signed_ids(),
    ]:
        newer = originals["ctr" if case["cipher"] == "ctr" else "gcm"]
        older = OLDER_CRYPTO_TYPE[case["cipher"]]
        for theirs, extra in ((originals["1.13"], older), (newer, {})):
            version = theirs.call(golden_sessions.release)
            with tempfile.TemporaryDirectory() as folder:
                written = theirs.call(golden_sessions.write, case, folder, extra)
                last_accessed = golden_sessions.CREATED
                if "cookie_expires" in case["options"]:
                    written = theirs.call(golden_sessions.renew, case, written, folder, extra, True)
                    last_accessed = golden_sessions.LATER
                seen = theirs.call(golden_sessions.read, case, written, folder, extra)
            assert seen == golden_sessions.expected(
                case, written, repr(CONTENTS[case["content"]]), last_accessed
            )
            yield {**case, "name": f"{version}-{case['name']}", **written, "last_accessed": last_accessed}


CORPORA = {"corpus.json": stored_in_files, "cookies.json": kept_in_cookies}


def main() -> None:
    """Writes the corpora that are named, or all."""
    with ExitStack() as stack:
        originals = {
            name: stack.enter_context(original(place / "bin" / "python")) for name, place in PYTHONS.items()
        }
        for corpus in sys.argv[1:] or CORPORA:
            entries = list(CORPORA[corpus](originals))
            used = {entry["content"] for entry in entries}
            contents = {name: repr(content) for name, content in CONTENTS.items() if name in used}
            head = json.dumps(contents, ensure_ascii=False, indent=0)
            lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
            path = HERE / corpus
            path.write_text(f'{{"contents": {head},\n"sessions": [\n{lines}\n]}}\n', encoding="utf-8")
            sys.stderr.write(f"{corpus}: {len(entries)} sessions, {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
