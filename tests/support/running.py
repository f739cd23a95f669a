"""The markers of tests, and the parts in which several processes share them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

SLOWEST_FIRST = ("slow", "servers", "fast")
MARKERS = {
    "tests/servers/browser": "servers",
    "tests/servers/processes": "servers",
    "tests/servers/workers": "servers",
    "tests/api/test_file_namespaces.py": "slow",
    "tests/api/test_pickle_cost.py": "slow",
    "tests/compat/caches": "slow",
    "tests/compat/dependents": "slow",
    "tests/compat/interop/test_memcached_both_ways.py": "slow",
    "tests/compat/interop/test_original_reads_ours.py": "slow",
    "tests/conformance/session/test_overtaken.py": "slow",
    "tests/conformance/session/test_memory_use.py": "slow",
    "tests/conformance/stores/test_costs.py": "slow",
    "tests/conformance/stores/test_dbm.py": "slow",
    "tests/conformance/stores/test_dotted_ids.py": "slow",
    "tests/conformance/stores/test_durability.py": "slow",
    "tests/conformance/stores/test_memcached.py": "slow",
    "tests/conformance/stores/test_memcached_cuts.py": "slow",
    "tests/conformance/stores/test_record_fleet.py": "slow",
    "tests/conformance/stores/test_sweeping.py": "slow",
    "tests/faults/concurrency/test_locked_processes.py": "slow",
    "tests/faults/databases": "servers",
    "tests/faults/redis": "slow",
    "tests/faults/interruptions/test_interruptions.py": "slow",
    "tests/faults/interruptions/test_reentrancy.py": "slow",
    "tests/faults/interruptions/test_signals.py": "slow",
    "tests/faults/campaigns/test_short_forms.py": "slow",
    "tests/laws": "slow",
    "tests/packaging/wheels": "slow",
    "tests/unit/commands": "slow",
    "tests/unit/config/test_option_values.py": "slow",
}
"""Files and folders whose tests all have one marker. Elsewhere a test that is not fast says so itself."""

TOGETHER = ("tests/servers/browser",)
"""Folders whose tests share one process, since a browser is expensive."""

APART = ("tests/faults/campaigns/test_short_forms.py",)
"""Files whose tests share nothing and take long: any process takes the next one."""

FAR = ("database", "sqla", "postgresql", "mariadb", "mongodb", "memcached")
"""Parameters of stores whose requests take long."""

ENCODINGS = (("pickle", "plain"), ("json", "encrypted"), ("custom", "plain"))
"""Of the six ways to encode a session, those that are tried on such a store."""


def few_encodings(items: list[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests with few encodings on each store that is far, and the others."""
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
        is_far = any(name in FAR for name in params.values() if isinstance(name, str))
        is_far |= item.nodeid.startswith("tests/laws/test_laws_on_") and "::TestRedis::" not in item.nodeid
        encoding = (params.get("serializer"), params.get("secrecy"))
        (others if is_far and None not in encoding and encoding not in ENCODINGS else kept).append(item)
    return kept, others


def mark(items: list[pytest.Item]) -> None:
    """Gives every test its marker, and puts the slowest first: what comes last then ends soon."""
    for item in items:
        for path, marker in MARKERS.items():
            if item.nodeid.startswith(path):
                item.add_marker(marker)
        if not any(item.get_closest_marker(name) for name in SLOWEST_FIRST):
            item.add_marker("fast")
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    return next(rank for rank, name in enumerate(SLOWEST_FIRST) if item.get_closest_marker(name))


def part(nodeid: str) -> str:
    """The part of the tests that a test belongs to. One process runs all of a part."""
    file = nodeid.partition("::")[0]
    for folder in TOGETHER:
        if file.startswith(folder):
            return folder
    return nodeid if file in APART else file


def recorded(reporter: pytest.TerminalReporter, name: str) -> list[Any]:
    """The values that tests recorded by `record_property` under a name, in every process."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in reporter.stats.get(outcome, ())
        if getattr(report, "when", None) == "call"
    ]
    return [value for report in reports for key, value in report.user_properties if key == name]
