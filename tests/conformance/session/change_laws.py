"""The laws of changes, which hold for each key, whatever its value.

Each is given a function that opens the session, in which values of every kind were planted, perhaps by
another process, and says of which kinds it does not hold.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beaker.session import Session
from tests.conformance.session.value_kinds import KINDS, SERIALIZERS, written_by
from tests.support.dict_namespace import namespace_class

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[[], Any]
    Law = Callable[[Open, list[str]], list[str]]

NAMES = {"value": 0, "kept": 0}
"""Keys that are named like attributes of the values."""


def plant(session: Any, kinds: list[str]) -> None:
    """Stores a value of each kind."""
    session.update(NAMES)
    session.update({kind: KINDS[kind].make() for kind in kinds})
    session.save()


def overwrite(opened: Open, kinds: list[str]) -> None:
    """Another request sets every key."""
    session = opened()
    session.update(dict.fromkeys([*kinds, "kept"], "theirs"))
    session.save()


def not_theirs(opened: Open, kinds: list[str]) -> list[str]:
    """The kinds that do not have the value of the other request."""
    stored = opened()
    return [kind for kind in [*kinds, "kept"] if stored.get(kind) != "theirs"]


def a_second_save_leaves_alone_what_was_written_by_the_first(opened: Open, kinds: list[str]) -> list[str]:
    session = opened()
    plant(session, kinds)
    overwrite(opened, kinds)
    session["more"] = 1
    session.save()
    return not_theirs(opened, kinds)


def a_second_save_leaves_alone_what_was_loaded(opened: Open, kinds: list[str]) -> list[str]:
    session = opened()
    session["more"] = 0
    session.save()
    overwrite(opened, kinds)
    session["more"] = 1
    session.save()
    return not_theirs(opened, kinds)


def a_third_save_leaves_alone_what_the_merge_of_the_second_did(opened: Open, kinds: list[str]) -> list[str]:
    session = opened()
    for more in range(3):
        session["more"] = more
        session.save()
        overwrite(opened, kinds)
    list(session.values())
    session["more"] = 3
    session.save()
    return not_theirs(opened, kinds)


def who_only_reads_writes_nothing_back(opened: Open, kinds: list[str]) -> list[str]:
    reader = opened()
    list(reader.values())
    overwrite(opened, kinds)
    reader.save(accessed_only=True)
    return not_theirs(opened, kinds)


def who_reads_after_a_save_writes_nothing_back(opened: Open, kinds: list[str]) -> list[str]:
    reader = opened()
    reader["more"] = 0
    reader.save()
    overwrite(opened, kinds)
    list(reader.values())
    reader.save(accessed_only=True)
    return not_theirs(opened, kinds)


def who_saves_what_was_only_read_leaves_it_alone(opened: Open, kinds: list[str]) -> list[str]:
    session = opened()
    session["read"] = len(list(session.values()))
    overwrite(opened, kinds)
    session.save()
    return not_theirs(opened, kinds)


def what_is_set_to_the_value_that_it_had_is_not_changed(opened: Open, kinds: list[str]) -> list[str]:
    # Made anew it says otherwise what it is made of, and it knows no equals.
    kinds = [kind for kind in kinds if kind != "object that lists a set"]
    session = opened()
    session.update({kind: KINDS[kind].make() for kind in kinds})
    overwrite(opened, kinds)
    session.save()
    return not_theirs(opened, kinds)


def _changed_in_place(when: str) -> Law:
    def law(opened: Open, kinds: list[str]) -> list[str]:
        kinds = [kind for kind in kinds if KINDS[kind].change is not None]
        session = opened()
        if when == "after a save":
            session.update({kind: KINDS[kind].make() for kind in kinds})
            session.save()
        for kind in kinds:
            change: Any = KINDS[kind].change
            change(session[kind])
        overwrite(opened, kinds)
        session.save(accessed_only=when == "and not saved")
        stored = opened()
        lost = [kind for kind in kinds if isinstance(stored[kind], str)]
        return lost if stored["kept"] == "theirs" else [*lost, "kept"]

    return law


def what_is_set_or_deleted_is_changed(opened: Open, kinds: list[str]) -> list[str]:
    session = opened()
    deleted = kinds[::2]
    for kind in kinds:
        session[kind] = "ours"
    for kind in deleted:
        del session[kind]
    overwrite(opened, kinds)
    session.save()
    stored = opened()
    wrong = [kind for kind in kinds if stored.get(kind) != (None if kind in deleted else "ours")]
    return wrong if stored["kept"] == "theirs" else [*wrong, "kept"]


LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        a_second_save_leaves_alone_what_was_written_by_the_first,
        a_second_save_leaves_alone_what_was_loaded,
        a_third_save_leaves_alone_what_the_merge_of_the_second_did,
        who_only_reads_writes_nothing_back,
        who_reads_after_a_save_writes_nothing_back,
        who_saves_what_was_only_read_leaves_it_alone,
        what_is_set_to_the_value_that_it_had_is_not_changed,
        what_is_set_or_deleted_is_changed,
    )
}
LAWS.update(
    {
        f"what is changed in place {when} is changed": _changed_in_place(when)
        for when in ("and saved", "after a save", "and not saved")
    }
)


def opener(options: dict[str, Any], serializer: str, name: str, kind: type[Session] = Session) -> Open:
    """Opens a session of that name again and again."""
    return lambda: kind({}, id=name, use_cookies=False, data_serializer=SERIALIZERS[serializer], **options)


def name_of(law: str, serializer: str) -> str:
    return f"{serializer}-{law.replace(' ', '-')}"


def plant_all(options: dict[str, Any]) -> None:
    for serializer in SERIALIZERS:
        for law in LAWS:
            plant(opener(options, serializer, name_of(law, serializer))(), written_by(serializer))


def broken(options: dict[str, Any]) -> dict[str, list[str]]:
    """Of which kinds which law does not hold, by each serializer."""
    wrong = {
        f"{law} ({serializer})": holds_not(
            opener(options, serializer, name_of(law, serializer)), written_by(serializer)
        )
        for serializer in SERIALIZERS
        for law, holds_not in LAWS.items()
    }
    return {law: kinds for law, kinds in wrong.items() if kinds}


def main(step: str, folder: str) -> None:
    shared = [{"type": kind, "data_dir": f"{folder}/{kind}"} for kind in ("file", "dbm")]
    if step == "plant":
        for options in shared:
            plant_all(options)
        return
    with tempfile.TemporaryDirectory() as own:
        alone: list[dict[str, Any]] = [
            {"type": "memory"},
            {"type": "file", "data_dir": str(Path(own) / "file")},
            {"type": "dbm", "data_dir": str(Path(own) / "dbm")},
            {"namespace_class": namespace_class()},
        ]
        for options in alone:
            plant_all(options)
        sys.stdout.write(json.dumps([broken(options) for options in (*shared, *alone)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
