"""Prints to how many laws each backend was held: ``pytest -p beaker.testing.plugin``.

It is not an entry point: those are imported by every pytest run, wanted or not.
"""

from collections import Counter, defaultdict
from typing import Any, Final

import pytest

from beaker.testing._suite import StoreLaws, laws

__all__: list[str] = []

_PROPERTY: Final = "beaker law"
_OUTCOMES: Final = ("passed", "failed", "error", "skipped")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notes with each test of a law its backend: the class."""
    for item in items:
        if isinstance(item, pytest.Function) and item.cls is not None and issubclass(item.cls, StoreLaws):
            item.user_properties.append((_PROPERTY, [item.cls.__name__, item.originalname]))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints the counts."""
    tests: dict[str, Counter[str]] = defaultdict(Counter)
    held: dict[str, set[str]] = defaultdict(set)
    for outcome in _OUTCOMES:
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in getattr(report, "user_properties", ()):
                if name == _PROPERTY:
                    backend, law = value
                    tests[backend][outcome] += 1
                    held[backend].add(law)
    if not tests:
        return
    terminalreporter.section("laws of backends")
    heads = "".join(f"{head:>9}" for head in ("laws", *_OUTCOMES))
    terminalreporter.write_line(f"{'':28}{heads}")
    for backend, counts in sorted(tests.items()):
        numbers = "".join(f"{number:>9}" for number in (len(held[backend]), *(counts[o] for o in _OUTCOMES)))
        terminalreporter.write_line(f"{backend:28}{numbers}")
    terminalreporter.write_line(
        f"of {len(laws())} laws; a backend is not held to those that its `lacks` excludes"
    )
