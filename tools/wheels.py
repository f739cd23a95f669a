"""Builds into dist/ a wheel for every supported CPython that is found here, and the one of `Beaker`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import beaker_name

ROOT = Path(__file__).resolve().parent.parent

DIST = ROOT / "dist"
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
# Scripts that are the CPythons of Debian's tree (tools/tree), for versions that the machine has not.
IN_TREE = ROOT / ".interpreters" / "bin"
OWN = "{}.{}".format(*sys.version_info)
PROBE = "import sys; print('%d.%d' % sys.version_info[:2], getattr(sys, '_base_executable', sys.executable))"


def found_interpreters(tree: Path = IN_TREE) -> dict[str, Path]:
    """The supported CPythons by version: those on PATH, pyenv's, and those of a folder of scripts."""
    found: dict[str, Path] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for version in SUPPORTED:
        names: list[Path | str | None] = [shutil.which(f"python{version}")]
        names += sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)
        names += tree.glob(f"python{version}")
        for name in names:
            if name is not None and (interpreter := probe(name, version)) is not None:
                found[version] = interpreter
                break
    return found


def probe(name: Path | str, version: str) -> Path | None:
    """The interpreter that a name leads to, if it runs (a pyenv shim may not) and is of the version."""
    run = subprocess.run([name, "-c", PROBE], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return None
    says, _, executable = run.stdout.strip().partition(" ")
    return Path(executable) if says == version else None


def tree_is_forbidden() -> bool:
    """Whether the system lets nobody enter a tree (`tools/enter`): a container without mounts of its own."""
    enter = ["unshare", "--mount", *["--map-root-user"] * (os.geteuid() != 0), "true"]
    return shutil.which("unshare") is None or subprocess.run(enter, check=False).returncode != 0


def main() -> None:
    """Replaces what is in dist/ by wheels of the tree as it is."""
    shutil.rmtree(DIST, ignore_errors=True)
    interpreters = found_interpreters()
    for version in SUPPORTED:
        if version not in interpreters:
            print(f"no CPython {version} on this machine: no wheel for it", file=sys.stderr)
    # The compiler keeps what it made for the last interpreter: `build` made it for this one.
    for version in sorted(interpreters, key=lambda version: version != OWN):
        subprocess.run(
            ["maturin", "build", "--release", "--locked", "--out", DIST, "-i", interpreters[version]],
            cwd=ROOT,
            check=True,
        )
    beaker_name.build(DIST)


if __name__ == "__main__":
    main()
