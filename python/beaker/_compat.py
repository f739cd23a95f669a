"""Helpers that backends written for Beaker import."""

import base64
import importlib
import inspect
from types import ModuleType
from typing import Any

__all__ = ["anydbm", "b64decode", "b64encode", "bindfuncargs", "bytes_"]


def _best_dbm() -> ModuleType:
    """GNU dbm if Python was built with it, or else ``dbm.dumb``."""
    try:
        return importlib.import_module("dbm.gnu")
    except ImportError:
        return importlib.import_module("dbm.dumb")


anydbm = _best_dbm()


def b64decode(b: str) -> bytes:
    """Decodes the base64 text ``b``."""
    return base64.b64decode(b.encode("ascii"))


def b64encode(s: bytes) -> str:
    """Encodes ``s`` as one line of base64 text."""
    return base64.b64encode(s).decode("ascii")


def bytes_(s: object) -> bytes:
    """``s`` itself if it is bytes, or else its text as ASCII."""
    return s if isinstance(s, bytes) else str(s).encode("ascii")


def bindfuncargs(
    arginfo: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """``args`` and ``kwargs`` as a function of the signature ``arginfo`` would receive them."""
    bound = arginfo.bind(*args, **kwargs)
    return bound.args, bound.kwargs
