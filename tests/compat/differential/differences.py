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
        "a session that was ended leaves no record",
        "`delete()` leaves an emptied record, and `invalidate()`, a timeout and `regenerate_id()` leave"
        " the whole session under the old id, where the old cookie finds it",
        "a logout that leaves the session to whoever has the old cookie is none",
        scenario(BEGIN, [["invalidate"], ["save"]], {"cookie": ["replay", 0], "operations": LOOK}),
    ),
    Difference(
        "a save that began before a logout does not bring the session back",
        "a request that is still running when another one logs out writes the session back",
        "the same",
        scenario(BEGIN, [["get", "a", 0], ["log_out_elsewhere", 0], *BEGIN], LOOK),
    ),
    Difference(
        "an id that the store does not know is not taken from a cookie",
        "any text in the cookie becomes the id of a session, and no cookie is sent for it",
        "whoever plants a cookie in a browser would know the id of the session to come (session fixation)",
        scenario(STRANGER),
    ),
    Difference(
        "a new id is stored at the end of the request, saved or not",
        "`regenerate_id()` without `save()` sends a cookie for a session that is nowhere, if access times"
        " are off",
        "`regenerate_id()` keeps the data",
        scenario(BEGIN, [["regenerate_id"]], LOOK, options={"save_accessed_time": False}),
    ),
    Difference(
        "cookies are read one by one, and the last that is right and whose session exists counts",
        "one malformed cookie hides all that follow it; of several of our name the last counts, right or"
        " wrong, there or gone; attributes in a Cookie header find their way into our Set-Cookie",
        "other applications of the domain, and attackers, set cookies too",
        scenario(BEGIN, {"cookie": ["text", "a{b}[c]=1; {jar}"], "operations": LOOK}),
    ),
    Difference(
        "saving alone saves",
        "`save()` on a session that was not looked at does nothing, even with `auto`",
        "a program that says save means it",
        scenario([["save"]]),
    ),
    Difference(
        "the proxy is a whole mapping",
        "`len()` of it is a `TypeError`, and it is equal to nothing but itself",
        "it stands for a dictionary",
        scenario([["length"], ["equals_its_content"]]),
    ),
    Difference(
        "a response that depends on the session says so",
        "no `Vary: Cookie`",
        "a shared cache gives one user's page to another otherwise; `session.vary = false` stops it",
        scenario(LOOK),
    ),
    Difference(
        "the application's list of headers stays its own",
        "the cookie is appended to the application's list; with a tuple that is an `AttributeError`",
        "applications keep their lists, and the next visitor got the cookie of the one before",
        scenario({"operations": BEGIN, "ending": "tuple"}),
    ),
    Difference(
        "a session without a cookie takes what concerns one",
        "with `use_cookies=False`, setting `domain` or `path` is an `AttributeError`",
        "it is one attribute less to check for",
        scenario([["assign", "path", "/here"]], how="bare"),
    ),
    Difference(
        "a session that cannot be decoded is one kind of error",
        "whatever the decoder raises: `EOFError`, `UnpicklingError`, `zlib.error`, `binascii.Error` …",
        "a program can catch `CorruptSessionError`, which is a `BeakerException`; it is a"
        " `pickle.UnpicklingError` and a `ValueError` too, for programs that catch those",
        scenario(BEGIN, {"damage": "noise", "operations": LOOK}, options={"invalidate_corrupt": False}),
    ),
    Difference(
        "the memory store drops what has expired",
        "the memory of a process grows by every session that ever was",
        "with `timeout`, a session is dropped two minutes after it has timed out; for its browser it is then"
        " as if it had never been",
        scenario(BEGIN, {"wait": 1000, "operations": LOOK}, backend="memory", options={"timeout": 60}),
    ),
    Difference(
        "a session has the namespace of its id at any time",
        "`session.namespace` is missing on a new session, and is that of the old id after `regenerate_id()`",
        "`lock()` on a new session is no `AttributeError`",
        scenario([["namespace_name"]]),
    ),
    Difference(
        "an attribute that is set to nothing leaves the cookie",
        "`session.domain = None`, `session.secure = False` and the like leave in the cookie what was there",
        "Set-Cookie is built from what the session says at that time",
        scenario([*BEGIN, ["assign", "domain", None]], options={"cookie_domain": ".example.org"}),
    ),
    Difference(
        "what was saved within a request is not undone at its end",
        "when a program saves the session itself, past the proxy, the end of the request writes what was"
        " loaded over it",
        "a program that says save means it",
        scenario(BEGIN, [["put", "a", 2], ["save_itself", False]], LOOK),
    ),
    Difference(
        "a timeout needs access times, whenever it is set",
        "`session.timeout = 300` beside `save_accessed_time = false` is taken, and does nothing",
        "the option is refused beside that one too",
        scenario([["assign", "timeout", 300]], options={"save_accessed_time": False}),
    ),
    *cookie_differences.DIFFERENCES,
)

PROBED: tuple[Probed, ...] = (
    Probed(
        "a request that only reads never writes data back",
        "it writes what it read at its beginning, over what others have written meanwhile",
        "only its access time is stored",
        "changed_while_read",
        (),
        ([], ["cart"]),
    ),
    Probed(
        "requests that change different keys at once are all heard",
        "the last to write has it all, and what the others wrote is lost",
        "nobody's work is to be lost; `session.concurrency = beaker` has it as before",
        "changed_by_two",
        (),
        (["b"], ["a", "b"]),
    ),
    Probed(
        "of two requests that give a session a new id at once one does",
        "each leaves a session, and so does the old id",
        "a session that was rotated is no longer under its old id, so there is nothing left to rotate",
        "rotated_by_two",
        (),
        (3, 1),
    ),
    Probed(
        "a locked session can be loaded",
        "`load()` after `lock()` is an exception, so that a program cannot see what it is to change",
        "to lock, to load, to change and to save is what a lock is for",
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
        "one user would see the session of another; "
        "[what Beaker has stored](stores.md#ids-with-dots) is still found",
        "dots",
        (),
        (True, False),
    ),
    Probed(
        "a store that cannot be read is an exception",
        "with `invalidate_corrupt`, everybody is logged out",
        "absent, corrupt and unavailable are three things",
        "unreadable",
        (),
        ("a new session", "an exception"),
    ),
    Probed(
        "with `data_serializer = json` no pickle is loaded",
        "the file around the JSON is a pickle and is loaded as one",
        "whoever can write to the store would run code",
        "pickled_json",
        ("{tmp}/ran",),
        (True, False),
    ),
    Probed(
        "files are private: mode 0600 in folders of mode 0700",
        "as the umask has it, usually readable by all",
        "a session is its user's secret",
        "modes",
        (),
        (["0o644", "0o755"], ["0o600", "0o700"]),
    ),
    Probed(
        "file sessions without `data_dir` go to a private temporary folder, with a warning",
        "an exception in the first request",
        "the example of the documentation works",
        "without_a_folder",
        (),
        ([False, 0], [True, 1]),
    ),
    Probed(
        "`cookie_expires = False` is a moment in UTC",
        "local time, labelled GMT",
        "browsers take it for UTC",
        "never_in_tokyo",
        (),
        ("Tue, 19-Jan-2038 12:14:07 GMT", "Tue, 19-Jan-2038 03:14:07 GMT"),
    ),
    Probed(
        "`cookie_expires` of a session itself may be a number of seconds",
        "its documentation says so, but only the middleware takes one",
        "`session.cookie_expires = 300` was a `ValueError` at the next cookie",
        "seconds",
        (),
        (False, True),
    ),
    Probed(
        "options by keyword may be ini strings",
        "keywords without the prefix are taken as they are",
        "`timeout='300'` failed at the first comparison",
        "bare_keywords",
        (),
        ("'300'", "300"),
    ),
    Probed(
        "what comes after the headers and is lost is warned of, when the request is over",
        "it is lost in silence",
        "what the program stores itself, or by the headers of an error page, is kept; nothing else can be",
        "put_late",
        (),
        ([True, 0], [True, 1]),
    ),
    Probed(
        "what is put into a session after `delete()` is lost, and warned of",
        "it is stored under the id that was deleted, beside a cookie that removes it",
        "a logout is one; `invalidate()` begins another session in its place",
        "put_after_delete",
        (),
        ([True, 0], [True, 1]),
    ),
    Probed(
        "an unknown option is warned of",
        "it is ignored, or passed on to the backend",
        "`timout` sets no timeout; the warning names the nearest option there is",
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
        "`crypto_type` is one that there is, with a key or without",
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
        "they would be headers or attributes of their own",
        "placed",
        ("path", "/\r\nSet-Cookie: a=1"),
        (True, False),
    ),
    Probed(
        "`cookie_expires` is at least one second",
        "0 means never in some places and an exception in others; a negative number is a cookie that is gone"
        " at once",
        REFUSED,
        "configured",
        ({"cookie_expires": 0},),
        ([True, 0], [False, 0]),
    ),
    Probed(
        "`encrypt_nonce_bits` is at least 48",
        "anything goes, down to no nonce at all",
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
        "programs turn cookies off to try things out, or since they need no session that lasts",
        "without_cookies",
        (),
        ([False, 0], [True, 0]),
    ),
    Probed(
        "what a program puts into its `Morsel` is an attribute, and nothing else",
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
    prose, _, _ = document.read_text(encoding="utf-8").partition(HEAD)
    document.write_text(f"{prose}{table()}\n", encoding="utf-8")
