"""Compares two values by what would be stored.

``==`` is no measure, because an application's class may define it in any way. Nor are the stored bytes: the
order of a set depends on its history, and pickle writes a shared object once. So values are split into parts
as pickle splits them, and the parts are compared.
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
    """``None`` if two values have the same parts.

    Otherwise the classes among the parts that define their own reduction for pickle.
    """
    parts = _Parts()
    if parts.number(one) == parts.number(other):
        return None
    return tuple(parts.classes)


class _Parts:
    """Numbers values. Values with the same parts get the same number."""

    def __init__(self) -> None:
        self.classes: set[type] = set()
        self._numbers: dict[Any, int] = {}
        # The values are kept alive, since their identities are keys.
        self._seen: dict[int, tuple[Any, int]] = {}
        self._begun: dict[int, int] = {}

    def number(self, value: Any) -> int:
        """The number of a value."""
        kind = type(value)
        if kind in _ATOMS:
            return self._number(kind, value)
        if kind is float:
            # NaN equals itself here, and the two zeros differ.
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
