"""Installs programs that require or use Beaker, with ours in its place, by pip and by uv.

Each installer uses a fresh environment, the metadata of the programs, and the exact versions in
requirements/dependents.txt. A third environment has the original, for comparison.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from tools.oracle import requirement_of
from tools.stamp import Stamp
from tools.wheels import DIST, OWN

ROOT = Path(__file__).resolve().parent.parent

ENVIRONMENTS = {name: ROOT / ".dependents" / name for name in ("pip", "uv")}
BASELINE = ROOT / ".dependents" / "original"
REQUIREMENTS = ROOT / "requirements" / "dependents.txt"


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


def installer(name: str, python: Path) -> tuple[str | Path, ...]:
    """The command of an installer for the environment of an interpreter."""
    if name != "pip":
        return ("uv", "pip", "install", "--quiet", "--python", python)
    return (
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "--python",
        python,
        "install",
    )


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


if __name__ == "__main__":
    main()
