"""Which pickles are loaded: all, some or none, and none at all where the serializer is another."""

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
from tests.session.kit import KEY, UNKNOWN_ID, Browser, Literals, opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.session.kit import Backend

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
@pytest.mark.parametrize("options", [{"data_serializer": "json"}, {"data_serializer": Literals()}, {"pickle": "allowlist"}])
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


def test_the_namespace_of_a_json_session_loads_no_pickle_either(files: Backend, flag: Path) -> None:
    session = opened(files, "chosen", data_serializer="json")
    session.save()
    (file,) = files.files()
    for content in envelopes(flag):
        file.write_bytes(content)
        with contextlib.suppress(CorruptSessionError):
            session.namespace.do_open("r", False)
        assert not flag.exists()


def test_a_json_configuration_imports_no_pickle_at_all(tmp_path: Path) -> None:
    program = (
        "import sys; import beaker.session, pickle\n"
        "def refuse(*a, **k): raise SystemExit('a pickle was used')\n"
        "pickle.loads = pickle.load = pickle.dumps = pickle.dump = pickle.Unpickler = pickle.Pickler = refuse\n"
        f"options = dict(type='file', data_dir={str(tmp_path)!r}, data_serializer='json', use_cookies=False)\n"
        "s = beaker.session.Session({}, id='chosen', **options); s['name'] = 'Ada'; s.save()\n"
        "s = beaker.session.Session({}, id='chosen', **options); assert s['name'] == 'Ada'; s.regenerate_id(); s.save()\n"
        "s.lock(); s.save(); s.unlock(); s.delete()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


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


def test_the_allow_list_takes_a_class_of_the_applications_own_for_corrupt(backend: Backend) -> None:
    session = opened(backend, "chosen")
    session["own"] = Own()
    session.save()
    assert opened(backend, "chosen", pickle="any")["own"] == Own()
    with pytest.raises(CorruptSessionError):
        opened(backend, "chosen", pickle="allowlist")


def test_denying_pickles_needs_another_serializer(backend: Backend) -> None:
    with pytest.raises(ConfigurationError, match="deny"):
        opened(backend, "chosen", pickle="deny")
    session = opened(backend, "chosen", pickle="deny", data_serializer="json")
    session["name"] = "Ada"
    session.save()
    assert opened(backend, "chosen", pickle="deny", data_serializer="json")["name"] == "Ada"
