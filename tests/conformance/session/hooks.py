"""Session classes that override methods and note which of them are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beaker.session import Session

COMMON = (
    "load",
    "save",
    "clear",
    "delete",
    "invalidate",
    "_delete_cookie",
    "_set_cookie_expires",
    "_update_cookie_out",
    "_set_serializer",
    "_encrypt_data",
    "_decrypt_data",
)
OF_SESSION = (*COMMON, "_create_id", "_set_cookie_values")
OF_COOKIE_SESSION = (*COMMON, "_create_cookie")


def noting(base: type[Session], *hooks: str) -> Any:
    """A class derived from ``base`` that overrides the hooks, each of which does what it always did."""

    def noted(name: str) -> Any:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            type(self).calls.append((name, kwargs))
            return getattr(base, name)(self, *args, **kwargs)

        return method

    return type("Noting", (base,), {"calls": [], **{name: noted(name) for name in hooks}})


def names(kind: Any) -> list[str]:
    """The hooks that were called since this was last asked, in order."""
    called = [name for name, _ in kind.calls]
    kind.calls.clear()
    return called
