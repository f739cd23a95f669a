"""Builds a wheel for every supported CPython that it finds, and the wheel of `Beaker`, into dist/."""

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
# Scripts that run the CPythons of Debian's tree (tools/tree), for versions that the machine lacks.
IN_TREE = ROOT / ".interpreters" / "bin"
OWN = "{}.{}".format(*sys.version_info)
PROBE = "import sys; print('%d.%d' % sys.version_info[:2], getattr(sys, '_base_executable', sys.executable))"


def found_interpreters(tree: Path = IN_TREE) -> dict[str, Path]:
    """The supported CPythons by version: on PATH, in pyenv, or in a folder of scripts."""
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
    """The interpreter behind a name, if it runs (a pyenv shim may not) and has the version."""
    run = subprocess.run([name, "-c", PROBE], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return None
    says, _, executable = run.stdout.strip().partition(" ")
    return Path(executable) if says == version else None


def tree_is_forbidden() -> bool:
    """Whether the system forbids mounts, which `tools/enter` needs. Some containers do."""
    enter = ["unshare", "--mount", *["--map-root-user"] * (os.geteuid() != 0), "true"]
    return shutil.which("unshare") is None or subprocess.run(enter, check=False).returncode != 0


def main() -> None:
    """Replaces the files in dist/ by wheels of the current source."""
    shutil.rmtree(DIST, ignore_errors=True)
    interpreters = found_interpreters()
    for version in SUPPORTED:
        if version not in interpreters:
            print(f"no CPython {version} found; building no wheel for it", file=sys.stderr)
    # The compiler caches the last interpreter only, and `build` was for this one.
    for version in sorted(interpreters, key=lambda version: version != OWN):
        subprocess.run(
            ["maturin", "build", "--release", "--locked", "--out", DIST, "-i", interpreters[version]],
            cwd=ROOT,
            check=True,
        )
    beaker_name.build(DIST)


if __name__ == "__main__":
    main()
