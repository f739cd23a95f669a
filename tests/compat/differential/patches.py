"""Corrections of the original by name, and the patches that they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    Around = Callable[..., Any]

CORRECTIONS: dict[str, Callable[[Patches], None]] = {}


class Patches:
    """The methods that are replaced, until the end."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack

    def around(self, owner: type, name: str) -> Callable[[Around], Around]:
        """Replaces a method by one that is given the method before it, the object and the arguments."""

        def replace(function: Around) -> Around:
            before = getattr(owner, name, None)

            def method(self: Any, *args: Any, **kwargs: Any) -> Any:
                return function(before, self, *args, **kwargs)

            create = name not in vars(owner)
            self._stack.enter_context(mock.patch.object(owner, name, method, create=create))
            return function

        return replace

    def attribute(self, owner: type, name: str, value: object) -> None:
        """Gives a class an attribute."""
        self._stack.enter_context(mock.patch.object(owner, name, value, create=True))


def correction(name: str) -> Callable[[Callable[[Patches], None]], None]:
    """Makes a function the correction of that name."""

    def register(function: Callable[[Patches], None]) -> None:
        CORRECTIONS[name] = function

    return register
