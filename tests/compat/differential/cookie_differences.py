"""The differences from the original that concern sessions in cookies, and keys."""

from __future__ import annotations

from tests.compat.differential.rows import BEGIN, LOOK, REFUSED, Difference, Probed, scenario

KEY = "a key that validates, of a fair length too"
IN_COOKIE = {"backend": "cookie", "options": {"validate_key": KEY}}


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "a session in a cookie has the whole of a session",
        "`regenerate_id()`, `load()`, `last_accessed`, `was_invalidated`, `accessed_dict` and `revert()` on a"
        " new session are `AttributeError`s",
        "a program need not know where its sessions are kept",
        scenario([["attribute", "last_accessed"]], BEGIN, [["regenerate_id"]], LOOK, **IN_COOKIE),
    ),
    Difference(
        "reading a session in a cookie sends it at the end of the request, if access times are kept",
        "it is encoded at loading and again at the end, and sent with `save_accessed_time = false` too",
        "half the work, and caches may keep what did not change; a subclass with a `_create_cookie` of its"
        " own has it called at loading as before",
        scenario(
            BEGIN,
            LOOK,
            backend="cookie",
            options={"validate_key": KEY, "save_accessed_time": False},
        ),
    ),
    Difference(
        "a session in a cookie that is over gives way to a new one",
        "after a timeout or a corrupt cookie `is_new` is false",
        "as with sessions that a store keeps",
        scenario(
            BEGIN,
            {"wait": 1000, "operations": [["attribute", "is_new"]]},
            backend="cookie",
            options={"validate_key": KEY, "timeout": 60},
        ),
    ),
    Difference(
        "what ends a session in a cookie takes effect at once",
        "`invalidate()` without `save()` leaves the session as it was; `delete()` sends the id in its cookie,"
        " and a `save()` after it brings an empty session back",
        "a logout is one",
        scenario(BEGIN, [["invalidate"]], LOOK, [["delete"], ["save"]], LOOK, **IN_COOKIE),
    ),
    Difference(
        "a session in a cookie is no record to be locked or found by its id",
        "`lock()` is an `AttributeError` and `get_by_id()` a `KeyError`",
        "a program can catch `BeakerException`",
        scenario([["peek", 0]], **IN_COOKIE),
    ),
)

PROBED: tuple[Probed, ...] = (
    Probed(
        "a cookie whose name and value have more than 4096 bytes is refused, with its size",
        "the payload alone is measured, so that cookies up to 4121 bytes and more go out",
        "browsers drop such a cookie without a word, and the session with it",
        "largest_cookie",
        ("beaker.session.identification-of-a-name-that-is-long",),
        (True, False),
    ),
    Probed(
        "a cookie that a program writes itself holds the session",
        "`_update_cookie_out()` puts the id of a session in a cookie into that cookie: the session is lost",
        "the same call as for a session that a store keeps does the same",
        "written_by_hand",
        (),
        (False, True),
    ),
    Probed(
        "a session in a cookie is ended where it stands",
        "after `invalidate()` the cookie goes to the domain and the path of the options, and the old one"
        " stays where the program had it, with the session",
        "a logout is one",
        "invalidated_elsewhere",
        (),
        (True, False),
    ),
    Probed(
        "a session in a cookie needs its `validate_key` when the middleware is built",
        "an exception in the first request",
        REFUSED,
        "configured",
        ({"type": "cookie"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "a key under 32 bytes is warned of",
        "any key will do",
        "it may be guessed; `python -m beaker key` makes a good one",
        "configured",
        ({"secret": "short"},),
        ([True, 0], [True, 1]),
    ),
    Probed(
        "a key that is a JSON list of texts is several keys",
        "it is one key",
        "keys are changed without a logout: the first signs, all are accepted",
        "signs_alike",
        ('["' + KEY + '", "an older key of a fair length"]', KEY),
        (False, True),
    ),
    Probed(
        "`beaker.crypto` encrypts with keys of 32 bytes alone",
        "keys of 16 and 24 bytes will do",
        "that is what `getKeyLength()` says, and what every session is encrypted with",
        "encrypts",
        ("beaker.crypto.pyca_cryptography", 16),
        (True, False),
    ),
    Probed(
        "`beaker.crypto.noencryption` refuses to act",
        "it gives back what it was to encrypt",
        "what was to be secret would be stored for all to read",
        "encrypts",
        ("beaker.crypto.noencryption", 32),
        (True, False),
    ),
    Probed(
        "a module that an application registered encrypts no session",
        "`crypto_type` may name what `beaker.crypto.register_crypto_module` was given",
        "sessions are encrypted without Python; `crypto_type` with a name of its own is refused",
        "encrypts_through",
        ("default",),
        (True, False),
    ),
    Probed(
        "fields that were joined by commas are read apart, wherever our cookie stands in them",
        "the comma after a value becomes a part of it",
        "front ends join the fields of HTTP/2 so; a value with commas is read whole first",
        "of_joined_fields",
        ("{}, a=1",),
        (None, "Ada"),
    ),
)
