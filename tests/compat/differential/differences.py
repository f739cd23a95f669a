"""Every difference from the original that is meant, in one table, each with its reason and what shows it.

A difference that requests can meet has a scenario, and a correction of its name in `corrections`: with all
corrections the original does in that scenario what we do, and with all but this one it does not. The others
have a probe, with what it finds in the original and in ours. The table of docs/differences.md is what
`python -m tests.compat.differential.differences` writes.
"""

from __future__ import annotations

from tests.compat.differential import cookie_differences, option_differences, store_differences
from tests.compat.differential.rows import BEGIN, LOOK, REFUSED, Difference, Probed, scenario
from tests.support.environment import ROOT

STRANGER = {"cookie": ["text", "{key}=" + "f" * 32], "operations": BEGIN}

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "an ended session leaves no record",
        "`delete()` leaves an emptied record, and `invalidate()`, a timeout and `regenerate_id()` leave"
        " the whole session under the old id, where the old cookie finds it",
        "a logout must end the session for everybody who has the cookie",
        scenario(BEGIN, [["invalidate"], ["save"]], {"cookie": ["replay", 0], "operations": LOOK}),
    ),
    Difference(
        "a save that began before a logout does not bring the session back",
        "a request that runs during a logout writes the session back",
        "the same",
        scenario(BEGIN, [["get", "a", 0], ["log_out_elsewhere", 0], *BEGIN], LOOK),
    ),
    Difference(
        "an unknown id from a cookie is not adopted",
        "any text in the cookie becomes the id of a session, and no cookie is sent for it",
        "an attacker who plants a cookie would know the session's id (session fixation)",
        scenario(STRANGER),
    ),
    Difference(
        "a new id is stored at the end of the request, even without `save()`",
        "`regenerate_id()` without `save()` sends a cookie for a session that does not exist,"
        " if access times are off",
        "`regenerate_id()` must keep the data",
        scenario(BEGIN, [["regenerate_id"]], LOOK, options={"save_accessed_time": False}),
    ),
    Difference(
        "cookies are parsed one by one, and the last valid one whose session exists counts",
        "one malformed cookie hides all that follow it; of several with our name the last"
        " counts, even if it is invalid or its session is gone; attributes in a Cookie header"
        " end up in our Set-Cookie",
        "other applications of the domain, and attackers, set cookies too",
        scenario(BEGIN, {"cookie": ["text", "a{b}[c]=1; {jar}"], "operations": LOOK}),
    ),
    Difference(
        "`save()` alone saves",
        "`save()` on a session that was not accessed does nothing, even with `auto`",
        "an explicit save must take effect",
        scenario([["save"]]),
    ),
    Difference(
        "the session in the environ is a full mapping",
        "`len()` raises `TypeError`, and it equals only itself",
        "it stands for a dictionary",
        scenario([["length"], ["equals_its_content"]]),
    ),
    Difference(
        "a response that depends on the session says `Vary: Cookie`",
        "no `Vary: Cookie`",
        "otherwise a shared cache gives one user's page to another; `session.vary = false` turns it off",
        scenario(LOOK),
    ),
    Difference(
        "the application's list of headers is not changed",
        "the cookie is appended to the application's list; with a tuple that is an `AttributeError`",
        "applications reuse their lists, and the next visitor received the previous visitor's cookie",
        scenario({"operations": BEGIN, "ending": "tuple"}),
    ),
    Difference(
        "a session without a cookie accepts cookie attributes",
        "with `use_cookies=False`, setting `domain` or `path` is an `AttributeError`",
        "programs need not check for the attribute",
        scenario([["assign", "path", "/here"]], how="bare"),
    ),
    Difference(
        "a session that cannot be decoded raises one kind of error",
        "whatever the decoder raises: `EOFError`, `UnpicklingError`, `zlib.error`, `binascii.Error` …",
        "a program can catch `CorruptSessionError`, which is a `BeakerException`, and also a"
        " `pickle.UnpicklingError` and a `ValueError`",
        scenario(BEGIN, {"damage": "noise", "operations": LOOK}, options={"invalidate_corrupt": False}),
    ),
    Difference(
        "memory and files drop expired sessions",
        "memory and folders grow with every session ever created",
        "with a `timeout`, a session is absent two minutes after it expired, also for a program that"
        " opens it by its id and gives no timeout",
        scenario(BEGIN, {"wait": 1000, "operations": LOOK}, backend="memory", options={"timeout": 60}),
    ),
    Difference(
        "`session.namespace` always belongs to the session's id",
        "`session.namespace` is missing on a new session, and is that of the old id after `regenerate_id()`",
        "`lock()` on a new session must not raise `AttributeError`",
        scenario([["namespace_name"]]),
    ),
    Difference(
        "an attribute that is set to nothing disappears from the cookie",
        "`session.domain = None`, `session.secure = False` and the like keep the old value in the cookie",
        "Set-Cookie is built from the session's attributes at that time",
        scenario([*BEGIN, ["assign", "domain", None]], options={"cookie_domain": ".example.org"}),
    ),
    Difference(
        "the end of a request does not undo an explicit save",
        "if a program saves the session itself, not through the environ, the end of the request"
        " overwrites it with what was loaded",
        "an explicit save must take effect",
        scenario(BEGIN, [["put", "a", 2], ["save_itself", False]], LOOK),
    ),
    Difference(
        "a timeout needs access times, also when it is set later",
        "`session.timeout = 300` with `save_accessed_time = false` is accepted and has no effect",
        "the option is refused in that combination too",
        scenario([["assign", "timeout", 300]], options={"save_accessed_time": False}),
    ),
    *cookie_differences.DIFFERENCES,
)

PROBED: tuple[Probed, ...] = (
    Probed(
        "a request that only reads never writes data back",
        "it writes back what it read at its beginning, over what others wrote meanwhile",
        "only its access time is stored",
        "changed_while_read",
        (),
        ([], ["cart"]),
    ),
    Probed(
        "concurrent changes to different keys are all kept",
        "the last save wins, and the others' changes are lost",
        "no update may be lost; `session.concurrency = beaker` restores Beaker's behaviour",
        "changed_by_two",
        (),
        (["b"], ["a", "b"]),
    ),
    Probed(
        "of two concurrent rotations one takes effect",
        "each creates a session, and the old id keeps one",
        "after the first rotation the old id has no session to rotate",
        "rotated_by_two",
        (),
        (3, 1),
    ),
    Probed(
        "a locked session can be loaded",
        "`load()` after `lock()` raises an exception, so a program cannot see the current data",
        "a lock exists to load, change and save in one go",
        "locked_and_loaded",
        (),
        (False, True),
    ),
    Probed(
        "a request with a made-up id leaves nothing behind",
        "it leaves a lock file, and in memory an entry, for ever",
        "strangers could fill the disk",
        "left_by_a_stranger",
        (),
        (1, 0),
    ),
    Probed(
        "two ids never share a record",
        "ids are one file if they differ only by dots, or only by what stands before the last `/`",
        "one user would see another's session; [what Beaker stored](stores.md#ids-with-dots) is still found",
        "dots",
        (),
        (True, False),
    ),
    Probed(
        "a store that cannot be read is an exception",
        "with `invalidate_corrupt`, everybody is logged out",
        "absent, corrupt and unavailable are different outcomes",
        "unreadable",
        (),
        ("a new session", "an exception"),
    ),
    Probed(
        "with `data_serializer = json` no pickle is loaded",
        "the file around the JSON is a pickle and is loaded as one",
        "anybody who can write to the store could run code",
        "pickled_json",
        ("{tmp}/ran",),
        (True, False),
    ),
    Probed(
        "files are private: mode 0600 in folders of mode 0700",
        "the umask decides; files are usually readable by all",
        "a session is its user's secret",
        "modes",
        (),
        (["0o644", "0o755"], ["0o600", "0o700"]),
    ),
    Probed(
        "file sessions without `data_dir` go to a private temporary folder, with a warning",
        "an exception in the first request",
        "the example in Beaker's documentation works",
        "without_a_folder",
        (),
        ([False, 0], [True, 1]),
    ),
    Probed(
        "`cookie_expires = False` is a moment in UTC",
        "local time, labelled GMT",
        "browsers read it as UTC",
        "never_in_tokyo",
        (),
        ("Tue, 19-Jan-2038 12:14:07 GMT", "Tue, 19-Jan-2038 03:14:07 GMT"),
    ),
    Probed(
        "`session.cookie_expires` may be a number of seconds",
        "its documentation says so, but only the middleware accepts one",
        "`session.cookie_expires = 300` raised `ValueError` at the next cookie",
        "seconds",
        (),
        (False, True),
    ),
    Probed(
        "options by keyword may be ini strings",
        "keywords without the prefix are not converted",
        "`timeout='300'` failed at the first comparison",
        "bare_keywords",
        (),
        ("'300'", "300"),
    ),
    Probed(
        "a change after the headers that is lost causes a warning at the end of the request",
        "it is lost silently",
        "what the program saves itself, or through the headers of an error page, is kept; the rest cannot be",
        "put_late",
        (),
        ([True, 0], [True, 1]),
    ),
    Probed(
        "a change after `delete()` is lost, with a warning",
        "it is stored under the deleted id, while the response removes the cookie",
        "a logout must take effect; `invalidate()` begins another session",
        "put_after_delete",
        (),
        ([True, 0], [True, 1]),
    ),
    Probed(
        "an unknown option causes a warning",
        "it is ignored, or passed on to the backend",
        "`timout` sets no timeout; the warning suggests the nearest option",
        "configured",
        ({"timout": "300"},),
        ([True, 0], [True, 1]),
    ),
    Probed(
        "an unknown `type` is refused at once",
        "a `KeyError` in the first request",
        REFUSED,
        "configured",
        ({"type": "nonsense"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "`samesite` is Lax, Strict or None",
        "any text is sent",
        REFUSED,
        "configured",
        ({"samesite": "Sometimes"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "`samesite = None` needs `secure`",
        "it is sent, and browsers drop the cookie",
        REFUSED,
        "configured",
        ({"samesite": "None"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "`crypto_type` must exist, with a key or without",
        "an exception in the first request",
        REFUSED,
        "configured",
        ({"crypto_type": "rot13"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "a cookie's name is a token",
        "a `CookieError` in the first request",
        REFUSED,
        "configured",
        ({"key": "a b"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "a `__Host-` cookie has no domain",
        "it is sent, and browsers drop it",
        REFUSED,
        "configured",
        ({"key": "__Host-sid", "secure": "true", "cookie_domain": "example.org"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "a cookie's path and domain cannot hold line breaks, control characters or `;`",
        "they are sent as they are",
        "they would inject headers or attributes",
        "placed",
        ("path", "/\r\nSet-Cookie: a=1"),
        (True, False),
    ),
    Probed(
        "`cookie_expires` is at least one second",
        "0 means never in some places and raises an exception in others; a negative number"
        " expires the cookie at once",
        REFUSED,
        "configured",
        ({"cookie_expires": 0},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "`encrypt_nonce_bits` is at least 48",
        "any number is accepted, even no nonce at all",
        "two sessions under one nonce can be decrypted",
        "configured",
        ({"encrypt_key": "k", "validate_key": "v", "encrypt_nonce_bits": 8},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "`encrypt_key` needs `validate_key`",
        "a `TypeError` in the first request that saves",
        REFUSED,
        "configured",
        ({"encrypt_key": "k"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "`use_cookies` and `invalidate_corrupt` take ini strings",
        "any text is true, `false` included",
        REFUSED,
        "configured",
        ({"use_cookies": "perhaps"},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "a request with `use_cookies = false` may use its session",
        "a `KeyError: 'set_cookie'`",
        "programs turn cookies off in tests, or if they need no lasting session",
        "without_cookies",
        (),
        ([False, 0], [True, 0]),
    ),
    Probed(
        "a value in a `Morsel` stays one attribute",
        "`session.cookie[key]['path'] = '/;Domain=evil'` sets a domain; U+2028 goes into the header",
        "one rule for every way into Set-Cookie, and an error that names the attribute",
        "injected_attribute",
        ("/;Domain=evil",),
        ("sent", "refused"),
    ),
    *option_differences.PROBED,
    *cookie_differences.PROBED,
    *store_differences.PROBED,
)

CORRECTED = [difference.name for difference in DIFFERENCES]
"""The corrections with which the original does as we do."""


HEAD = "| Ours | The original | Why |"


def table() -> str:
    """The differences as Markdown."""
    every: list[Difference | Probed] = [*DIFFERENCES, *PROBED]
    rows = [f"| {row.name} | {row.original} | {row.reason} |" for row in every]
    return "\n".join([HEAD, "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    document = ROOT / "docs" / "differences.md"
    prose, _, after = document.read_text(encoding="utf-8").partition(HEAD)
    _, _, others = after.partition("\n\n")
    document.write_text(f"{prose}{table()}\n\n{others}", encoding="utf-8")
