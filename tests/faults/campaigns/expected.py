"""The sessions of the campaigns, as they are before a visit and as they are to be after it."""

from __future__ import annotations

from typing import Any

BEFORE: dict[str, Any] = {"name": "Ada", "list": [1, 2, 3], "padding": "x" * 900}
"""The session of the visit."""
BYSTANDER: dict[str, Any] = {"name": "Grace", "padding": "y" * 900}
"""A session without visits."""
OLD: dict[str, Any] = {"name": "old", "padding": "o" * 900}
"""One that is over."""
NEW_VALUE = "z" * 1500
LOGIN: dict[str, Any] = {"name": "Lin", "padding": NEW_VALUE}
"""One that a visit begins."""
