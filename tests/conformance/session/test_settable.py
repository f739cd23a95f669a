"""An attribute that a program sets on a session works as in the original."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from beaker.crypto import pyca_cryptography, pycrypto
from beaker.exceptions import ConfigurationError
from tests.support import set_attributes
from tests.support.environment import ROOT, environ_of_another_python
from tests.support.sessions import opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sessions import Backend

# Read only there, of a class of its own, or set by `_set_serializer` alone.
NOT_SET = {"created", "cookie", "namespace", "data_serializer"}

# The id of a session in a cookie can be set; it has no backend; and it uses cookies, whatever is set.
BETTER = {"cookie id 0", "cookie namespace_class 0", "cookie use_cookies 1"}

# Two times with seven digits fewer each, in base 64. Another nonce changes more.
DIGITS = 20


@pytest.fixture(scope="module")
def beakers(oracle: Path) -> dict[str, Any]:
    """The behaviour of the original."""
    program = ROOT / "tests" / "support" / "set_attributes.py"
    environment = environ_of_another_python()
    run = subprocess.run(
        [oracle, program], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def test_every_attribute_of_the_original_is_tried(beakers: dict[str, Any]) -> None:
    assert set(beakers["names"]) == set(set_attributes.VALUES) | NOT_SET


@pytest.mark.filterwarnings("ignore")
def test_an_attribute_that_is_set_has_the_effect_that_it_has_there(
    beakers: dict[str, Any], empty_memory: None
) -> None:
    ours = json.loads(json.dumps(set_attributes.outcomes()))
    different = {name for name, outcome in beakers["outcomes"].items() if not alike(outcome, ours[name])}
    assert different == BETTER


def alike(theirs: Any, ours: Any) -> bool:
    """Two outcomes, but for the digits of the times in the records, which JSON writes as few as it needs."""
    (theirs_shown, theirs_use), (ours_shown, ours_use) = theirs, ours
    if isinstance(theirs_use, str) or isinstance(ours_use, str):
        return bool(theirs == ours)
    records = [use.pop("records") for use in (theirs_use, ours_use)]
    return bool(
        (theirs_shown, theirs_use) == (ours_shown, ours_use)
        and records[0] == pytest.approx(records[1], abs=DIGITS)
    )


def test_a_folder_that_is_set_does_not_change_the_backend(backend: Backend, tmp_path: Path) -> None:
    session = opened(backend, "chosen")
    before = session.namespace_class
    if backend.name not in {"file", "sqlite"}:
        session.data_dir = str(tmp_path / "elsewhere")
    session["name"] = "Ada"
    session.save()
    assert session.namespace_class is before
    assert opened(backend, "chosen")["name"] == "Ada"


@pytest.mark.parametrize(
    ("name", "value"), [("encrypt_nonce_size", (16, 16)), ("encrypt_nonce_size", 16), ("crypto_module", json)]
)
def test_a_module_that_cannot_encrypt_is_refused(memory: Backend, name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        setattr(opened(memory, "chosen"), name, value)


def test_a_module_that_is_set_encrypts_from_then_on(memory: Backend) -> None:
    keys = {"encrypt_key": set_attributes.KEY, "validate_key": set_attributes.KEY}
    session = opened(memory, "chosen", **keys)
    lengths = []
    for module in (pyca_cryptography, pycrypto):
        session.crypto_module = module
        assert session.crypto_module is module
        lengths.append(len(session._encrypt_data({"name": "Ada"})))
    # GCM has a nonce and a tag that CTR has not.
    assert lengths[0] > lengths[1]
