"""Keys that are not text: a switch from the original to ours, or back, logs nobody out."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning, ConfigurationError
from tests.compat.interop.original import Original, original
from tests.conformance.keys import odd_visits
from tests.conformance.keys.keyed import NEW, OLD
from tests.support.sessions import COOKIE, KEY, Browser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conformance.keys.keyed import Keyed
    from tests.support.sessions import Backend

BYTES = b"bytes of the tests' key, \x00\xff and 'quotes' and enough"
PLAIN = b"plain bytes of the tests' key, all of them ASCII"
KINDS: dict[str, dict[str, Any]] = {
    "a signed id in files": {"type": "file", "secret": BYTES},
    "a signed id in dbm": {"type": "dbm", "secret": BYTES},
    "an encrypted record": {"type": "file", "encrypt_key": BYTES, "validate_key": BYTES},
    "an encrypted record in dbm": {
        "type": "dbm",
        "secret": BYTES,
        "encrypt_key": BYTES,
        "validate_key": BYTES,
    },
    "a session in a cookie": {"type": "cookie", "validate_key": BYTES},
    "an encrypted session": {"type": "cookie", "validate_key": BYTES, "encrypt_key": BYTES},
    "an encrypted session in JSON": {
        "type": "cookie",
        "validate_key": BYTES,
        "encrypt_key": BYTES,
        "data_serializer": "json",
    },
}
ODD: dict[str, Any] = {
    "bytes": BYTES,
    "a boolean": True,
    "no truth": False,
    "a number": 12345,
    "a float": 1.5,
}

pytestmark = pytest.mark.filterwarnings("ignore::beaker.exceptions.BeakerWarning")


@pytest.fixture(scope="module")
def theirs(oracle: Path) -> Iterator[Original]:
    """The original."""
    with original(oracle) as running:
        yield running


@pytest.fixture(params=KINDS)
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The options of each kind of session, on stores that several processes share."""
    options = KINDS[request.param]
    return options if options["type"] == "cookie" else {**options, "data_dir": str(tmp_path)}


@pytest.mark.parametrize("odd", ODD)
def test_a_session_goes_from_the_original_to_ours_and_back(
    theirs: Original, options: dict[str, Any], odd: str
) -> None:
    given = repr({name: ODD[odd] if value == BYTES else value for name, value in options.items()})
    first = theirs.call(odd_visits.count, given, None)
    second = odd_visits.count(given, first["cookie"])
    third = theirs.call(odd_visits.count, given, second["cookie"])
    assert [visit["visits"] for visit in (first, second, third)] == [1, 2, 3]


@pytest.mark.parametrize("odd", ODD)
def test_a_session_goes_from_ours_to_the_original_and_back(
    theirs: Original, options: dict[str, Any], odd: str
) -> None:
    given = repr({name: ODD[odd] if value == BYTES else value for name, value in options.items()})
    first = odd_visits.count(given, None)
    second = theirs.call(odd_visits.count, given, first["cookie"])
    third = odd_visits.count(given, second["cookie"])
    assert [visit["visits"] for visit in (first, second, third)] == [1, 2, 3]


@pytest.mark.parametrize("kind", ["file", "cookie"])
def test_an_encrypt_key_of_bytes_by_keyword_encrypts_as_bytes(
    theirs: Original, kind: str, tmp_path: Path
) -> None:
    given = repr({"type": kind, "data_dir": str(tmp_path), "encrypt_key": BYTES, "validate_key": NEW})
    cookie = None
    for call in (theirs.call, _here, theirs.call, _here):
        visit = call(odd_visits.count, given, cookie, "keyword")
        cookie = visit["cookie"]
    assert visit["visits"] == 4


def _here(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def test_on_every_store_ids_are_signed_as_the_original_signs_them(theirs: Original, backend: Backend) -> None:
    visitor = Browser(backend.options, secret=BYTES)
    visitor.put(name="Ada")
    theirs_value = theirs.call(odd_visits.signed, repr({"secret": BYTES}), visitor.id)
    assert visitor.jar == f"{KEY}={theirs_value}"
    assert visitor.visit(dict, cookie=f"{KEY}={theirs_value}").result["name"] == "Ada"


@pytest.mark.parametrize("older", [BYTES, [BYTES], repr(BYTES), (OLD, BYTES)])
def test_bytes_are_left_behind_without_a_logout(keyed: Keyed, older: Any) -> None:
    before = keyed.browser(BYTES)
    before.put(name="Ada")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        after = keyed.given(before.jar, NEW, **{f"{keyed.option}_fallbacks": older})
        after.put(more=1)
    assert after.read() == {"name": "Ada", "more": 1}
    alone = keyed.given(after.jar, NEW)
    if "file" not in keyed.options.get("type", ""):
        assert alone.read() == {"name": "Ada", "more": 1}


@pytest.mark.parametrize("given", [PLAIN, repr(PLAIN), [PLAIN]])
def test_a_signature_by_the_bytes_themselves_is_accepted(keyed: Keyed, given: Any) -> None:
    before = keyed.browser(PLAIN.decode())
    before.put(name="Ada")
    assert keyed.given(before.jar, given).read() == {"name": "Ada"}


@pytest.mark.parametrize("option", ["secret", "validate_key"])
def test_a_key_of_bytes_causes_a_warning_without_the_key(option: str) -> None:
    options = {**COOKIE} if option == "validate_key" else {"type": "memory"}
    for given in ({option: BYTES}, {"config": {f"session.{option}": BYTES}}):
        if "config" in given:
            options.pop(option, None)
        with pytest.warns(BeakerWarning, match=f"{option}_fallbacks") as caught:
            Browser(options, given)
        assert all("tests' key" not in str(warning.message) for warning in caught)


@pytest.mark.parametrize("option", ["secret", "validate_key", "encrypt_key"])
@pytest.mark.parametrize("empty", [b"", b" ", [b""], "b''"])
def test_empty_bytes_are_no_key(option: str, empty: Any) -> None:
    with pytest.raises(ConfigurationError, match=option):
        Browser(COOKIE, {option: empty})
