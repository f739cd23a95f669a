"""Installs the released original into separate environments, to run beside ours.

`.oracle` has `cryptography` and encrypts with AES-GCM. `.oracle/ctr` has only pycryptodome and encrypts with
AES-CTR. `.oracle/wheels` keeps the wheel of the original, for tests that swap the packages.

`--all` also installs `.oracle/1.13`, an older release that only writes the cookies of `tests/compat/golden`
(it has both packages, and a program chooses one).
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from tools.stamp import Stamp

ROOT = Path(__file__).resolve().parent.parent
ORACLE = ROOT / ".oracle"
ENVIRONMENTS = {"oracle": ORACLE, "oracle-ctr": ORACLE / "ctr"}
SELDOM_NEEDED = {"oracle-1-13": ORACLE / "1.13"}
QUIET_PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


def install(group: str, environment: Path) -> None:
    """Creates the environment of a group, unless it exists with the same packages and interpreter."""
    requirements = ROOT / "requirements" / f"{group}.txt"
    stamp = Stamp(environment, requirements)
    if stamp.is_current():
        return
    print(f"installing the original into {environment.relative_to(ROOT)}", file=sys.stderr)
    venv.create(environment, clear=True, with_pip=True)
    python = environment / "bin" / "python"
    subprocess.run([python, *QUIET_PIP, "install", "--require-hashes", "-r", requirements], check=True)
    if group == "oracle":
        download = ("download", "--no-deps", "--require-hashes", "-d", environment / "wheels")
        pinned = environment / "beaker.txt"
        pinned.write_text(requirement_of("beaker", requirements))
        subprocess.run([python, *QUIET_PIP, *download, "-r", pinned], check=True)
    stamp.write()


def requirement_of(name: str, requirements: Path) -> str:
    """The entry of one package, with its hashes, in a list from `tools.lock`."""
    lines = requirements.read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next(at for at in range(start, len(lines)) if not lines[at].endswith("\\"))
    return "\n".join(lines[start : end + 1]) + "\n"


def main() -> None:
    """Installs the missing environments."""
    wanted = {**ENVIRONMENTS, **SELDOM_NEEDED} if "--all" in sys.argv[1:] else ENVIRONMENTS
    for group, environment in wanted.items():
        install(group, environment)


if __name__ == "__main__":
    main()
