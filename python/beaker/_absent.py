"""What Beaker has and this version has not: asked for by name, it says so."""

from typing import NoReturn


def refuse(module: str, name: str, absent: frozenset[str], brings: str) -> NoReturn:
    """Answers for a name that ``module`` has not.

    Raises:
        ImportError: for one of ``absent``, which Beaker's module has. Not an ``AttributeError``, since
            ``from beaker.cache import CacheManager`` would put a message of its own in the place of that.
        AttributeError: for any other.
    """
    if name in absent:
        raise ImportError(f"this version of beaker-rs brings {brings}: there is no {module}.{name}")
    raise AttributeError(f"module {module!r} has no attribute {name!r}")
