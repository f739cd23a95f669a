"""Text is one key as it stands, and contradictory keys are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, BeakerWarning, ConfigurationError
from tests.conformance.keys.keyed import NEW, OLD, OTHER
from tests.support.sessions import COOKIE, Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.keys.keyed import Keyed

PLAIN_TEXT = [
    f'["{NEW}", 1]',
    f'["{NEW}"',
    f'"{NEW} and more of it"',
    f'{{"key": "{NEW}"}}',
    f"{NEW}, {OLD}",
    f"{NEW}\t{OLD}",
    f"[{NEW}]",
    "12345678901234567890123456789012",
    "%(here)s and more to make it long enough",
]
OPTIONS: dict[str, dict[str, Any]] = {
    "secret": {},
    "validate_key": COOKIE,
    "encrypt_key": COOKIE,
}

pytestmark = pytest.mark.filterwarnings("ignore:.*(Invalid signature|cannot be decoded)")


@pytest.mark.parametrize("text", PLAIN_TEXT)
def test_text_that_is_no_json_list_of_texts_is_one_key_as_it_stands(keyed: Keyed, text: str) -> None:
    visitor = keyed.browser(text)
    visitor.put(name="Ada")
    assert keyed.given(visitor.jar, [text]).read() == {"name": "Ada"}
    assert keyed.given(visitor.jar, [NEW, OLD]).read() == {}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("keys", [[], (), [NEW, ""], [NEW, None], [NEW, 7], {NEW: OLD}])
def test_an_invalid_list_of_keys_is_refused(option: str, keys: Any) -> None:
    with pytest.raises(ConfigurationError, match=option):
        Browser(OPTIONS[option], {option: keys})


@pytest.mark.parametrize("option", OPTIONS)
def test_older_keys_without_a_newest_are_refused(option: str) -> None:
    options = {**OPTIONS[option], option: None, f"{option}_fallbacks": [OLD]}
    with pytest.raises(BeakerException, match=option):
        Browser(options)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_key_and_a_file_of_keys_contradict_each_other(option: str, key_file: Callable[..., str]) -> None:
    with pytest.raises(ConfigurationError, match=f"{option}_file"):
        Browser(OPTIONS[option], {option: NEW, f"{option}_file": key_file(OLD)})


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o622, 0o666])
def test_a_file_that_others_may_write_is_refused(key_file: Callable[..., str], mode: int) -> None:
    with pytest.raises(ConfigurationError, match="secret_file") as raised:
        Browser(secret_file=key_file(NEW, mode=mode))
    assert NEW not in str(raised.value)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o644])
def test_a_file_that_others_may_read_will_do(key_file: Callable[..., str], mode: int) -> None:
    visitor = Browser(secret_file=key_file(NEW, mode=mode))
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}


def test_a_file_that_is_missing_empty_or_none_is_refused(
    key_file: Callable[..., str], tmp_path: Path
) -> None:
    for path in (str(tmp_path / "missing"), key_file("", "  "), str(tmp_path), ""):
        with pytest.raises(ConfigurationError, match="secret_file"):
            Browser(secret_file=path)


@pytest.mark.parametrize(
    "content",
    [
        # Its second line would be the one byte 0, which everybody can sign with.
        f"{NEW}\r\n".encode("utf-16"),
        f"{NEW}\n".encode("utf-8-sig"),
        f"{NEW}\0\n".encode(),
        b"\xe9" * 40,
    ],
)
def test_a_file_that_is_no_text_in_utf_8_is_refused(key_file: Callable[..., str], content: bytes) -> None:
    path = Path(key_file())
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"secret_file.*(UTF-8|byte order mark)"):
        Browser(secret_file=path)


def test_a_file_is_read_when_the_middleware_is_built(key_file: Callable[..., str]) -> None:
    path = key_file(NEW)
    visitor = Browser(secret_file=path)
    os.unlink(path)  # noqa: PTH108 - the path is text, as an option is
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}


def test_a_file_is_not_read_again_by_a_request(key_file: Callable[..., str], empty_memory: None) -> None:
    path = key_file(NEW)
    visitor = Browser({"type": "memory", "secret_file": path})
    visitor.put(name="Ada")
    Path(path).unlink()

    def work(session: Any) -> tuple[Any, ...]:
        session.timeout = 60
        session.secure = False
        return session.get_by_id(session.id)["name"], session.get_by_id("made up")

    assert visitor.visit(work).result == ("Ada", None)
    with pytest.raises(ConfigurationError, match="secret_file"):
        Browser({"type": "memory", "secret_file": path})


def test_a_file_that_the_command_made_and_rotated_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keys"

    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "beaker", "key", *arguments, str(path)], check=True, timeout=60)

    run("--file")
    before = Browser(secret_file=str(path))
    before.put(name="Ada")
    run("--rotate")
    after = Browser(secret_file=str(path), type="memory")
    after.jar = before.jar
    visit = after.visit(lambda session: session["name"])
    assert visit.result == "Ada"
    assert len(visit.cookies) == 1
    assert after.visit(dict).cookies == []


@pytest.mark.parametrize("option", OPTIONS)
def test_every_short_key_causes_a_warning(option: str, key_file: Callable[..., str]) -> None:
    for given in (
        {option: "hunter2"},
        {option: [NEW, "hunter2"]},
        {option: NEW, f"{option}_fallbacks": ["hunter2"]},
        {option: None, f"{option}_file": key_file(NEW, "hunter2")},
    ):
        with pytest.warns(BeakerWarning, match=option) as caught:
            Browser(OPTIONS[option], given)
        assert all("hunter2" not in str(warning.message) for warning in caught)
        assert any("32" in str(warning.message) for warning in caught)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_key_that_is_no_unicode_is_refused_without_being_shown(option: str) -> None:
    # So Python reads environment variables that are no UTF-8.
    with pytest.raises(ConfigurationError, match=option) as caught:
        Browser(OPTIONS[option], {option: "hunter2\udce9" * 8})
    assert "hunter2" not in repr(caught.value)


@pytest.mark.filterwarnings("ignore:secret is Python's text of bytes")
def test_keys_may_be_bytes() -> None:
    for secret in (NEW.encode(), [NEW.encode(), OLD]):
        visitor = Browser(secret=secret)
        visitor.put(name="Ada")
        again = Browser(secret=repr(NEW.encode()))
        again.jar = visitor.jar
        assert again.read() == {"name": "Ada"}


def test_keys_are_understood_in_an_ini_file() -> None:
    config = {
        "beaker.session.type": "cookie",
        "beaker.session.validate_key": f'["{NEW}", "{OLD}"]',
        "beaker.session.encrypt_key": NEW,
        "beaker.session.encrypt_key_fallbacks": f"{OLD}\n{OTHER}",
    }
    visitor = Browser(config=config)
    visitor.put(name="Ada")
    assert visitor.read() == {"name": "Ada"}


def test_no_key_is_in_an_error_or_a_representation() -> None:
    for options in (
        {"secret": [NEW, ""]},
        {"secret": NEW, "secret_file": NEW},
        {"secret": NEW, "timeout": "x"},
    ):
        with pytest.raises(BeakerException) as raised:
            Browser(options)
        assert NEW not in repr(raised.value)
