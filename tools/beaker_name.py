"""Builds our distribution `Beaker`, which has no module and requires `beaker-rs`, into dist/.

It satisfies programs and packages that require Beaker or ask for its version. Its version is that of the
original that ours replaces, followed by our own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
ORIGINAL = "1.14.1"
README = """\
# Beaker, by beaker-rs

This distribution has no module. It requires `beaker-rs`, which has the module `beaker`, and satisfies
packages that require `Beaker`, `importlib.metadata` and `egg:Beaker#beaker_session`. Its version is that of
the Beaker that it replaces, with the version of beaker-rs after `+rs.`
"""
DESCRIPTION = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "Beaker"
version = {version}
description = "The name Beaker for programs that ask for it; beaker-rs has the module"
readme = "README.md"
requires-python = {python}
license = "MIT"
license-files = ["LICENSE"]
dependencies = [{needs}]

[tool.setuptools]
packages = []
"""


def our_version() -> str:
    """The version of the crate and of `beaker-rs`."""
    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    return str(package["version"])


def version() -> str:
    """The version of the distribution `Beaker`."""
    return f"{ORIGINAL}+rs.{our_version()}"


def description() -> str:
    """The `pyproject.toml` of the distribution. It has the entry points of `beaker-rs`, for Paste."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = DESCRIPTION.format(
        version=json.dumps(version()),
        python=json.dumps(project["requires-python"]),
        needs=json.dumps(f"{project['name']}=={our_version()}"),
    )
    for group, names in project["entry-points"].items():
        text += f"\n[project.entry-points.{json.dumps(group)}]\n"
        text += "".join(f"{name} = {json.dumps(target)}\n" for name, target in names.items())
    return text


def build(folder: Path) -> None:
    """Builds the wheel into a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch)
        (source / "pyproject.toml").write_text(description())
        (source / "README.md").write_text(README)
        shutil.copy(ROOT / "LICENSE", source)
        # The build backend comes from the environment of the tools, so that nothing is downloaded.
        pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check")
        alone = ("--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
        subprocess.run([*pip, *alone, source], check=True)


if __name__ == "__main__":
    build(ROOT / "dist")
