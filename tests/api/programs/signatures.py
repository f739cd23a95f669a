"""Prints the public names that each module defines, with their parameters. For both Beakers."""

import importlib
import inspect
import json
import sys
import types
import warnings
from typing import Any


def parameters(function: Any) -> list[list[Any]] | None:
    try:
        found = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return None
    return [
        [one.name, one.kind.name, None if one.default is one.empty else repr(one.default)] for one in found
    ]


def members(kind: type) -> dict[str, Any]:
    found = {}
    for name in [name for name in dir(kind) if not name.startswith("_")]:
        value = getattr(kind, name)
        inherited = any(hasattr(base, name) for base in (object, dict, Exception))
        if inherited or not callable(value) or isinstance(value, type):
            continue
        found[name] = parameters(value)
    return found


def described(value: Any) -> dict[str, Any]:
    if not isinstance(value, type):
        return {"parameters": parameters(value) if callable(value) else None}
    kind: Any = value
    own = kind.__init__ is not object.__init__
    return {"parameters": parameters(kind.__init__) if own else [], "members": members(value)}


def listed(module: str) -> dict[str, Any] | None:
    """The public names of a module and what they take; `None` if there is no such module."""
    try:
        imported = importlib.import_module(module)
    except ImportError:
        return None
    return {
        name: described(value)
        for name, value in vars(imported).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        # Some modules say so where they will import another.
        and value is not None
        and getattr(value, "__module__", module) == module
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps({name: listed(name) for name in sys.argv[1:]}))
