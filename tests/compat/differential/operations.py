"""The operations of an application on a session, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compat.differential.clock import Clock

SEEN_ATTRIBUTES = (
    "id",
    "is_new",
    "created",
    "last_accessed",
    "was_invalidated",
    "timeout",
    "key",
    "domain",
    "path",
    "secure",
    "httponly",
    "samesite",
    "cookie_expires",
    "accessed_dict",
    "use_cookies",
    "invalidate_corrupt",
    "save_atime",
    "type",
    "secret",
    "encrypt_key",
    "data_serializer",
    "no_such_attribute",
)

OPERATIONS: dict[str, Callable[..., Any]] = {}


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    OPERATIONS[function.__name__] = function
    return function


class Context:
    """The place of an operation."""

    def __init__(self, session: Any, environ: dict[str, Any], clock: Clock, seen: list[str]) -> None:
        self.session = session
        self.environ = environ
        self.clock = clock
        self.seen = seen

    def known_id(self, which: int) -> str:
        """An id that was seen before, or an unknown one."""
        return self.seen[which] if which < len(self.seen) else "0" * 31 + "1"


def perform(context: Context, name: str, *arguments: Any) -> Any:
    """Runs an operation. Returns the session's result."""
    special = OPERATIONS.get(name)
    if special is not None:
        return special(context, *arguments)
    return getattr(context.session, name)(*arguments)


@operation
def at(context: Context, key: str) -> Any:
    return context.session[key]


@operation
def put(context: Context, key: str, value: Any) -> None:
    context.session[key] = value


@operation
def drop(context: Context, key: str) -> None:
    del context.session[key]


@operation
def contains(context: Context, key: str) -> Any:
    return key in context.session


@operation
def append(context: Context, key: str, value: Any) -> None:
    """Changes a nested value in place."""
    context.session[key].append(value)


@operation
def append_to_all(context: Context, value: Any) -> None:
    """The same, by way of a loop over everything."""
    for nested in context.session.values():
        if isinstance(nested, list):
            nested.append(value)


@operation
def attribute(context: Context, name: str) -> Any:
    return getattr(context.session, name)


@operation
def assign(context: Context, name: str, value: Any) -> None:
    setattr(context.session, name, value)


@operation
def iterate(context: Context) -> Any:
    return list(context.session)


@operation
def text(context: Context) -> Any:
    return repr(context.session)


@operation
def length(context: Context) -> Any:
    return len(context.session)


@operation
def truth(context: Context) -> Any:
    return bool(context.session)


@operation
def as_dict(context: Context) -> Any:
    return dict(context.session)


@operation
def equals_its_content(context: Context) -> Any:
    return context.session == context.session.copy()


@operation
def save_itself(context: Context, accessed_only: bool) -> Any:
    """Past the proxy."""
    return context.session._session().save(accessed_only=accessed_only)


@operation
def tick(context: Context, seconds: int) -> None:
    context.clock.now += seconds


@operation
def peek(context: Context, which: int) -> Any:
    found = context.session.get_by_id(context.known_id(which))
    return found and [found.id, dict(found), found.last_accessed, found.is_new]


@operation
def log_out_elsewhere(context: Context, which: int) -> Any:
    """Ends a session, maybe this one, as another request would."""
    found = context.session.get_by_id(context.known_id(which))
    return found and found.delete()


@operation
def change_elsewhere(context: Context, which: int) -> Any:
    found = context.session.get_by_id(context.known_id(which))
    if found:
        found["elsewhere"] = 1
        found.save()


@operation
def apart(context: Context) -> Any:
    """The session that belongs to no request."""
    session = context.environ["beaker.get_session"]()
    return [session.is_new, session.use_cookies, len(session), session.id != context.session.id]


@operation
def morsel(context: Context, attribute: str, value: Any) -> Any:
    """Changes the cookie as applications do that know `http.cookies`."""
    session = context.session
    session.cookie[session.key][attribute] = value
    session._update_cookie_out()
    return session.cookie[session.key]


@operation
def locked_change(context: Context, key: str, value: Any) -> Any:
    session = context.session
    session.lock()
    try:
        session[key] = value
    finally:
        session.unlock()


@operation
def namespace_name(context: Context) -> Any:
    return context.session.namespace.namespace


@operation
def expires(context: Context, when: Any) -> Any:
    """Sets a timeout, as a "remember me" button does."""
    context.session._set_cookie_expires(when)
    context.session._update_cookie_out()


@operation
def request_keys(context: Context) -> Any:
    request = context.session.request
    return [request.get("cookie_out"), request.get("set_cookie")]
