"""The differences in what stores keep and for how long."""

from __future__ import annotations

from tests.differential.rows import Probed

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
)
