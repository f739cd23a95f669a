"""Unpickling that only makes values.

A pickle is a program: it names callables, calls them and sets attributes of the results. Here it can only
name what is on an allow-list, and it gets stand-ins instead of classes and functions. A stand-in makes values
and cannot be changed. So a pickle can neither run code nor change a class of the process.
"""

import _compat_pickle
import copyreg
import errno
import functools
import importlib
import io
import pickle
import pickletools
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from beaker._core import weigh_pickle
from beaker._pickle_keys import MOST_ALIKE, CarefulUnpickler
from beaker._pickle_values import CONSTRUCTORS, REFERENCES

__all__ = ["DEFAULT_ALLOWED", "AllowlistUnpickler", "loader", "loads"]

DEFAULT_ALLOWED: frozenset[str] = frozenset(CONSTRUCTORS) | frozenset(REFERENCES)
"""The value types of the standard library, by dotted name. A program may add its own for :func:`loads`."""


_TROUBLE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EINTR})
"""Errors of the machine, which no pickle can cause."""


class _StandInType(type):
    """The type of stand-ins. Calling one makes a value of the class it stands for."""

    _target: Any
    _make: Any
    _makes_all: bool

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._make(
            *map(_unwrapped, args), **{name: _unwrapped(value) for name, value in kwargs.items()}
        )

    def __setattr__(cls, name: str, value: Any) -> NoReturn:
        raise pickle.UnpicklingError("a pickle must not change a class")

    def __delattr__(cls, name: str) -> NoReturn:
        raise pickle.UnpicklingError("a pickle must not change a class")


def _new_instance(stand_in: _StandInType, *args: Any, **kwargs: Any) -> Any:
    """Makes an instance without initialising it, for the opcode NEWOBJ."""
    if stand_in._makes_all:
        return stand_in(*args, **kwargs)
    target = stand_in._target
    if not isinstance(target, type):
        raise pickle.UnpicklingError("a pickle uses a function as a class")
    new: Any = target.__new__
    return new(target, *map(_unwrapped, args), **{name: _unwrapped(value) for name, value in kwargs.items()})


def _unwrapped(value: Any) -> Any:
    """Replaces a stand-in that is itself a value, such as a ``default_factory``, by its class."""
    return value._target if isinstance(value, _StandInType) else value


# Stand-ins cannot be changed, so one serves for all pickles.
@functools.cache
def _stand_in(module: str, name: str) -> Any:
    full_name = f"{module}.{name}"
    target: Any = REFERENCES.get(full_name)
    if target is None:
        target = importlib.import_module(module)
        for part in name.split("."):
            target = getattr(target, part)
    make = REFERENCES.get(full_name) or CONSTRUCTORS.get(full_name)
    members = {
        "__new__": _new_instance,
        "__slots__": (),
        "_target": target,
        "_make": staticmethod(make or target),
        "_makes_all": make is not None,
    }
    return _StandInType("StandIn", (), members)


class _Allowlist:
    """Finds only what is allowed by name, as ``module.Class``."""

    _allowed: frozenset[str]

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for ``module.name``. Raises :class:`pickle.UnpicklingError` if it is not allowed."""
        if f"{module}.{name}" not in self._allowed:
            module, name = _as_today(module, name)
            if f"{module}.{name}" not in self._allowed:
                raise pickle.UnpicklingError(
                    f"a pickle uses {module}.{name}, which is not allowed; pickle_allow can allow it"
                )
        return _stand_in(module, name)

    def persistent_load(self, pid: Any) -> NoReturn:  # noqa: ARG002
        """Refuses references to objects outside the pickle."""
        raise pickle.UnpicklingError("a pickle must not refer to objects outside itself")


class AllowlistUnpickler(_Allowlist, pickle.Unpickler):
    """An unpickler that finds only what ``allowed`` names, as ``module.Class``."""

    def __init__(self, file: Any, *, allowed: frozenset[str] = DEFAULT_ALLOWED) -> None:
        super().__init__(file)
        self._allowed = allowed


class _CarefulAllowlistUnpickler(_Allowlist, CarefulUnpickler):
    """The same for pickles with many keys that an attacker could make collide."""

    def __init__(self, file: Any, *, allowed: frozenset[str]) -> None:
        super().__init__(file)
        self._allowed = allowed


def _as_today(module: str, name: str) -> tuple[str, str]:
    """The current name of what a pickle names as another version of Python did."""
    if module == "pathlib._local":
        return "pathlib", name
    renamed = _compat_pickle.NAME_MAPPING.get((module, name))
    return renamed or (_compat_pickle.IMPORT_MAPPING.get(module, module), name)


def _refuse_extensions(data: bytes) -> None:
    # Codes that the program registered with copyreg are looked up without find_class.
    if copyreg._inverted_registry:  # type: ignore[attr-defined]
        for opcode, _, _ in pickletools.genops(data):
            if opcode.name in ("EXT1", "EXT2", "EXT4"):
                raise pickle.UnpicklingError("a pickle must not name a class by its number in copyreg")


def loads(data: bytes, allowed: frozenset[str] = DEFAULT_ALLOWED) -> object:
    """The value in the pickle ``data``, which may have ``allowed`` types only.

    ``allowed`` has dotted names. A program adds its own by ``DEFAULT_ALLOWED | {"shop.models.Cart"}``, and is
    responsible for what their constructors do. Numbers, text, bytes, lists, tuples, dictionaries and sets are
    always allowed. A class that is itself a value becomes a stand-in. Any other type, and a malformed pickle,
    raises :class:`pickle.UnpicklingError`.
    """
    keys = weigh_pickle(data)
    if keys is None:
        raise pickle.UnpicklingError(
            "a pickle is damaged, nested too deeply, or costs more work than its length allows"
        )
    unpickler = AllowlistUnpickler if keys <= MOST_ALIKE else _CarefulAllowlistUnpickler
    try:
        _refuse_extensions(data)
        return _unwrapped(unpickler(io.BytesIO(data), allowed=allowed).load())
    except (pickle.UnpicklingError, MemoryError, RecursionError):
        raise
    except OSError as cause:
        # Reading the rules of a time zone failed. The wrong name of a zone is the pickle's fault.
        if cause.errno in _TROUBLE:
            raise
        raise pickle.UnpicklingError(f"cannot read a pickle: {type(cause).__name__}") from cause
    except Exception as cause:  # a damaged pickle can raise anything
        raise pickle.UnpicklingError(f"cannot read a pickle: {type(cause).__name__}: {cause}") from cause


def loader(names: Iterable[str]) -> Callable[[bytes], object]:
    """:func:`loads` for the value types of the standard library and the classes that ``names`` name."""
    return functools.partial(loads, allowed=DEFAULT_ALLOWED.union(names))
