"""The differences in what options mean."""

from __future__ import annotations

from tests.differential.rows import Probed

PROBED: tuple[Probed, ...] = (
    Probed(
        "an option that is `None` was not given, but for `samesite`",
        "in a config the cookie's name is the text `None`, and others are an exception in the first request",
        "programs pass all that they know; the cookie `None` is still read",
        "first_cookie",
        ({"key": None},),
        ("None=Path=/; SameSite=Lax", "beaker.session.id=Path=/; SameSite=Lax"),
    ),
    Probed(
        "`cookie_expires` of a float is that many seconds",
        "in a config it is taken for `True`, by keyword it is an exception in the first request",
        "who writes `1800.0` means half an hour",
        "first_cookie",
        ({"cookie_expires": 1800.5},),
        (
            "beaker.session.id=Path=/; SameSite=Lax",
            "beaker.session.id=expires=Thu, 01-Jan-1970 00:30:00 GMT; Path=/; SameSite=Lax",
        ),
    ),
    Probed(
        "`~` in a path is the home folder",
        "a folder of that name in the working directory",
        "that is what everybody means; a folder of that name that is there is told of",
        "folder_of",
        ("~/sessions",),
        ("~/sessions", "/home/ada/sessions"),
    ),
)
