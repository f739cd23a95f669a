"""Errors that do not show whose session they are about."""

import contextlib
from typing import Any

from beaker.exceptions import StoreUnavailableError

__all__ = ["without_id"]

# As the native code shows an id: enough to find it in a log and too little to use it.
_SHOWN = 6
_FILE_NAMES = ("filename", "filename2")


def without_id(error: BaseException, session_id: str) -> BaseException:
    """``error`` and all that led to it, with the id shortened wherever one of them shows it.

    An exception stays the object that it is where its arguments and file names can be changed. Where its
    text is made of something else, one of ours takes its place, which names its class.
    """
    forms = [form for form in (session_id, session_id.replace(".", "")) if len(form) > _SHOWN]
    if not forms:
        # What is shown of an id that short is all of it.
        return error
    found = _all_that_led_to(error)
    clean = {id(one): _cleaned(one, forms) for one in found}
    for one in found:
        shown = clean[id(one)]
        cause, context, suppressed = one.__cause__, one.__context__, one.__suppress_context__
        shown.__cause__ = None if cause is None else clean[id(cause)]
        shown.__context__ = None if context is None else clean[id(context)]
        shown.__suppress_context__ = suppressed
    return clean[id(error)]


def _all_that_led_to(error: BaseException) -> list[BaseException]:
    found: dict[int, BaseException] = {}
    left = [error]
    while left:
        one = left.pop()
        if id(one) not in found:
            found[id(one)] = one
            left += [led for led in (one.__cause__, one.__context__) if led is not None]
    return list(found.values())


def _cleaned(error: BaseException, forms: list[str]) -> BaseException:
    if not _shows(error, forms):
        return error
    with contextlib.suppress(Exception):
        _change(error, forms)
    if not _shows(error, forms):
        return error
    name = type(error).__qualname__
    stand_in = StoreUnavailableError(f"{name}, whose text is left out because it shows a session's id")
    return stand_in.with_traceback(error.__traceback__)


def _shows(error: BaseException, forms: list[str]) -> bool:
    texts: list[str] = [str(note) for note in getattr(error, "__notes__", ())]
    for as_text in (str, repr):
        # An exception that cannot be shown shows nothing.
        with contextlib.suppress(Exception):
            texts.append(as_text(error))
    if any(form in text for form in forms for text in texts):
        return True
    members = getattr(error, "exceptions", ())
    return isinstance(members, tuple) and any(
        _shows(one, forms)
        for member in members
        if isinstance(member, BaseException)
        for one in _all_that_led_to(member)
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
