"""The small changes of the Python code, which Cosmic Ray makes.

Cosmic Ray changes a copy of the package and runs pytest for each change. It is installed into `.tools` at the
first use, from requirements/mutants.txt.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from tools.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "beaker"
REQUIREMENTS = ROOT / "requirements" / "mutants.txt"
ENVIRONMENT = ROOT / ".tools" / "cosmic-ray"
SETTINGS = "settings.toml"
RESULTS = "results.sqlite"
PARTS = {
    "python-locks": (
        ("_locks.py", "_file_lock.py", "_registry.py", "synchronization.py"),
        (
            "tests/api/test_lock_waits.py",
            "tests/api/test_synchronization.py",
            "tests/api/test_file_lock.py",
            "tests/faults/concurrency/test_lock_threads.py",
            "tests/faults/concurrency/test_lock_forks.py",
            "tests/conformance/session/test_lock.py",
        ),
    ),
    "python-container": (
        (
            "_namespace.py",
            "_memory_namespace.py",
            "_value.py",
            "_backends.py",
            "_registry.py",
            "container.py",
        ),
        (
            "tests/api/test_open_namespaces.py",
            "tests/api/test_backends.py",
            "tests/api/test_value.py",
            "tests/api/test_container.py",
        ),
    ),
    "python-files": (
        ("_file_backed.py", "_file_namespace.py", "_files.py", "_dbm_files.py", "_dbm_namespace.py"),
        (
            "tests/api/test_file_namespaces.py",
            "tests/api/test_container.py",
            "tests/conformance/stores/test_dbm.py",
            "tests/conformance/stores/test_os_errors.py",
        ),
    ),
    "python-util": (("util.py", "converters.py", "_compat.py"), ("tests/api/test_util.py",)),
    "python-cookie": (
        ("cookie.py",),
        (
            "tests/api/test_cookie.py",
            "tests/api/test_morsel.py",
            "tests/api/test_signed_cookie.py",
            "tests/conformance/cookies/test_joined.py",
        ),
    ),
    "python-crypto": (("crypto",), ("tests/api/test_crypto.py",)),
    "python-pickle": (
        ("_pickle_guard.py", "_pickle_keys.py", "_pickle_values.py", "_likeness.py", "_unstorable.py"),
        ("tests/api/test_pickle_guard.py", "tests/api/test_pickle_cost.py"),
    ),
}
"""The modules of each part, and the tests that must notice a change in them, the quickest first."""

KEPT = {
    *("Add_Sub", "Sub_Add", "Mul_FloorDiv", "Div_Mul", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul"),
    *("BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitOr", "LShift_RShift", "RShift_LShift"),
    *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is", "In_NotIn", "NotIn_In"),
    *("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt"),
}
"""The replacements of an operator that are tried. The other operators that Cosmic Ray knows tell no more."""


def program() -> Path:
    """The installed Cosmic Ray."""
    stamp = Stamp(ENVIRONMENT, REQUIREMENTS)
    if not stamp.is_current():
        print("installing Cosmic Ray", file=sys.stderr)
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        quiet = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--require-hashes")
        subprocess.run([ENVIRONMENT / "bin" / "python", *quiet, "-r", REQUIREMENTS], check=True)
        stamp.write()
    return ENVIRONMENT / "bin" / "cosmic-ray"


def count(part: str) -> int:
    """The number of changes of a part."""
    with opened(prepared(part)) as database:
        return int(database.execute("SELECT count(*) FROM work_items").fetchone()[0])


def tried(part: str, _jobs: int) -> list[tuple[str, str]]:
    """Tries all changes of a part, one after the other. The outcome of each, and the change."""
    scratch = prepared(part)
    started = time.monotonic()
    run(scratch, *tests_of(part))
    # A change that makes the tests hang counts as noticed; a slow machine must not.
    write_settings(part, scratch, limit=60 + 5 * (time.monotonic() - started))
    run(scratch, program(), "exec", scratch / SETTINGS, scratch / RESULTS)
    with opened(scratch) as database:
        results = database.execute(
            "SELECT test_outcome, output, diff, module_path, start_pos_row"
            " FROM work_results JOIN mutation_specs USING (job_id)"
        ).fetchall()
    return [
        (outcome_of(outcome, output), f"{change_of(diff or '', scratch)} in {name_at(Path(module), row)}")
        for outcome, output, diff, module, row in results
    ]


def prepared(part: str) -> Path:
    """A directory with a copy of the package and the list of the changes of a part."""
    scratch = ROOT / "target" / "mutants" / part
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(PACKAGE, scratch / "beaker", ignore=shutil.ignore_patterns("__pycache__"))
    write_settings(part, scratch)
    run(scratch, program(), "init", scratch / SETTINGS, scratch / RESULTS)
    leave_out(scratch)
    return scratch


def write_settings(part: str, scratch: Path, limit: float = 0.0) -> None:
    """Writes the settings of Cosmic Ray. ``limit`` is the time limit of the tests, in seconds."""
    modules, _ = PARTS[part]
    settings = {
        "module-path": [str(scratch / "beaker" / module) for module in modules],
        "test-command": " ".join(tests_of(part)),
        "timeout": limit,
        "excluded-modules": [],
        "distributor.name": "local",
    }
    # These values are the same in JSON and in TOML.
    lines = (f"{key} = {json.dumps(value)}" for key, value in settings.items())
    (scratch / SETTINGS).write_text("\n".join(("[cosmic-ray]", *lines)))


def tests_of(part: str) -> tuple[str, ...]:
    """The command that runs the tests of a part."""
    _, tests = PARTS[part]
    return (sys.executable, "-m", "pytest", "-qxp", "no:cacheprovider", *tests)


def run(scratch: Path, *command: str | Path) -> None:
    """Runs a command whose processes import the copy of the package."""
    environment = os.environ | {"PYTHONPATH": str(scratch)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


@contextlib.contextmanager
def opened(scratch: Path) -> Iterator[sqlite3.Connection]:
    """The database of the changes."""
    with contextlib.closing(sqlite3.connect(scratch / RESULTS)) as database, database:
        yield database


def leave_out(scratch: Path) -> None:
    """Drops the changes of annotations, which no program evaluates, and those not in :data:`KEPT`."""
    with opened(scratch) as database:
        changes = (
            "SELECT job_id, operator_name, module_path, start_pos_row, start_pos_col FROM mutation_specs"
        )
        found = database.execute(changes).fetchall()
        paths = {path for _, _, path, *_ in found}
        spans = {path: list(types_in(Path(path).read_text())) for path in paths}
        dropped = [
            (job,)
            for job, operator, path, *at in found
            if not is_kept(operator) or any(start <= tuple(at) < end for start, end in spans[path])
        ]
        database.executemany("DELETE FROM mutation_specs WHERE job_id = ?", dropped)
        database.executemany("DELETE FROM work_items WHERE job_id = ?", dropped)


def is_kept(change: str) -> bool:
    """Whether a change is tried. ``change`` is Cosmic Ray's name for it."""
    replacement = re.fullmatch(r"core/Replace(?:Binary|Comparison)Operator_(\w+)", change)
    return replacement is None or replacement[1] in KEPT


def types_in(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The beginning and end of each annotation and each `TYPE_CHECKING` in a module, by line and column."""
    for node in ast.walk(ast.parse(source)):
        types: list[ast.expr | None] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            types.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            types.append(node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            types.append(node.test)
        for found in types:
            if found is not None and found.end_lineno is not None and found.end_col_offset is not None:
                yield (found.lineno, found.col_offset), (found.end_lineno, found.end_col_offset)


def outcome_of(outcome: str, output: str) -> str:
    """The outcome as cargo-mutants names it."""
    if outcome == "KILLED":
        return "timeout" if output == "timeout" else "caught"
    return "missed" if outcome == "SURVIVED" else "unviable"


def change_of(diff: str, scratch: Path) -> str:
    """A change as `python/beaker/util.py: replace OLD with NEW`, without the line number."""
    module, old, new = "", [], []
    for line in diff.splitlines():
        if line.startswith("--- a/"):
            module = line.removeprefix(f"--- a/{scratch}/")
        elif line.startswith("-") and not line.startswith("---"):
            old.append(line[1:].strip())
        elif line.startswith("+") and not line.startswith("+++"):
            new.append(line[1:].strip())
    return f"python/{module}: replace {' '.join(old)} with {' '.join(new)}"


def name_at(module: Path, row: int) -> str:
    """The qualified name of the class or function at a line, or ``module``."""
    names: list[str] = []
    node: ast.AST = ast.parse(module.read_text())
    while inner := next(
        (found for found in ast.walk(node) if found is not node and is_around(found, row)), None
    ):
        node = inner
        names.append(getattr(node, "name", ""))
    return ".".join(names) or "module"


def is_around(node: ast.AST, row: int) -> bool:
    """Whether a node is the definition of a class or function that has the line."""
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return first <= row <= (node.end_lineno or first)
