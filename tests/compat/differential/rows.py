"""The rows of the table of differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.compat.differential.play import Scenario


@dataclass(frozen=True)
class Difference:
    """A difference that requests can meet."""

    name: str
    """The behaviour of ours."""
    original: str
    """The behaviour of the original."""
    reason: str
    scenario: Scenario
    """Requests that meet it."""


@dataclass(frozen=True)
class Probed:
    """A difference that an experiment shows."""

    name: str
    original: str
    reason: str
    probe: str
    """A function of `probes`."""
    arguments: tuple[Any, ...]
    finds: tuple[Any, Any]
    """The results in the original and in ours."""


def scenario(*requests: Any, **settings: Any) -> Scenario:
    """A scenario of requests that are lists of operations, or dictionaries of what is not as usual."""
    usual = {
        "client": 0,
        "wait": 10,
        "cookie": ["jar"],
        "damage": None,
        "operations": [],
        "late": [],
        "headers": [],
        "ending": "plain",
    }
    listed = [request if isinstance(request, dict) else {"operations": request} for request in requests]
    return {
        "how": "middleware",
        "backend": "file",
        "subclass": False,
        "options": {},
        **settings,
        "requests": [{**usual, **request} for request in listed],
    }


BEGIN = [["put", "a", 1], ["save"]]
LOOK = [["text"]]
REFUSED = "a mistake should show when the program starts, not in a user's request"
