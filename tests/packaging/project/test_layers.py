"""The source keeps to what CONTRIBUTING.md says of its order."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain

from tests.support import running
from tests.support.environment import ROOT
from tools.imports import Crate

LONGEST = 400
"""Lines of a file."""

SOURCES = [
    path
    for folder in ("src", "fuzz/src", "benches", "python", "tests", "tools", "examples")
    for path in chain((ROOT / folder).rglob("*.rs"), (ROOT / folder).rglob("*.py"))
]

LAYERS = {
    "error": "",
    "fork": "",
    "sync": "",
    "private_dir": "error",
    "crypto": "error",
    "id": "error",
    "clock": "error",
    "locks": "error fork private_dir sync",
    "codec": "crypto error id",
    "cookie": "codec crypto error",
    "store": "clock codec error fork id locks private_dir sync",
    "session": "clock error id store",
    "config": "clock codec cookie crypto error session store",
    "cache": "",
    "py": "cache clock codec config cookie crypto error fork id locks private_dir session store",
    "lib": "py",
}
"""The other parts that each part of the crate may import."""

CRATE = Crate(ROOT / "src")


def test_every_file_is_short_enough_to_be_read_at_once() -> None:
    assert len(SOURCES) > 200
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in SOURCES}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_every_file_of_the_tests_has_a_name_of_its_own() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py"))
    assert [name for name, number in names.items() if number > 1 and name != "conftest.py"] == []


def test_every_path_with_a_marker_exists() -> None:
    paths = [*running.MARKERS, *running.TOGETHER, *running.APART]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_one_layer_alone_knows_of_python() -> None:
    sources = [path for path in (ROOT / "src").rglob("*.rs") if ROOT / "src" / "py" not in path.parents]
    naming = {path.name for path in sources if re.search(r"\bpyo3\b", path.read_text())}
    assert naming == {"lib.rs"}


def test_a_value_made_once_is_made_while_no_other_thread_can_fork() -> None:
    # PyO3's own cells let the interpreter go while they are locked: a process forked then waits for ever.
    letting_go = re.compile(r"\b(?:PyOnceLock|GILOnceCell|pyo3::intern|pyo3::\{[^}]*\bintern)\b")
    users = [path for path in (ROOT / "src").rglob("*.rs") if path.name != "once.rs"]
    assert [str(path.relative_to(ROOT)) for path in users if letting_go.search(path.read_text())] == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    # A `mod.rs` may re-export its children, and may use them if they use nothing that it defines itself.
    assert len(CRATE.modules) > 100
    assert CRATE.circles() == []


def test_no_layer_imports_one_above_it() -> None:
    found = {
        (part(name), part(other))
        for name, others in CRATE.edges.items()
        for other in others
        if part(other) != part(name) and part(other) not in LAYERS[part(name)].split()
    }
    assert found == set()


def part(name: tuple[str, ...]) -> str:
    """The part of the crate that a module belongs to."""
    return name[0] if name else "lib"


def test_a_session_imports_the_contract_of_stores_and_no_store() -> None:
    found = {
        (name, other)
        for name, others in CRATE.edges.items()
        for other in others
        if name[0:1] == ("session",) and len(other) > 2 and other[0] == "store"
    }
    assert found == set()
