"""The differences from the original that concern sessions in cookies, and keys."""

from __future__ import annotations

from tests.compat.differential.rows import BEGIN, LOOK, REFUSED, Difference, Probed, scenario

KEY = "a key that validates, of a fair length too"
IN_COOKIE = {"backend": "cookie", "options": {"validate_key": KEY}}


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "a cookie session has the whole API",
        "`regenerate_id()`, `load()`, `last_accessed`, `was_invalidated`, `accessed_dict` and `revert()` on a"
        " new session are `AttributeError`s",
        "a program need not know where its sessions are kept",
        scenario([["attribute", "last_accessed"]], BEGIN, [["regenerate_id"]], LOOK, **IN_COOKIE),
    ),
    Difference(
        "a cookie session that was only read is sent once, and only if access times are kept",
        "it is encoded at load and again at the end, and is sent with `save_accessed_time = false` too",
        "half the work, and caches may keep unchanged responses; an overridden `_create_cookie`"
        " is still called at load",
        scenario(
            BEGIN,
            LOOK,
            backend="cookie",
            options={"validate_key": KEY, "save_accessed_time": False},
        ),
    ),
    Difference(
        "an expired cookie session is replaced by a new one",
        "after a timeout or a corrupt cookie `is_new` is false",
        "server-side sessions do the same",
        scenario(
            BEGIN,
            {"wait": 1000, "operations": [["attribute", "is_new"]]},
            backend="cookie",
            options={"validate_key": KEY, "timeout": 60},
        ),
    ),
    Difference(
        "ending a cookie session takes effect at once",
        "`invalidate()` without `save()` leaves the session as it was; `delete()` sends the id in its cookie,"
        " and a `save()` after it brings an empty session back",
        "a logout must take effect",
        scenario(BEGIN, [["invalidate"]], LOOK, [["delete"], ["save"]], LOOK, **IN_COOKIE),
    ),
    Difference(
        "a cookie session cannot be locked or found by id",
        "`lock()` is an `AttributeError` and `get_by_id()` a `KeyError`",
        "a program can catch `BeakerException`",
        scenario([["peek", 0]], **IN_COOKIE),
    ),
)

PROBED: tuple[Probed, ...] = (
    Probed(
        "a cookie whose name and value have more than 4096 bytes is refused, with its size",
        "only the payload is measured, so cookies of 4121 bytes and more are sent",
        "browsers drop such a cookie silently, and the session with it",
        "largest_cookie",
        ("beaker.session.identification-of-a-name-that-is-long",),
        (True, False),
    ),
    Probed(
        "`_update_cookie_out()` of a cookie session keeps the session in the cookie",
        "it replaces the session in the cookie by its id: the session is lost",
        "the call works as for a server-side session",
        "written_by_hand",
        (),
        (False, True),
    ),
    Probed(
        "a cookie session is ended at the domain and path where it is",
        "after `invalidate()` the cookie is set for the domain and path of the options, and the"
        " old cookie stays, with the session",
        "a logout must take effect",
        "invalidated_elsewhere",
        (),
        (True, False),
    ),
    Probed(
        "a cookie session needs its `validate_key` when the middleware is built",
        "an exception in the first request",
        REFUSED,
        "configured",
        ({"type": "cookie"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "a key shorter than 32 bytes causes a warning",
        "any length is accepted",
        "it may be guessed; `python -m beaker key` makes a good one",
        "configured",
        ({"secret": "short"},),
        ([True, 0], [True, 1]),
    ),
    Probed(
        "a key that is a JSON list of texts is several keys",
        "it is one key",
        "keys change without a logout: the first signs, all verify",
        "signs_alike",
        ('["' + KEY + '", "an older key of a fair length"]', KEY),
        (False, True),
    ),
    Probed(
        "`beaker.crypto` accepts only keys of 32 bytes",
        "keys of 16 and 24 bytes are accepted",
        "`getKeyLength()` says so, and every session uses that length",
        "encrypts",
        ("beaker.crypto.pyca_cryptography", 16),
        (True, False),
    ),
    Probed(
        "`beaker.crypto.noencryption` raises an exception",
        "it returns the plain text",
        "secrets would be stored in plain text",
        "encrypts",
        ("beaker.crypto.noencryption", 32),
        (True, False),
    ),
    Probed(
        "a registered crypto module encrypts no session",
        "`crypto_type` may name a module from `beaker.crypto.register_crypto_module`",
        "encryption does not run in Python; an unknown `crypto_type` is refused",
        "encrypts_through",
        ("default",),
        (True, False),
    ),
    Probed(
        "Cookie fields joined by commas are split",
        "the comma becomes part of the value before it",
        "front ends join HTTP/2 fields that way; a value with commas is read whole first",
        "of_joined_fields",
        ("{}, a=1",),
        (None, "Ada"),
    ),
)
