"""Helpers for tests of namespaces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Make = Callable[[str], Any]


AN_ID = "c0ffee00c0ffee00c0ffee00c0ffee00"


def put(namespace: Any, **values: Any) -> None:
    namespace.acquire_write_lock()
    try:
        for key, value in values.items():
            namespace[key] = value
    finally:
        namespace.release_write_lock()


def contents(namespace: Any) -> dict[str, Any]:
    namespace.acquire_read_lock()
    try:
        return {_name(key): namespace[_name(key)] for key in namespace.keys()}  # noqa: SIM118 - a namespace is no dictionary
    finally:
        namespace.release_read_lock()


def _name(key: Any) -> str:
    return key.decode() if isinstance(key, bytes) else key


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
