"""Texts that tell options apart, and show no password."""

import hashlib
import os
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

__all__ = ["identity", "key_of_options"]

# Any other option may be, or may have, a password: a backend names its own.
_SHOWN = frozenset(
    {
        "data_dir",
        "data_serializer",
        "dbm_dir",
        "early_renewal",
        "enabled",
        "expire",
        "expiretime",
        "file_dir",
        "key_length",
        "key_prefix",
        "lock_dir",
        "log_file",
        "max_bytes",
        "max_entries",
        "negative_expire",
        "pickle",
        "pickle_allow",
        "schema_name",
        "stale_while_revalidate",
        "starttime",
        "statistics",
        "table_name",
        "timeout",
        "type",
    }
)
_PLAIN = frozenset({str, int, float, bool})
_SCALARS = (str, bytes, int, float, complex, date, timedelta)


def key_of_options(options: Mapping[str, Any]) -> str:
    """A text that differs for options that differ, with a digest in the place of what may be a password."""
    return str({name: _shown(name, value) for name, value in options.items()})


def _shown(name: str, value: Any) -> Any:
    if value is None or (name in _SHOWN and type(value) in _PLAIN):
        return value
    text = identity(value)
    if name in _SHOWN:
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def identity(value: Any) -> str:
    """A text that tells ``value`` from others: by its contents if it is plain data, or else by the object.

    Clients of different databases may have equal texts, and may be equal. The text of an object is its own as
    long as the object exists.
    """
    kind = type(value).__qualname__
    for scalar in _SCALARS:
        if isinstance(value, scalar):
            # A subclass may have a text that shows only a part.
            return f"{kind}({scalar.__repr__(value)})"
    if value is None:
        return kind
    if isinstance(value, Mapping):
        return f"{kind}({', '.join(f'{identity(key)}: {identity(item)}' for key, item in value.items())})"
    if isinstance(value, tuple | list | set | frozenset):
        items = map(identity, value)
        return f"{kind}({', '.join(items if isinstance(value, tuple | list) else sorted(items))})"
    if isinstance(value, os.PathLike):
        return f"{kind}({identity(os.fspath(value))})"
    return f"{type(value).__module__}.{kind} at {id(value)}"
