"""The reasons for values that work in the original and do something else here, by option and by outcome."""

from __future__ import annotations

_BOOLEANS = ("auto", "httponly", "invalidate_corrupt", "save_accessed_time", "secure", "use_cookies")
_FOLDERS = ("data_dir", "dbm_dir", "file_dir", "lock_dir")
_KEYS = ("encrypt_key", "secret", "validate_key")

REASONS: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [(option, "refused") for option in _BOOLEANS],
        "invalid: not a word for true or false; Beaker takes any other word for true",
    ),
    **dict.fromkeys(
        [(option, "taken") for option in _BOOLEANS],
        "a word for false is false, and `None` is an option that was not given",
    ),
    **dict.fromkeys(
        [(option, "refused") for option in _FOLDERS],
        "invalid: a blank, a list or an object is not a path",
    ),
    **dict.fromkeys(
        [(option, "taken") for option in _FOLDERS],
        "`~` is the home folder, and an empty list means none",
    ),
    **dict.fromkeys(
        [(option, "refused") for option in _KEYS],
        "unsafe: an empty or blank key, or no key at all (an empty list, a mapping, an object that prints its"
        " address)",
    ),
    **dict.fromkeys([(option, "taken") for option in _KEYS], "a list is several keys, the newest first"),
    ("cookie_domain", "refused"): "invalid: not a host; browsers drop the cookie",
    ("cookie_domain", "taken"): "means none: browsers drop a cookie with such a domain",
    ("cookie_path", "refused"): "invalid: not a path",
    ("cookie_path", "taken"): "means none, so it is `/`: browsers ignore a path that does not begin with it",
    ("cookie_expires", "refused"): (
        "invalid: not a time (Beaker only asks whether it is true), or a cookie that expires at once"
    ),
    ("cookie_expires", "taken"): "a float is seconds, which Beaker takes for `True`",
    ("encrypt_nonce_bits", "refused"): "unsafe: two sessions under one nonce can be decrypted",
    ("id", "refused"): "unsafe: one session for everybody; or blank, or not text",
    ("id", "taken"): "unsafe: one session for everybody; a false value is no id",
    ("key", "taken"): "`None` is an option that was not given; the cookie `None` is read, too",
    (
        "samesite",
        "refused",
    ): "invalid: browsers do not know the value, and each treats it differently",
    ("webtest_varname", "refused"): "invalid: not text",
}
