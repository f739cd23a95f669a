"""Worker processes on two machines share their sessions, and a machine that loses the store says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.machines import run
from tests.support.environment import skipped_where_impossible

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 12.0
# A waiting request, a new connection and one more attempt, on a busy machine.
LONGEST_FAILURE = 15_000


@pytest.mark.servers
def test_two_machines_share_all_sessions_and_one_that_is_cut_off_logs_nobody_out(tmp_path: Path) -> None:
    results = []
    with skipped_where_impossible():
        results = list(run.run(SECONDS, tmp_path))
    assert [store for store, _, _ in results] == ["Redis Cluster"] * 2 + ["PostgreSQL"] * 2
    for store, state, shown in results:
        seen = shown["seen"]
        assert seen["answered"] >= 2 * run.VISITORS, (store, state)
        assert not {"lost", "counted twice", "logged out"} & set(seen), (store, state, seen)
        assert shown["processes"] == run.MACHINES * run.WORKERS, (store, state)
        if state == "all is well":
            assert set(seen) == {"answered"}, (store, seen)
        else:
            assert seen["failed 503"] > 0, (store, seen)
            assert shown["slowest failure"] < LONGEST_FAILURE, (store, shown)
