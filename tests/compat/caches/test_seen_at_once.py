"""A value that the original's process changes in a file is seen at once, however it was read before."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from beaker.cache import Cache

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

from beaker import _file_values

SETTLING = 0.02

A_WRITER = """
import sys
from beaker.cache import Cache

cache = Cache("n", type="file", data_dir=sys.argv[1])
for line in sys.stdin:
    cache.put("k", [line.strip()])
    print("stored", flush=True)
"""


def test_a_change_by_the_original_is_seen_at_once(
    oracle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_file_values, "_SETTLING", SETTLING)
    cache = Cache("n", type="file", data_dir=str(tmp_path))
    command = [str(oracle), "-c", A_WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for number in range(300):
            writer.stdin.write(f"{number:03}\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "stored\n"
            assert cache.get("k") == [f"{number:03}"]
            if number % 30 == 0:
                time.sleep(SETTLING * 1.5)
                # It is read once more, and then kept.
                assert [cache.get("k") for _ in range(2)] == [[f"{number:03}"]] * 2
        writer.stdin.close()
