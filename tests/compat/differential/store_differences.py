"""The differences in what stores keep and for how long."""

from __future__ import annotations

from tests.compat.differential.rows import Probed

GROWS = "a disk or a memory that is full stops every application on the machine"

PROBED: tuple[Probed, ...] = (
    Probed(
        "with a `timeout`, files of sessions that are over go by themselves",
        "they stay for ever, with their locks",
        f"{GROWS}; `session.sweep_interval = 0` stops it",
        "old_file_after_saves",
        ("{tmp}",),
        (True, False),
    ),
    Probed(
        "memory keeps no sessions that are over, and with `max_sessions` no more than so many",
        "it keeps all, for as long as the process lives",
        GROWS,
        "sessions_in_memory",
        ({"max_sessions": 5}, 20),
        (20, 5),
    ),
    Probed(
        "a folder of sessions that every user may write to, or that is another user's, is warned of",
        "it is used without a word",
        "who can put files there can put sessions of their own making there",
        "told_of_an_open_folder",
        (),
        (False, True),
    ),
    Probed(
        "an id that a backend has not is looked for a second time, under the hash of it",
        "once",
        "processes that keep hashes of ids in place of the ids (`session.hash_ids`) serve the same sessions",
        "places_of_an_unknown_id",
        (),
        (1, 2),
    ),
    Probed(
        "64 hexadecimal digits and `-sha256` are no id",
        "any text is one",
        "it is what a store has in place of an id, and who reads it there must not be able to use it",
        "stored_under",
        ("0" * 64 + "-sha256",),
        (True, False),
    ),
    Probed(
        "a value that cannot be stored is named by its key and its type",
        "the serializer's own exception, which says neither",
        "it is found at once; the exception is of the serializer's class too",
        "told_of_what_cannot_be_stored",
        (),
        (["TypeError", False], ["TypeError", True]),
    ),
    Probed(
        "a store that does not answer is one kind of error",
        "whatever the store raises: `PermissionError`, `redis.ConnectionError` …",
        "a program can catch `StoreUnavailableError`, which is an `OSError` with its `errno` too; what the"
        " store raised is its cause",
        "told_of_a_store_that_fails",
        (),
        (["ConnectionResetError", False], ["ConnectionResetError", True]),
    ),
)
