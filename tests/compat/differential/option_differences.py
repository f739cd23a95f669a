"""The differences in what options mean."""

from __future__ import annotations

from tests.compat.differential.rows import REFUSED, Probed

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
        "`cookie_expires` with a time zone is sent in UTC",
        "it is sent as it stands, labelled GMT",
        "browsers take it for UTC",
        "first_cookie",
        ({"cookie_expires": "@noon in Tokyo"},),
        (
            "beaker.session.id=expires=Tue, 01-Jan-2030 12:00:00 GMT; Path=/; SameSite=Lax",
            "beaker.session.id=expires=Tue, 01-Jan-2030 03:00:00 GMT; Path=/; SameSite=Lax",
        ),
    ),
    Probed(
        "`cookie_domain` is a host, without a scheme, a port or a path",
        "it is sent, and browsers drop the cookie",
        REFUSED,
        "configured",
        ({"cookie_domain": "example.org:8080"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "two applications on one host that call their cookies alike take each other's session away",
        "they share one id, under which each has a session of its own, unless each has a secret of its own",
        "an id that the store does not know is not taken from a cookie; give each a `key` of its own, see"
        " [below](#two-applications-on-one-host)",
        "two_applications",
        (),
        ([1, 1, 2, 2], [1, 1, 1, 1]),
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
