"""All laws in one class."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar

from beaker.testing._backend import LACKING
from beaker.testing._laws.access import Access
from beaker.testing._laws.caches import Caches
from beaker.testing._laws.corruption import Corruption
from beaker.testing._laws.ending import Ending
from beaker.testing._laws.grace import Grace
from beaker.testing._laws.ids import Ids
from beaker.testing._laws.leftovers import Leftovers
from beaker.testing._laws.lifetimes import Lifetimes
from beaker.testing._laws.locking import Locking
from beaker.testing._laws.merging import Merging
from beaker.testing._laws.outages import Outages
from beaker.testing._laws.processes import Processes
from beaker.testing._laws.requests import Requests
from beaker.testing._laws.rotation import Rotation
from beaker.testing._laws.swaps import Swaps
from beaker.testing._laws.threads import Threads
from beaker.testing._laws.timeouts import Timeouts
from beaker.testing._laws.values import Values


class StoreLaws(
    Values,
    Ids,
    Requests,
    Access,
    Timeouts,
    Ending,
    Rotation,
    Grace,
    Merging,
    Threads,
    Processes,
    Locking,
    Swaps,
    Corruption,
    Outages,
    Leftovers,
    Lifetimes,
    Caches,
):
    """The laws of sessions and caches. A test class derives from it, and has a fixture ``backend``.

    ``lacks`` has words of :data:`LACKING`. The class does not have the laws that they exclude. To leave out a
    single law, assign ``None`` to its name, and say why.
    """

    lacks: ClassVar[AbstractSet[str]] = frozenset()
    _excluded: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Leaves out the laws that need what the backend lacks.

        Raises :class:`TypeError` for an unknown word in ``lacks``.
        """
        super().__init_subclass__(**arguments)
        if unknown := sorted(set(cls.lacks) - set(LACKING)):
            raise TypeError(f"{cls.__name__}.lacks has {unknown}; known are {sorted(LACKING)}")
        excluded = {name for name, law in laws().items() if needed(law) & cls.lacks}
        # A class may lack less than the one that it derives from.
        for name in cls._excluded - excluded - vars(cls).keys():
            setattr(cls, name, getattr(StoreLaws, name))
        for name in excluded:
            setattr(cls, name, None)
        cls._excluded = frozenset(excluded)


def laws() -> Mapping[str, Any]:
    """Every law, by its name."""
    return {name: getattr(StoreLaws, name) for name in dir(StoreLaws) if name.startswith("test_")}


def needed(law: Any) -> frozenset[str]:
    """The words that exclude a law."""
    words: frozenset[str] = getattr(law, "needs", frozenset())
    return words
