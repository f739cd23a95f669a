"""The source keeps to what CONTRIBUTING.md says of its order."""

from __future__ import annotations

import re
from itertools import chain

from tests.support.environment import ROOT

LONGEST = 400
"""Lines of a file."""

SOURCES = [
    path
    for folder in ("src", "fuzz/src", "benches", "python", "tests", "tools", "examples")
    for path in chain((ROOT / folder).rglob("*.rs"), (ROOT / folder).rglob("*.py"))
]

BELOW = {
    "src/locks": r"\bcrate::(py|store|session|config|cookie|codec|crypto)\b",
    "src/codec": r"\bcrate::(py|store|session|config|cookie)\b",
    "src/crypto": r"\bcrate::(py|store|session|config|cookie|codec)\b",
    "src/cookie": r"\bcrate::(py|store|session|config)\b",
    "src/store": r"\bcrate::(py|session|config|cookie)\b",
    "src/session": r"\bcrate::(py|config|cookie|codec|store::\w+::)\b",
}
"""What no module of a folder may name."""


def test_every_file_is_short_enough_to_be_read_at_once() -> None:
    assert len(SOURCES) > 200
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in SOURCES}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_one_layer_alone_knows_of_python() -> None:
    sources = [path for path in (ROOT / "src").rglob("*.rs") if ROOT / "src" / "py" not in path.parents]
    naming = {path.name for path in sources if re.search(r"\bpyo3\b", path.read_text())}
    assert naming == {"lib.rs"}


def test_what_is_made_once_is_made_while_no_other_thread_can_fork() -> None:
    # PyO3's own cells let the interpreter go while they are locked: a process forked then waits for ever.
    letting_go = re.compile(r"\b(?:PyOnceLock|GILOnceCell|pyo3::intern|pyo3::\{[^}]*\bintern)\b")
    users = [path for path in (ROOT / "src").rglob("*.rs") if path.name != "once.rs"]
    assert [str(path.relative_to(ROOT)) for path in users if letting_go.search(path.read_text())] == []


def test_no_layer_knows_one_above_it() -> None:
    found = {
        str(path.relative_to(ROOT)): named.group()
        for folder, above in BELOW.items()
        for path in (ROOT / folder).rglob("*.rs")
        if (named := re.search(above, path.read_text()))
    }
    assert found == {}
