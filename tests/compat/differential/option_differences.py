"""The differences in what options mean."""

from __future__ import annotations

from tests.compat.differential.rows import REFUSED, Probed

PROBED: tuple[Probed, ...] = (
    Probed(
        "an option that is `None` counts as not given, except `samesite`",
        "in a config the cookie is named `None`; other options raise an exception in the first request",
        "programs pass all their settings; the cookie `None` is still read",
        "first_cookie",
        ({"key": None},),
        ("None=Path=/; SameSite=Lax", "beaker.session.id=Path=/; SameSite=Lax"),
    ),
    Probed(
        "`cookie_expires` of a float is that many seconds",
        "in a config it counts as `True`; as a keyword it raises an exception in the first request",
        "`1800.0` means half an hour",
        "first_cookie",
        ({"cookie_expires": 1800.5},),
        (
            "beaker.session.id=Path=/; SameSite=Lax",
            "beaker.session.id=expires=Thu, 01-Jan-1970 00:30:00 GMT; Path=/; SameSite=Lax",
        ),
    ),
    Probed(
        "`cookie_expires` with a time zone is sent in UTC",
        "it is sent unconverted, labelled GMT",
        "browsers read it as UTC",
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
        "two applications on one host with the same cookie name replace each other's session",
        "they share one id, with a session of its own in each, unless they have different secrets",
        "an unknown id from a cookie is not adopted; give each application a `key` of its own,"
        " see [above](#two-applications-on-one-host)",
        "two_applications",
        (),
        ([1, 1, 2, 2], [1, 1, 1, 1]),
    ),
    Probed(
        "`~` in a path is the home folder",
        "a folder named `~` in the working directory",
        "that is what `~` means everywhere; an existing folder named `~` causes a warning",
        "folder_of",
        ("~/sessions",),
        ("~/sessions", "/home/ada/sessions"),
    ),
)
