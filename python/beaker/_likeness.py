"""Whether two values would be stored as the same.

What the classes of an application say by ``==`` need not be what is stored, and what is stored need not be
the same for the same value: the order of a set depends on its past, and what is shared is written once. So
values are taken apart as pickle takes them apart, and the parts are compared.
"""

import copyreg
import types
from typing import Any

__all__ = ["difference"]

_ATOMS = frozenset({type(None), bool, int, str, bytes})
_SEQUENCES = frozenset({list, tuple})
_SETS = frozenset({set, frozenset})
_PROTOCOL = 2


def difference(one: Any, other: Any) -> tuple[type, ...] | None:
    """``None`` if two values are made of the same parts.

    Otherwise the classes among the parts that say by themselves what their values are made of.
    """
    parts = _Parts()
    if parts.number(one) == parts.number(other):
        return None
    return tuple(parts.classes)


class _Parts:
    """Gives values numbers, and the same number to those that are made of the same parts."""

    def __init__(self) -> None:
        self.classes: set[type] = set()
        self._numbers: dict[Any, int] = {}
        # With the values themselves, which have to live for as long as their identities are used here.
        self._seen: dict[int, tuple[Any, int]] = {}
        self._begun: dict[int, int] = {}

    def number(self, value: Any) -> int:
        """The number of a value."""
        kind = type(value)
        if kind in _ATOMS:
            return self._number(kind, value)
        if kind is float:
            # A number that is none is like itself here, and of the two zeros one is negative.
            return self._number(kind, value.hex())
        this = id(value)
        if this in self._seen:
            return self._seen[this][1]
        if this in self._begun:
            return self._number("within itself", len(self._begun) - self._begun[this])
        self._begun[this] = len(self._begun)
        try:
            number = self._number(kind, self._parts(kind, value))
        finally:
            del self._begun[this]
        self._seen[this] = value, number
        return number

    def _number(self, *parts: Any) -> int:
        return self._numbers.setdefault(parts, len(self._numbers))

    def _parts(self, kind: type, value: Any) -> Any:
        if kind in _SEQUENCES:
            return tuple(map(self.number, value))
        if kind is dict:
            return self._pairs(value.items())
        if kind in _SETS:
            return tuple(sorted(map(self.number, value)))
        if isinstance(value, (type, types.FunctionType)):
            return "itself", id(value)
        return self._reduced(kind, value)

    def _pairs(self, pairs: Any) -> tuple[tuple[int, int], ...]:
        return tuple((self.number(key), self.number(value)) for key, value in pairs)

    def _reduced(self, kind: type, value: Any) -> Any:
        self.classes.add(kind)
        reduce = copyreg.dispatch_table.get(kind)
        reduced: Any = reduce(value) if reduce else value.__reduce_ex__(_PROTOCOL)
        if isinstance(reduced, str):
            return "itself", id(value)
        function, arguments, state, items, pairs, setter = (*reduced, None, None, None, None)[:6]
        return (
            self.number(function),
            tuple(map(self.number, arguments)),
            self.number(state),
            tuple(map(self.number, items or ())),
            self._pairs(pairs or ()),
            self.number(setter),
        )
