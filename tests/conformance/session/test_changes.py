"""Changes of a request are found by values of any kind, and never by bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session
from tests.conformance.session.change_laws import LAWS, opener, plant
from tests.conformance.session.value_kinds import KINDS, SERIALIZERS, Plain, Salted, repr_of, written_by
from tests.support.environment import ROOT
from tests.support.sessions import Browser, opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sessions import Backend

EVERY_SERIALIZER = pytest.mark.parametrize("serializer", SERIALIZERS)
EVERY_LAW = pytest.mark.parametrize("law", LAWS)
SEEDS = ["0", "1", "2", "3"]
LIMIT = 120


class OwnText(Session):
    """A class that writes its text by itself, never the same twice."""

    def _encrypt_data(self, session_data: Any = None) -> str:
        return Salted().dumps({"text": super()._encrypt_data(session_data)}).hex()

    def _decrypt_data(self, session_data: Any) -> Any:
        return super()._decrypt_data(Salted().loads(bytes.fromhex(session_data))["text"])


@EVERY_SERIALIZER
@EVERY_LAW
def test_the_laws_of_changes_hold_for_values_of_every_kind(
    stores: dict[str, Any], serializer: str, law: str
) -> None:
    session = opener(stores, serializer, "one")
    plant(session(), written_by(serializer))
    assert LAWS[law](session, written_by(serializer)) == []


@EVERY_LAW
@pytest.mark.parametrize("more", [{"record_format": 2}, {"encrypt_key": "e" * 32, "validate_key": "v" * 32}])
def test_the_laws_of_changes_hold_in_every_encoding(backend: Backend, law: str, more: dict[str, Any]) -> None:
    session = opener({**backend.options, **more}, "pickle", "one")
    plant(session(), list(KINDS))
    assert LAWS[law](session, list(KINDS)) == []


@EVERY_LAW
def test_the_laws_of_changes_hold_with_an_overridden_encoding(backend: Backend, law: str) -> None:
    session = opener(backend.options, "pickle", "one", OwnText)
    plant(session(), list(KINDS))
    assert LAWS[law](session, list(KINDS)) == []


@pytest.mark.slow
@EVERY_LAW
@EVERY_SERIALIZER
def test_the_laws_of_changes_hold_for_each_kind_alone(memory: Backend, serializer: str, law: str) -> None:
    wrong = []
    for kind in written_by(serializer):
        session = opener(memory.options, serializer, kind)
        plant(session(), [kind])
        wrong += LAWS[law](session, [kind])
    assert wrong == []


def run(step: str, seed: str, folder: Path) -> str:
    """The laws in a process with a hash seed."""
    command = [sys.executable, "-m", "tests.conformance.session.change_laws", step, str(folder)]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.slow
def test_the_laws_of_changes_hold_under_several_hash_seeds(tmp_path: Path, seed: str) -> None:
    run("plant", "4", tmp_path)
    assert json.loads(run("check", seed, tmp_path)) == [{}] * 6


@EVERY_SERIALIZER
def test_a_merge_keeps_every_value_as_it_is(stores: dict[str, Any], serializer: str) -> None:
    session = opener(stores, serializer, "one")
    kinds = written_by(serializer)
    plant(session(), kinds)
    expected = {kind: repr_of(value) for kind, value in session().items() if kind in kinds}
    ours, theirs = session(), session()
    ours.update({f"our {kind}": KINDS[kind].make() for kind in kinds})
    theirs.update({f"their {kind}": KINDS[kind].make() for kind in kinds})
    theirs.save()
    ours.save()
    stored = session()
    for prefix in ("", "our ", "their "):
        assert {kind: repr_of(stored[prefix + kind]) for kind in kinds} == expected


class Unlike:
    """Says something else of itself each time, and is equal to itself alone."""

    dumped = 0

    def __reduce__(self) -> Any:
        Unlike.dumped += 1
        return type(self), (), {"dumped": Unlike.dumped}


class Refuses(Unlike):
    """Cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("cannot be compared")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("make", [Unlike, Refuses])
@pytest.mark.parametrize("where", ["itself", "in a list"])
def test_an_incomparable_value_counts_as_changed_on_save_only(
    stores: dict[str, Any], make: Any, where: str
) -> None:
    session = opener(stores, "pickle", "one")
    first = session()
    first["key"] = make() if where == "itself" else [make()]
    first.save()
    reader, untouched, saver = session(), session(), session()
    other = session()
    other["key"] = "theirs"
    other.save()
    assert not isinstance(reader["key"], str)
    reader.save(accessed_only=True)
    assert session()["key"] == "theirs"
    untouched["more"] = 1
    untouched.save()
    assert session()["key"] == "theirs"
    assert not isinstance(saver["key"], str)
    saver.save()
    assert not isinstance(session()["key"], str)


@pytest.mark.parametrize("saves", [True, False])
def test_too_deeply_nested_values_are_compared_as_they_are_stored(memory: Backend, saves: bool) -> None:
    def nested() -> list[Any]:
        value: list[Any] = ["innermost"]
        for _ in range(400):
            value = [value]
        return value

    session = opener(memory.options, "salted", "one")
    first = session()
    first.update(key=nested(), other=nested())
    first.save()
    second = session()
    innermost: Any = second["key"]
    while isinstance(innermost[0], list):
        innermost = innermost[0]
    innermost.append("changed")
    third = session()
    third.update(key="theirs", other="theirs")
    third.save()
    second.save(accessed_only=not saves)
    stored = session()
    assert (isinstance(stored["key"], list), stored["other"]) == (True, "theirs")


def test_a_merge_works_with_values_that_options_forbid_to_read(stores: dict[str, Any]) -> None:
    guarded = opener({**stores, "pickle": "allowlist"}, "pickle", "one")
    session, other = guarded(), guarded()
    other["key"] = "theirs"
    other.save()
    session["mine"] = Plain(1)
    session.save()
    stored = opener(stores, "pickle", "one")()
    assert (stored["key"], stored["mine"].value) == ("theirs", 1)


def test_a_reader_does_not_rewrite_another_processes_encoding(
    written_in_python: Backend,
) -> None:
    kind = written_in_python.options["namespace_class"]
    visitor = Browser(written_in_python.options, save_accessed_time=False, rolling=False)
    visitor.put(tags={"value": {"a", "b"}}, cart=["apple"])
    kind.calls.clear()
    visitor.visit(lambda session: list(session.values()))
    assert "set" not in kind.calls


def test_a_read_after_a_save_of_the_same_request_writes_nothing(written_in_python: Backend) -> None:
    kind = written_in_python.options["namespace_class"]
    opened(written_in_python, "one").save()
    session = opened(written_in_python, "one")
    session["tags"] = {"a", "b"}
    session.save()
    kind.calls.clear()
    assert session["tags"] == {"a", "b"}
    session.save(accessed_only=True)
    assert "set" not in kind.calls
    session["tags"].add("c")
    session.save(accessed_only=True)
    assert opened(written_in_python, "one")["tags"] == {"a", "b", "c"}
