"""`python -m beaker key`, run as a process."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from typing import TYPE_CHECKING

import pytest

from beaker import __version__
from tests.support.sessions import NOBODY
from tests.unit.commands.beaker_command import Ran, beaker, beaker_on_a_full_disk

if TYPE_CHECKING:
    from pathlib import Path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="owners are given by root alone")


def make_key(*arguments: object) -> str:
    ran = beaker("key", *arguments)
    assert (ran.status, ran.errors) == (0, "")
    return ran.output


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_key_is_32_random_bytes_on_a_line_by_itself() -> None:
    first, second = make_key(), make_key()
    assert first != second
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", first)
    assert len(base64.urlsafe_b64decode(first.strip() + "=")) == 32


def test_a_key_may_be_longer() -> None:
    assert len(base64.urlsafe_b64decode(make_key("--bytes", 64).strip() + "==")) == 64


def test_an_ini_file_gives_a_key_back_as_it_is() -> None:
    key = make_key("--bytes", 1024).strip()
    parser = ConfigParser()
    parser.read_string(f"[app]\nsession.secret = {key}\n")
    assert parser["app"]["session.secret"] == key


@pytest.mark.parametrize("size", ["31", "0", "-32", "1025", "9" * 5000, "32.0", "3_2", "", "x", "٣٢"])
def test_a_key_that_is_too_short_or_makes_no_sense_is_refused(size: str) -> None:
    ran = beaker("key", "--bytes", size)
    assert (ran.status, ran.output) == (2, "")
    assert "--bytes" in ran.errors


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("keys",),
        ("key", "--keep", "1"),
        ("key", "--file", "a", "--rotate", "a"),
        ("key", "--rotate", "a", "--keep", "-1"),
        ("key", "--rotate"),
        ("key", "stray"),
        ("key", "--rot", "a"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = beaker(*arguments)
    assert (ran.status, ran.output) == (2, "")
    assert ran.errors.startswith("usage: python -m beaker")
    assert list(tmp_path.iterdir()) == []


def test_help_and_version_are_told() -> None:
    assert beaker("--version") == Ran(0, f"beaker-rs {__version__}\n", "")
    assert "--rotate PATH" in make_key("--help")
    assert "key" in beaker("--help").output


def test_a_key_that_cannot_be_printed_is_an_error() -> None:
    errors = beaker_on_a_full_disk("key")
    assert errors == "python -m beaker: cannot print the key: No space left on device\n"


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_a_file_with_a_key_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "keys"
    assert beaker("key", "--file", path, umask=umask) == Ran(0, "", "")
    assert mode(path) == 0o600
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", path.read_text())


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    there, dangling, folder = tmp_path / "there", tmp_path / "dangling", tmp_path / "folder"
    there.write_text("precious")
    dangling.symlink_to(tmp_path / "nowhere")
    folder.mkdir()
    for path in (there, dangling, folder):
        ran = beaker("key", "--file", path)
        assert (ran.status, ran.output) == (1, "")
        assert "already exists" in ran.errors
    assert there.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("option", ["--file", "--rotate"])
def test_a_path_that_leads_nowhere_is_an_error(tmp_path: Path, option: str) -> None:
    ran = beaker("key", option, tmp_path / "missing" / "keys")
    assert (ran.status, ran.output) == (1, "")
    assert ran.errors.endswith("keys: No such file or directory\n")


def test_rotating_puts_a_new_key_on_top(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    make_key("--file", path)
    for number in range(1, 4):
        before = lines(path)
        assert make_key("--rotate", path) == ""
        assert len(set(lines(path))) == number + 1
        assert lines(path)[1:] == before
    assert mode(path) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("keep", [0, 1, 2, 3, 9])
def test_rotating_keeps_as_many_older_keys_as_are_asked_for(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "keys"
    path.write_text("three\ntwo\none\n")
    path.chmod(0o600)
    make_key("--rotate", path, "--keep", keep)
    assert lines(path)[1:] == ["three", "two", "one"][:keep]


def test_rotating_leaves_older_keys_as_they_are_and_drops_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes("\n a key with spaces \r\n\t\nschlüssel %(x)s".encode())
    path.chmod(0o600)
    make_key("--rotate", path)
    assert lines(path)[1:] == [" a key with spaces ", "schlüssel %(x)s"]


def test_rotating_fills_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.touch(0o600)
    make_key("--rotate", path)
    assert len(lines(path)) == 1


def test_rotating_never_widens_a_mode_and_says_when_it_narrows_one(tmp_path: Path) -> None:
    for given, expected in {0o400: 0o400, 0o600: 0o600, 0o640: 0o600, 0o777: 0o600}.items():
        path = tmp_path / f"{given:o}"
        path.write_text("old\n")
        path.chmod(given)
        ran = beaker("key", "--rotate", path, umask=0o777)
        assert (ran.status, mode(path)) == (0, expected)
        assert ("now only its owner" in ran.errors) == (given & 0o077 != 0)


def test_rotating_replaces_the_file_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    make_key("--file", path)
    with path.open() as reader:
        make_key("--rotate", path)
        assert len(reader.readlines()) == 1
    assert len(lines(path)) == 2


def test_rotating_through_a_link_leaves_the_link(tmp_path: Path) -> None:
    path, link = tmp_path / "keys", tmp_path / "link"
    make_key("--file", path)
    link.symlink_to("keys")
    make_key("--rotate", link)
    assert link.is_symlink()
    assert len(lines(path)) == 2


@needs_root
def test_rotating_leaves_the_file_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    make_key("--file", path)
    os.chown(path, NOBODY, NOBODY)
    make_key("--rotate", path)
    assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)


@pytest.mark.parametrize("content", [b"\x00key\n", b"\xff\n", b"k" * 70_000])
def test_a_file_that_is_none_of_keys_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "database"
    path.write_bytes(content)
    ran = beaker("key", "--rotate", path)
    assert (ran.status, ran.errors) == (
        1,
        f"python -m beaker: {path} is not a key file with one key a line\n",
    )
    assert path.read_bytes() == content


def test_only_a_file_is_rotated(tmp_path: Path) -> None:
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for path in (pipe, folder):
        ran = beaker("key", "--rotate", path)
        assert (ran.status, ran.errors) == (1, f"python -m beaker: {path} is not a regular file\n")


def test_an_error_shows_no_key_and_leaves_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    make_key("--file", path)
    (key,) = lines(path)
    path.write_text(key + "\0")
    for option in ("--file", "--rotate"):
        ran = beaker("key", option, path)
        assert ran.status == 1
        assert key not in ran.errors
    assert path.read_text() == key + "\0"


def test_rotations_wait_for_each_other_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    make_key("--file", path)
    with ThreadPoolExecutor(4) as pool:
        with path.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            rotations = [pool.submit(make_key, "--rotate", path) for _ in range(4)]
        for rotation in rotations:
            rotation.result()
    assert len(set(lines(path))) == 5
