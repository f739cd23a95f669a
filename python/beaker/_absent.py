"""What Beaker has and this version has not: asked for by name, it says so."""

from typing import NoReturn

from beaker.exceptions import CachesAbsentError


def refuse(module: str, name: str, absent: frozenset[str]) -> NoReturn:
    """Answers for a name that ``module`` has not.

    Raises:
        CachesAbsentError: for one of ``absent``, which Beaker's module has. It is an ``ImportError``, which
            frameworks catch to go on without caches, and no ``AttributeError``, since
            ``from beaker.cache import CacheManager`` would put a message of its own in the place of that.
        AttributeError: for any other.
    """
    if name in absent:
        raise missing(module, name)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def missing(module: str, name: str) -> CachesAbsentError:
    """The error for something that Beaker's ``module`` has."""
    return CachesAbsentError(
        f"this version of beaker-rs brings sessions and not caches: there is no {module}.{name}; "
        "take the caches out of the program, or stay with Beaker"
    )
