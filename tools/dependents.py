"""Installs programs that require or use Beaker, with ours in its place, by pip and by uv.

Each installer uses a fresh environment, the metadata of the programs, and the exact versions in
requirements/dependents.txt. A third environment has the original, for comparison. WuttaWeb's own tests come
from its source distribution, since its wheel has none.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

from tools.oracle import requirement_of
from tools.stamp import Stamp
from tools.wheels import DIST, OWN

ROOT = Path(__file__).resolve().parent.parent

ENVIRONMENTS = {name: ROOT / ".dependents" / name for name in ("pip", "uv")}
BASELINE = ROOT / ".dependents" / "original"
REQUIREMENTS = ROOT / "requirements" / "dependents.txt"
WUTTAWEB = ROOT / ".dependents" / "wuttaweb"


def ours() -> str:
    """Requirements for our wheels in dist/ for this interpreter, with their hashes."""
    tag = f"cp{OWN.replace('.', '')}"
    wheels = sorted([*DIST.glob(f"beaker_rs-*-{tag}-{tag}-*.whl"), *DIST.glob("beaker-*.whl")])
    lines = ""
    for wheel in wheels:
        hashed = hashlib.sha256(wheel.read_bytes()).hexdigest()
        name = wheel.name.partition("-")[0].replace("_", "-")
        lines += f"{name} @ {wheel.as_uri()} --hash=sha256:{hashed}\n"
    return lines


def pip(python: Path, *arguments: str | Path) -> tuple[str | Path, ...]:
    """The command of this interpreter's pip for the environment of an interpreter."""
    return (
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", python),
        *arguments,
    )


def installer(name: str, python: Path) -> tuple[str | Path, ...]:
    """The command of an installer for the environment of an interpreter."""
    if name != "pip":
        return ("uv", "pip", "install", "--quiet", "--python", python)
    return pip(python, "install")


def unpack_wuttaweb() -> None:
    """Unpacks the source distribution of WuttaWeb, whose tests are to be run."""
    wanted = requirement_of("wuttaweb", REQUIREMENTS)
    stamp = Stamp(WUTTAWEB, REQUIREMENTS)
    if stamp.is_current():
        return
    print(f"unpacking the tests of WuttaWeb into {WUTTAWEB.relative_to(ROOT)}", file=sys.stderr)
    shutil.rmtree(WUTTAWEB, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch) / "wuttaweb.txt"
        listed.write_text(wanted)
        # pip asks the source for its metadata. What that needs is in the environment.
        alone = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes")
        python = BASELINE / "bin" / "python"
        subprocess.run(pip(python, "download", *alone, "-d", scratch, "-r", listed), check=True)
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as source:
            # CPython before 3.11.4 has no filters.
            source.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
            source.extractall(scratch)  # noqa: S202 - the archive is one whose hash is known
        shutil.move(Path(scratch) / archive.name.removesuffix(".tar.gz"), WUTTAWEB)
    stamp.write()


def main() -> None:
    """Creates each environment, unless it exists with the same packages and interpreter."""
    wheels = ours()
    original = requirement_of("beaker", ROOT / "requirements" / "oracle.txt")
    beakers = {**dict.fromkeys(ENVIRONMENTS, wheels), BASELINE.name: original}
    for name, environment in {**ENVIRONMENTS, BASELINE.name: BASELINE}.items():
        stamp = Stamp(environment, REQUIREMENTS, beakers[name])
        if stamp.is_current():
            continue
        print(f"installing programs that use Beaker into {environment.relative_to(ROOT)}", file=sys.stderr)
        venv.create(environment, clear=True, with_pip=False)
        listed = environment / "beaker.txt"
        listed.write_text(beakers[name])
        command = installer(name, environment / "bin" / "python")
        subprocess.run([*command, "--require-hashes", "-r", REQUIREMENTS, "-r", listed], check=True)
        stamp.write()
    unpack_wuttaweb()


if __name__ == "__main__":
    main()
