"""Says where two implementations saw different things."""

from __future__ import annotations

import json
from typing import Any


def differences_between(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[str]:
    """A line for each thing that was seen differently, of the first request where there is one."""
    for number, (their, our) in enumerate(zip(theirs, ours, strict=True)):
        found = []
        for name in sorted({*their, *our}):
            theirs_text, ours_text = json.dumps(their.get(name)), json.dumps(our.get(name))
            if theirs_text != ours_text:
                found.append(
                    f"request {number}, {name}:\n    original: {theirs_text}\n    ours:     {ours_text}"
                )
        if found:
            return found
    return []


def told(scenario: dict[str, Any], found: list[str]) -> str:
    """A scenario and what came of it, for a person."""
    lines = [
        f"{scenario['how']} on {scenario['backend']}, subclass: {scenario['subclass']}, {scenario['options']}"
    ]
    for number, request in enumerate(scenario["requests"]):
        rest = {name: value for name, value in request.items() if name != "operations" and value}
        lines.append(f"request {number}: {rest}")
        lines += [f"    {operation}" for operation in request["operations"]]
    return "\n".join([*lines, *found])
