"""`python -m beaker migrate`, run as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session
from tests.unit.commands.beaker_command import beaker

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = {"moved": 0, "gone": 0, "corrupt": 0, "busy": 0, "refused": 0, "unlisted": 0}


def counts(output: str) -> dict[str, int]:
    """The counts that a migration prints."""
    said = [int(line.split(maxsplit=1)[0]) for line in output.splitlines()]
    return dict(zip(NOTHING, said, strict=True))


def options(kind: str, folder: Path) -> dict[str, Any]:
    if kind == "sqlite":
        return {"type": kind, "url": address(kind, folder)}
    return {"type": kind, "data_dir": str(folder)}


def address(kind: str, folder: Path) -> str:
    return f"sqlite:///{folder}.sqlite" if kind == "sqlite" else f"{kind}:{folder}"


def save(where: dict[str, Any], **values: Any) -> str:
    session = Session({}, use_cookies=False, **where)
    session.update(values)
    session.save()
    return str(session.id)


def load(where: dict[str, Any], session_id: str) -> dict[str, Any]:
    session = Session({}, id=session_id, use_cookies=False, **where)
    return {} if session.is_new else {key: session[key] for key in session if not key.startswith("_")}


@pytest.mark.parametrize("kind", ["file", "dbm", "sqlite"])
@pytest.mark.parametrize("hashed", [False, True])
def test_every_session_moves_and_nothing_is_left(tmp_path: Path, kind: str, *, hashed: bool) -> None:
    source, target = options("file", tmp_path / "from"), options(kind, tmp_path / "to")
    more = {"hash_ids": hashed}
    saved = {save({**source, **more}, number=number): number for number in range(30)}
    ran = beaker("migrate", f"file:{tmp_path}/from", address(kind, tmp_path / "to"), "--threads", 3)
    assert (ran.status, ran.errors) == (0, "")
    assert counts(ran.output) == {**NOTHING, "moved": 30}
    for session_id, number in saved.items():
        assert load({**target, **more}, session_id) == {"number": number}
        assert load({**source, **more}, session_id) == {}
    again = beaker("migrate", f"file:{tmp_path}/from", address(kind, tmp_path / "to"))
    assert counts(again.output) == NOTHING
    if kind != "dbm":
        back = beaker("migrate", address(kind, tmp_path / "to"), f"file:{tmp_path}/from")
        assert counts(back.output)["moved"] == 30


def test_a_session_whose_file_does_not_tell_its_id_is_counted_and_moves_when_it_is_used(
    tmp_path: Path,
) -> None:
    source, target = options("file", tmp_path / "from"), options("file", tmp_path / "to")
    session = Session({}, id="bob", use_cookies=False, **source)
    session["name"] = "value"
    session.save()
    ran = beaker("migrate", f"file:{tmp_path}/from", f"file:{tmp_path}/to")
    assert (ran.status, counts(ran.output)) == (0, {**NOTHING, "unlisted": 1})
    assert load({**target, "read_also": f"file:{tmp_path}/from"}, "bob") == {"name": "value"}
    assert load(source, "bob") == {}


def test_a_corrupt_session_stays_and_the_others_move(tmp_path: Path) -> None:
    source = options("file", tmp_path / "from")
    save(source, name="value")
    corrupt = Session({}, use_cookies=False, **source)
    corrupt.save()
    file = next(path for path in tmp_path.rglob("*.cache") if path.stem == corrupt.id)
    file.write_bytes(b"garbage")
    ran = beaker("migrate", f"file:{tmp_path}/from", f"file:{tmp_path}/to")
    assert ran.status == 0
    assert counts(ran.output) == {**NOTHING, "moved": 1, "corrupt": 1}
    assert file.read_bytes() == b"garbage"


def test_ini_files_give_the_options_of_both_stores(tmp_path: Path) -> None:
    ini = tmp_path / "app.ini"
    ini.write_text(
        "[old]\nsession.type = file\nsession.data_dir = %(here)s/from\n"
        "[new]\nbeaker.session.type = dbm\nbeaker.session.data_dir = %(here)s/to\n"
        "beaker.session.read_also = file:%(here)s/from\nbeaker.session.timeout = 900\n"
    )
    session_id = save(options("file", tmp_path / "from"), name="value")
    ran = beaker("migrate", f"{ini}#old", f"{ini}#new")
    assert (ran.status, counts(ran.output)["moved"]) == (0, 1)
    assert load(options("dbm", tmp_path / "to"), session_id) == {"name": "value"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("memory", "not the address of a store"),
        ("app.ini#none", "in one process"),
        ("app.ini", "choose one with app.ini#SECTION: one, none"),
        ("nonsense", "not the address of a store"),
        ("ftp://user:secret@host", "not the address of a store"),
        ("dbm:/nowhere", "cannot list its sessions"),
        ("missing.ini", "cannot read missing.ini"),
    ],
)
def test_a_store_that_cannot_be_moved_from_is_refused(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "app.ini").write_text("[one]\nsession.data_dir = x\n[none]\nsession.timeout = 9\n")
    ran = beaker("migrate", source, f"file:{tmp_path}/to", cwd=tmp_path)
    assert (ran.status, ran.output) == (1, "")
    assert said in ran.errors
    assert "secret" not in ran.errors


def test_a_number_of_threads_must_be_positive(tmp_path: Path) -> None:
    ran = beaker("migrate", f"file:{tmp_path}/from", f"file:{tmp_path}/to", "--threads", 0)
    assert ran.status == 2
    assert "--threads must be at least 1" in ran.errors


def test_a_new_store_that_fails_ends_the_command_and_loses_nothing(tmp_path: Path) -> None:
    source = options("file", tmp_path / "from")
    session_id = save(source, name="value")
    (tmp_path / "to").write_text("no folder")
    ran = beaker("migrate", f"file:{tmp_path}/from", f"file:{tmp_path}/to")
    assert ran.status == 1
    assert "Run the command again" in ran.errors
    assert load(source, session_id) == {"name": "value"}
    (tmp_path / "to").unlink()
    assert counts(beaker("migrate", f"file:{tmp_path}/from", f"file:{tmp_path}/to").output)["moved"] == 1
