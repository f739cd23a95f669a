"""On a system that is not Unix the functions for files exist, and each raises an exception."""

from __future__ import annotations

import re

from beaker import _core
from tests.support.environment import ROOT

FILES = ROOT / "src" / "py" / "files"
SQLITE = ROOT / "src" / "py" / "sqlite"


def test_each_function_for_files_is_refused_without_unix() -> None:
    refused = re.findall(r'^    "(\w+)",$', (FILES / "absent.rs").read_text(), re.MULTILINE)
    (added,) = re.findall(r"add_functions! \{([^}]*)\}", (FILES / "mod.rs").read_text())
    functions = re.findall(r"\w+::\w+", added)
    assert len(set(refused)) == len(refused) == len(functions) > 10
    assert [name for name in refused if not hasattr(_core, name)] == []


def test_the_class_for_databases_is_refused_without_unix() -> None:
    (refused,) = re.findall(r'module\.add\("(\w+)"', (SQLITE / "absent.rs").read_text())
    (added,) = re.findall(r"add_class::<\w+::(\w+)>", (SQLITE / "mod.rs").read_text())
    assert refused == added
    assert hasattr(_core, added)


def test_unix_is_named_at_the_seam_for_files_alone() -> None:
    naming = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "src" / "py").rglob("*.rs")
        if re.search(r"\b(?:rustix|os::unix|unix\)|LockFile|FileStore|store::file\b)", path.read_text())
    }
    files = {f"src/py/files/{name}.rs" for name in ("io", "lock", "mod", "stamp", "store", "sweep")}
    assert naming == files | {f"src/py/sqlite/{name}.rs" for name in ("mod", "store")}
