"""Why a value that works in the original does something else in ours, by option and by what ours does."""

from __future__ import annotations

_BOOLEANS = ("auto", "httponly", "invalidate_corrupt", "save_accessed_time", "secure", "use_cookies")
_FOLDERS = ("data_dir", "dbm_dir", "file_dir", "lock_dir")
_KEYS = ("encrypt_key", "secret", "validate_key")

REASONS: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [(option, "refused") for option in _BOOLEANS],
        "cannot be meant: no word for true or false, which Beaker takes for true where it does not look",
    ),
    **dict.fromkeys(
        [(option, "taken") for option in _BOOLEANS],
        "a word for false is false, and `None` is an option that was not given",
    ),
    **dict.fromkeys(
        [(option, "refused") for option in _FOLDERS],
        "cannot be meant: a blank, a list or an object is no path",
    ),
    **dict.fromkeys(
        [(option, "taken") for option in _FOLDERS],
        "`~` is the home folder, and an empty list is none",
    ),
    **dict.fromkeys(
        [(option, "refused") for option in _KEYS],
        "unsafe: a key that is empty, blank, or none at all (an empty list, a mapping, an object that prints"
        " as where it lies in memory)",
    ),
    **dict.fromkeys([(option, "taken") for option in _KEYS], "a list is several keys, the newest first"),
    ("cookie_domain", "refused"): "cannot be meant: no host, and browsers drop the cookie",
    ("cookie_domain", "taken"): "none is meant: with such a domain browsers drop the cookie",
    ("cookie_path", "refused"): "cannot be meant: no path",
    ("cookie_path", "taken"): "none is meant, so it is `/`: browsers take no path that does not begin so",
    ("cookie_expires", "refused"): (
        "cannot be meant: no time, of which Beaker asks whether it is true; or a cookie that is gone at once"
    ),
    ("cookie_expires", "taken"): "a float is seconds, which Beaker takes for `True`",
    ("encrypt_nonce_bits", "refused"): "unsafe: two sessions under one nonce can be decrypted",
    ("id", "refused"): "unsafe: one session for everybody; and blank or no text",
    ("id", "taken"): "unsafe: one session for everybody; what is false is no id",
    ("key", "taken"): "`None` is an option that was not given; the cookie `None` is read, too",
    (
        "samesite",
        "refused",
    ): "cannot be meant: browsers know no such value, and each does what it likes",
    ("webtest_varname", "refused"): "cannot be meant: no text",
}
