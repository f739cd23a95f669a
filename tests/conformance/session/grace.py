"""Helpers of the tests of `destroy_old = grace:30`, which the published laws have too."""

from beaker.testing._laws.grace import GRACE, KEPT, Pair, name, put, rotate

__all__ = [
    "GRACE",
    "KEPT",
    "POINTER",
    "Pair",
    "name",
    "put",
    "rotate",
]

POINTER = "move1."
