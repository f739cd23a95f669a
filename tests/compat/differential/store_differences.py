"""The differences in what stores keep and for how long."""

from __future__ import annotations

from tests.compat.differential.rows import Probed

GROWS = "full memory stops every application on the machine"

PROBED: tuple[Probed, ...] = (
    Probed(
        "with a `timeout`, files of expired sessions are removed",
        "files and locks stay for ever",
        f"{GROWS}; `session.sweep_interval = 0` stops it",
        "old_file_after_saves",
        ("{tmp}",),
        (True, False),
    ),
    Probed(
        "memory drops expired sessions, and keeps at most `max_sessions`",
        "it keeps every session while the process lives",
        GROWS,
        "sessions_in_memory",
        ({"max_sessions": 5}, 20),
        (20, 5),
    ),
    Probed(
        "a session folder that others may write to, or that belongs to another user, causes a warning",
        "it is used silently",
        "anybody who can write files there can forge sessions",
        "told_of_an_open_folder",
        (),
        (False, True),
    ),
    Probed(
        "an id that a backend does not have is looked up a second time, under its hash",
        "once",
        "processes with hashed ids (`session.hash_ids`) serve the same sessions",
        "places_of_an_unknown_id",
        (),
        (1, 2),
    ),
    Probed(
        "64 hexadecimal digits and `-sha256` are not an id",
        "any text is an id",
        "that is a stored key; a reader of the store must not be able to use it",
        "stored_under",
        ("0" * 64 + "-sha256",),
        (True, False),
    ),
    Probed(
        "the error for a value that cannot be stored names its key and type",
        "the serializer's own exception, which names neither",
        "it is found at once; the exception is also of the serializer's class",
        "told_of_what_cannot_be_stored",
        (),
        (["TypeError", False], ["TypeError", True]),
    ),
    Probed(
        "a store that is down raises one kind of error",
        "whatever the store raises: `PermissionError`, `redis.ConnectionError` …",
        "a program can catch `StoreUnavailableError`, which is also an `OSError` with its"
        " `errno`; the store's exception is its cause",
        "told_of_a_store_that_fails",
        (),
        (["ConnectionResetError", False], ["ConnectionResetError", True]),
    ),
    Probed(
        "a `load()` that fails changes nothing",
        "it empties the session, and the next save stores it so",
        "a decoder that fails for a moment must not lose a session",
        "kept_by_a_load_that_fails",
        (),
        (False, True),
    ),
)
