"""A limit to keys with the same hash.

Inserting a key takes a comparison with each key of the same hash: ten thousand such keys take fifty million.
The hashes of text and bytes are salted in each process. Those of numbers and tuples are not, and an attacker
can make them collide: all multiples of 2**61 - 1 have the same hash.
"""

import pickle
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar

__all__ = ["MOST_ALIKE", "CarefulUnpickler", "count", "refuse_alike"]

MOST_ALIKE = 256
"""The most keys of a dictionary, or elements of a set, with the same hash."""


def refuse_alike(keys: Collection[Any]) -> None:
    """Raises :class:`pickle.UnpicklingError` if too many of the keys have the same hash."""
    if len(keys) > MOST_ALIKE:
        hashes = list(map(hash, keys))
        if len(hashes) - len(set(hashes)) >= MOST_ALIKE:
            count(Counter(), hashes)


def count(counter: "Counter[int]", hashes: Iterable[int]) -> None:
    """Counts hashes, and refuses one that occurs too often."""
    for value in hashes:
        counter[value] += 1
        if counter[value] > MOST_ALIKE:
            raise pickle.UnpicklingError("a pickle has too many keys with the same hash")


_PythonUnpickler: Any = pickle._Unpickler


class CarefulUnpickler(_PythonUnpickler):  # type: ignore[misc]
    """The Python unpickler of :mod:`pickle`, which checks keys before it inserts them.

    It is many times slower than the one in C, and only reads pickles with many unsalted keys.
    """

    stack: list[Any]
    metastack: list[list[Any]]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        # The containers are kept alive, since their addresses are keys.
        self._counted: dict[int, tuple[Any, Counter[int]]] = {}

    def _count(self, container: Any, keys: list[Any]) -> None:
        _, counter = self._counted.setdefault(id(container), (container, Counter()))
        count(counter, map(hash, keys))

    def _set_item(self) -> None:
        self._count(self.stack[-3], self.stack[-2:-1])
        self.load_setitem()

    def _set_items(self) -> None:
        self._count(self.metastack[-1][-1], self.stack[::2])
        self.load_setitems()

    def _add_items(self) -> None:
        self._count(self.metastack[-1][-1], self.stack)
        self.load_additems()

    def _dict(self) -> None:
        refuse_alike(self.stack[::2])
        self.load_dict()

    def _frozenset(self) -> None:
        refuse_alike(self.stack)
        self.load_frozenset()

    def _new_object(self) -> None:
        _refuse_instance(self.stack[-2])
        self.load_newobj()

    def _new_object_ex(self) -> None:
        _refuse_instance(self.stack[-3])
        self.load_newobj_ex()

    dispatch[pickle.SETITEM[0]] = _set_item
    dispatch[pickle.SETITEMS[0]] = _set_items
    dispatch[pickle.ADDITEMS[0]] = _add_items
    dispatch[pickle.DICT[0]] = _dict
    dispatch[pickle.FROZENSET[0]] = _frozenset
    dispatch[pickle.NEWOBJ[0]] = _new_object
    dispatch[pickle.NEWOBJ_EX[0]] = _new_object_ex


def _refuse_instance(cls: Any) -> None:
    # The unpickler in C checks this. The one in Python calls the `__new__` of anything.
    if not isinstance(cls, type):
        raise pickle.UnpicklingError("a pickle uses a value as a class")
