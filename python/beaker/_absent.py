"""Errors for the names that Beaker has and this version has not."""

from typing import NoReturn

from beaker.exceptions import CachesAbsentError


def refuse(module: str, name: str, absent: frozenset[str]) -> NoReturn:
    """Raises the error for a name that ``module`` does not have.

    Raises:
        CachesAbsentError: for a name in ``absent``, which Beaker's module has. It is an ``ImportError``, and
            frameworks that catch it work without caches. It is no ``AttributeError``, because
            ``from beaker.cache import CacheManager`` would replace its message.
        AttributeError: for any other name.
    """
    if name in absent:
        raise missing(module, name)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def missing(module: str, name: str) -> CachesAbsentError:
    """The error for a name that Beaker's ``module`` has."""
    return CachesAbsentError(
        f"this version of beaker-rs has no caches, so {module}.{name} does not exist; "
        "remove the caches from the program, or stay with Beaker"
    )
