"""Removes session ids from errors."""

import contextlib
from typing import Any

from beaker.exceptions import StoreUnavailableError

__all__ = ["without_id"]

# The native code shows as many characters of an id: enough to find it in a log, too few to use it.
_SHOWN = 6
_FILE_NAMES = ("filename", "filename2")


def without_id(error: BaseException, session_id: str) -> BaseException:
    """``error`` with the id shortened, in it and in its causes and contexts.

    The exceptions stay the same objects if their arguments, notes and file names can be changed. Otherwise a
    :class:`StoreUnavailableError` that names the class takes the place of the exception.
    """
    forms = [form for form in (session_id, session_id.replace(".", "")) if len(form) > _SHOWN]
    if not forms:
        # An id this short would be shown whole.
        return error
    found = _chain(error)
    clean = {id(one): _cleaned(one, forms) for one in found}
    for one in found:
        shown = clean[id(one)]
        cause, context, suppressed = one.__cause__, one.__context__, one.__suppress_context__
        shown.__cause__ = None if cause is None else clean[id(cause)]
        shown.__context__ = None if context is None else clean[id(context)]
        shown.__suppress_context__ = suppressed
    return clean[id(error)]


def _chain(error: BaseException) -> list[BaseException]:
    found: dict[int, BaseException] = {}
    left = [error]
    while left:
        one = left.pop()
        if id(one) not in found:
            found[id(one)] = one
            left += [earlier for earlier in (one.__cause__, one.__context__) if earlier is not None]
    return list(found.values())


def _cleaned(error: BaseException, forms: list[str]) -> BaseException:
    if not _shows(error, forms):
        return error
    with contextlib.suppress(Exception):
        _change(error, forms)
    if not _shows(error, forms):
        return error
    name = type(error).__qualname__
    stand_in = StoreUnavailableError(f"{name} (the text is hidden, because it contains a session id)")
    return stand_in.with_traceback(error.__traceback__)


def _shows(error: BaseException, forms: list[str]) -> bool:
    texts: list[str] = [str(note) for note in getattr(error, "__notes__", ())]
    for as_text in (str, repr):
        # An exception whose text cannot be made shows no id.
        with contextlib.suppress(Exception):
            texts.append(as_text(error))
    if any(form in text for form in forms for text in texts):
        return True
    members = getattr(error, "exceptions", ())
    return isinstance(members, tuple) and any(
        _shows(one, forms)
        for member in members
        if isinstance(member, BaseException)
        for one in _chain(member)
    )


def _change(error: BaseException, forms: list[str]) -> None:
    error.args = tuple(_shortened(argument, forms) for argument in error.args)
    notes = getattr(error, "__notes__", None)
    if notes is not None:
        notes[:] = [_shortened(note, forms) for note in notes]
    if isinstance(error, OSError):
        for name in _FILE_NAMES:
            if getattr(error, name, None) is not None:
                setattr(error, name, _shortened(getattr(error, name), forms))


def _shortened(value: Any, forms: list[str]) -> Any:
    if hasattr(value, "__fspath__"):
        value = value.__fspath__()
    for form in forms:
        short = form[:_SHOWN] + "…"
        if isinstance(value, str):
            value = value.replace(form, short)
        elif isinstance(value, bytes):
            value = value.replace(form.encode("utf-8", "surrogateescape"), short.encode())
    return value
