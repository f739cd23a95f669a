"""The original and ours serve one folder at the same time, with the same cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.client import cookie_of, get
from tools.serving import GUNICORN, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.processes.conftest import Serve

OPTIONS = {
    "plain": {},
    "signed": {"secret": "a secret that both know"},
    "json": {"data_serializer": "json", "secret": "a secret that both know"},
    "timeout": {"timeout": 600},
    "encrypted": {"encrypt_key": "a key that both know", "validate_key": "another that both know"},
    "encrypted json": {
        "encrypt_key": "a key that both know",
        "validate_key": "another that both know",
        "data_serializer": "json",
    },
}


@pytest.mark.parametrize("ours_begins", [True, False], ids=["ours begins", "the original begins"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_a_session_is_counted_on_by_both(
    serve: Serve, tmp_path: Path, oracle: Path, options: dict[str, object], ours_begins: bool
) -> None:
    original = Kind(
        "the-original",
        "beaker",
        (str(oracle), "-m", "tests.support.serve_wsgiref", "{app}"),
        r"listening on (\d+)",
    )
    shared = {"type": "file", "data_dir": str(tmp_path / "sessions"), **options}
    kinds = (GUNICORN, original) if ours_begins else (original, GUNICORN)
    servers = [serve(kind, shared) for kind in kinds]
    cookie = cookie_of(get(servers[0].port, "/count"))
    for visit in range(2, 10):
        response = get(servers[visit % 2 - 1].port, "/count", cookie)
        assert int(response.body.split()[1]) == visit
        assert response.every("set-cookie") == []
