"""Certificates that tests make for themselves."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.support.environment import LackingError

if TYPE_CHECKING:
    from pathlib import Path


def make_certificate(folder: Path, name: str, hosts: str, issuer: str | None = None) -> Path:
    """Makes `name.pem` and `name.key` for some hosts, signed by an issuer made before or by itself."""
    if shutil.which("openssl") is None:
        raise LackingError("openssl is not installed (./dev chromium)")
    by = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key"] if issuer else []
    kind = "critical,CA:FALSE" if issuer else "critical,CA:TRUE"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName={hosts}", "-addext", f"basicConstraints={kind}", *by),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / f"{name}.pem"
