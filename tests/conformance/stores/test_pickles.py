"""The pickles that are loaded: all, some or none, and none at all with another serializer."""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning, ConfigurationError, CorruptSessionError
from beaker.session import Session
from tests.support.sessions import KEY, UNKNOWN_ID, Browser, Literals, opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sessions import Backend

COOKIE = f"{KEY}={UNKNOWN_ID}"


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.flag}",)


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """A file that is there when a payload has run."""
    return tmp_path / "flag"


def poison(flag: Path, protocol: int) -> str:
    return base64.b64encode(pickle.dumps({"name": Payload(flag)}, protocol)).decode()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "options", [{"data_serializer": "json"}, {"data_serializer": Literals()}, {"pickle": "allowlist"}]
)
def test_a_poisoned_session_runs_nothing(
    backend: Backend, flag: Path, protocol: int, options: dict[str, Any]
) -> None:
    backend.plant(UNKNOWN_ID, poison(flag, protocol))
    with pytest.raises(CorruptSessionError):
        opened(backend, UNKNOWN_ID, **options)
    with pytest.warns(BeakerWarning, match="cannot be decoded"):
        Browser(backend.options, options).visit(lambda session: session.id, cookie=COOKIE)
    assert not flag.exists()


def test_a_poisoned_session_runs_where_all_pickles_are_loaded(backend: Backend, flag: Path) -> None:
    backend.plant("chosen", poison(flag, 2))
    opened(backend, "chosen")
    assert flag.exists()


def envelopes(flag: Path) -> list[bytes]:
    """Files whose outermost pickle is poisoned, in every protocol and in other shapes."""
    payload = Payload(flag)
    shapes: list[Any] = [{"session": payload}, payload, {"session": "text", "more": payload}, [payload]]
    found = [pickle.dumps(shape, p) for shape in shapes for p in range(pickle.HIGHEST_PROTOCOL + 1)]
    whole = pickle.dumps({"session": "text"}, 2)
    return [*found, f"cos\nsystem\n(S'touch {flag}'\ntR.".encode() + whole]


@pytest.mark.parametrize("options", [{"data_serializer": "json"}, {"pickle": "any"}, {"pickle": "allowlist"}])
def test_a_poisoned_file_runs_nothing(files: Backend, flag: Path, options: dict[str, Any]) -> None:
    session = opened(files, "chosen", **options)
    session.save()
    (file,) = files.files()
    for content in envelopes(flag):
        file.write_bytes(content)
        with pytest.raises(CorruptSessionError):
            opened(files, "chosen", **options)
        assert not flag.exists()


@pytest.mark.parametrize("options", [{"data_serializer": "json"}, {"pickle": "allowlist"}])
def test_the_namespace_of_a_guarded_session_runs_nothing_either(
    files: Backend, flag: Path, options: dict[str, Any]
) -> None:
    session = opened(files, "chosen", **options)
    session.save()
    (file,) = files.files()
    for content in envelopes(flag):
        file.write_bytes(content)
        with contextlib.suppress(CorruptSessionError):
            session.namespace.do_open("r", False)
        assert not flag.exists()


@pytest.mark.parametrize(
    "options", [{"data_serializer": "json"}, {"data_serializer": Literals()}, {"pickle": "allowlist"}]
)
def test_a_poisoned_dbm_runs_nothing(tmp_path: Path, flag: Path, options: dict[str, Any]) -> None:
    """A dbm keeps a session as a pickle of its text, with every serializer."""
    backend = {"type": "dbm", "data_dir": str(tmp_path / "sessions"), "use_cookies": False}
    session = Session({}, id="chosen", **backend, **options)
    session["name"] = "Ada"
    session.save()
    assert Session({}, id="chosen", **backend, **options)["name"] == "Ada"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for poisoned in (pickle.dumps(Payload(flag), protocol), b"\x80\x02Nr\xff\xff\xff\x7f."):
            poison_dbm(session.namespace, poisoned)
            with pytest.raises(CorruptSessionError):
                Session({}, id="chosen", **backend, **options)
            assert not flag.exists()


def poison_dbm(namespace: Any, content: bytes) -> None:
    database = namespace.dbmmodule.open(namespace.file, "w")
    database[b"session"] = content
    database.close()


def test_a_dbm_that_asks_for_memory_is_corrupt_with_any_pickle(tmp_path: Path) -> None:
    backend = {"type": "dbm", "data_dir": str(tmp_path / "sessions"), "use_cookies": False}
    session = Session({}, id="chosen", **backend)
    session.save()
    poison_dbm(session.namespace, b"\x80\x02Nr\xff\xff\xff\x00.")
    with pytest.raises(CorruptSessionError):
        Session({}, id="chosen", **backend)


WITHOUT_PICKLE = """
import pickle, sys
from beaker.session import Session

def refuse(*_args, **_kwargs):
    raise SystemExit("a pickle was used")

for name in ("loads", "load", "dumps", "dump"):
    setattr(pickle, name, refuse)
for name in ("Unpickler", "Pickler"):
    # Modules derive from them.
    setattr(pickle, name, type(name, (), {"__init__": refuse}))

def opened(session_id="chosen"):
    options = dict(type="file", data_dir=sys.argv[1], data_serializer="json", use_cookies=False)
    return Session({}, id=session_id, **options)

session = opened()
session["name"] = "Ada"
session.save()
session = opened()
assert session["name"] == "Ada"
session.regenerate_id()
session.save()
session.lock()
session.save()
session.unlock()
assert opened(session.id)["name"] == "Ada"
session.delete()
"""


def test_a_json_configuration_uses_no_pickle_at_all(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_PICKLE, str(tmp_path)]
    subprocess.run(command, check=True)


def test_the_allow_list_loads_the_values_of_the_standard_library(backend: Backend) -> None:
    values = {
        "when": datetime(2030, 1, 2, tzinfo=timezone.utc),
        "price": Decimal("1.50"),
        "ordered": OrderedDict(a=1),
        "set": {1, 2},
        "bytes": b"bytes",
        "tuple": (1, (2,)),
        "complex": 1j,
    }
    session = opened(backend, "chosen", pickle="allowlist")
    session.update(values)
    session.save()
    again = opened(backend, "chosen", pickle="allowlist")
    assert {key: again[key] for key in values} == values


class Own:
    """A class of the application's own."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own)

    def __hash__(self) -> int:
        return 1


def test_a_class_outside_the_allow_list_is_corrupt(backend: Backend) -> None:
    session = opened(backend, "chosen")
    session["own"] = Own()
    session.save()
    assert opened(backend, "chosen", pickle="any")["own"] == Own()
    with pytest.raises(CorruptSessionError):
        opened(backend, "chosen", pickle="allowlist")


def test_the_allow_list_takes_the_classes_that_are_named(backend: Backend) -> None:
    named = f"{Own.__module__}.{Own.__qualname__}"
    session = opened(backend, "chosen", pickle="allowlist", pickle_allow=f"decimal.Context, {named}")
    session["own"] = Own()
    session.save()
    assert opened(backend, "chosen", pickle="allowlist", pickle_allow=[named])["own"] == Own()
    with pytest.raises(CorruptSessionError):
        opened(backend, "chosen", pickle="allowlist", pickle_allow="decimal.Context")


def test_denying_pickles_needs_another_serializer(backend: Backend) -> None:
    with pytest.raises(ConfigurationError, match="deny"):
        opened(backend, "chosen", pickle="deny")
    session = opened(backend, "chosen", pickle="deny", data_serializer="json")
    session["name"] = "Ada"
    session.save()
    assert opened(backend, "chosen", pickle="deny", data_serializer="json")["name"] == "Ada"
