"""Fixtures for the laws of the session."""

from tests.session.fixtures import (
    backend,
    browser,
    clock,
    empty_memory,
    encoding,
    files,
    memory,
    secrecy,
    serializer,
    written_in_python,
)

__all__ = [
    "backend",
    "browser",
    "clock",
    "empty_memory",
    "encoding",
    "files",
    "memory",
    "secrecy",
    "serializer",
    "written_in_python",
]
