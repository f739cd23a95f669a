"""Each package finds the other's sessions and caches in memcached, on two servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.compat.golden import golden_sessions
from tests.compat.interop.pairs import back, back_and_forth, forth
from tests.compat.interop.stored_values import read_value, write_value
from tests.support.memcached_server import MemcachedServer, servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.compat.interop.original import Original

CASES = list(golden_sessions.cases(golden_sessions.SERIALIZERS))


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[MemcachedServer]]:
    """Two servers, which take items that are as large as a file may be."""
    with servers(2, "-I", "32m") as started:
        yield started


@pytest.fixture
def place(nodes: list[MemcachedServer]) -> dict[str, Any]:
    """The options for sessions on the servers, which are empty."""
    for server in nodes:
        server.ask("flush_all")
    return {"type": "ext:memcached", "url": ";".join(server.address for server in nodes)}


IDS = ["a b", "caf\u00e9", "x" * 300, "a b" * 100, "user.progress", "-", "0" * 32]


@pytest.mark.parametrize("session_id", IDS)
@pytest.mark.parametrize("cipher", ["plain", "gcm-128"])
def test_an_id_of_any_form_is_under_the_key_that_the_original_makes(
    session_id: str, cipher: str, place: dict[str, Any], gcm: Original, tmp_path: Path
) -> None:
    case = next(case for case in CASES if case["name"].startswith(f"pickle-bare-{cipher}-dotted"))
    named = {**case, "id": session_id, "options": {**case["options"], **place}}
    seen, expected = forth(named, gcm, str(tmp_path))
    assert seen == expected
    seen, expected = back(named, gcm, str(tmp_path))
    assert seen == expected


VALUES: list[Any] = ["caf\u00e9", 300, -1, None, True, 1.5, [1, "two"], {"a": {"b": []}}, "x" * 5000]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("module", ["memcache", "bmemcached"])
def test_a_value_of_a_cache_is_read_by_either(
    value: Any, module: str, nodes: list[MemcachedServer], gcm: Original
) -> None:
    # bmemcached stores everything on every server.
    url = ";".join(server.address for server in (nodes if module == "memcache" else nodes[:1]))
    write_value(url, module, "ours", value)
    assert gcm.call(read_value, url, module, "ours") == value
    gcm.call(write_value, url, module, "theirs", value)
    assert read_value(url, module, "theirs") == value


@pytest.mark.parametrize("cipher", ["plain", "gcm-128"])
def test_a_session_of_bmemcached_is_read_by_either(
    cipher: str, nodes: list[MemcachedServer], gcm: Original, tmp_path: Path
) -> None:
    case = next(case for case in CASES if case["name"].startswith(f"pickle-signed-{cipher}-numbers"))
    place = {"type": "ext:memcached", "url": nodes[1].address, "memcache_module": "bmemcached"}
    on_one = {**case, "options": {**case["options"], **place}}
    for how in (forth, back, back_and_forth):
        seen, expected = how(on_one, gcm, str(tmp_path))
        assert seen == expected


def test_the_servers_share_the_sessions(nodes: list[MemcachedServer]) -> None:
    counts = [int(line.split()[2]) for one in nodes for line in one.ask("stats") if "total_items" in line]
    assert all(counts)
