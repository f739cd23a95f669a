"""Runs the Python tests on the newest CPythons, from the wheels in dist/: `./dev interpreters -k json`.

Each has its own environment in `.interpreters`, and all run at the same time. Tests of servers, of a browser
and beside the original do not depend on the version, and run on the machine's own CPython only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.wheels import DIST, IN_TREE, OWN, SUPPORTED, found_interpreters, tree_is_forbidden

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = IN_TREE.parent
NEWEST = SUPPORTED[-2:]
LEFT_OUT = (
    "compat/dependents",
    "compat/differential",
    "compat/interop",
    "faults/campaigns",
    "packaging",
    "servers/browser",
    "servers/processes",
    "servers/workers/test_servers.py",
)


def prepare(version: str, interpreter: Path) -> Path:
    """Creates an environment with the tools and the wheel. Returns its interpreter."""
    environment = ENVIRONMENTS / version
    python = environment / "bin" / "python"
    tag = f"cp{version.replace('.', '')}"
    (wheel,) = DIST.glob(f"beaker_rs-*-{tag}-{tag}-*.whl")
    uv = ("uv", "--quiet")
    subprocess.run([*uv, "venv", "--clear", "--python", interpreter, environment], check=True)
    install = (*uv, "pip", "install", "--python", python)
    listed = ROOT / "requirements" / "development.txt"
    subprocess.run([*install, "--require-hashes", "-r", listed], check=True)
    subprocess.run([*install, "--offline", "--no-deps", wheel], check=True)
    return python


def run(pythons: dict[str, Path], arguments: list[str]) -> list[str]:
    """Runs the tests on all at the same time. Returns the versions with failures."""
    left_out = [f"--ignore=tests/{path}" for path in LEFT_OUT]
    begun = time.monotonic()
    print(f"running the tests on CPython {', '.join(pythons)}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        running = {}
        for version, python in pythons.items():
            said = (Path(scratch) / version).open("w+")
            command: list[str | Path] = [
                python,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                *left_out,
                *arguments,
            ]
            # A test whose tool (such as strace) is missing here runs on the machine's own CPython.
            environ = {**os.environ, "CI": "false"}
            tests = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=said, stderr=said)
            running[version] = (tests, said)
        failed = []
        for version, (tests, said) in running.items():
            if tests.wait() != 0:
                failed.append(version)
            said.seek(0)
            print(f"CPython {version}, {time.monotonic() - begun:.0f} s", said.read(), sep="\n")
            said.close()
    return failed


def main() -> None:
    """Runs the tests on each CPython found. `--missing` prints the versions that the machine lacks."""
    wanted = [version for version in NEWEST if version != OWN]
    if "--missing" in sys.argv[1:]:
        here = found_interpreters(tree=ROOT / "nowhere")
        print(*(version for version in wanted if version not in here))
        return
    found = found_interpreters()
    for version in wanted:
        if version not in found:
            print(f"no CPython {version} (./dev tree): NOT TESTED ON IT", file=sys.stderr)
            # In CI a missing interpreter is a failure, unless the machine forbids the tree.
            if os.environ.get("CI") == "true" and not tree_is_forbidden():
                sys.exit("CI must test every CPython")
    pythons = {version: prepare(version, found[version]) for version in wanted if version in found}
    if failed := run(pythons, sys.argv[1:]):
        sys.exit(f"tests failed on CPython {', '.join(failed)}")


if __name__ == "__main__":
    main()
