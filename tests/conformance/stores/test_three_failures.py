"""Absent, corrupt and unavailable are three things, on every store."""

from __future__ import annotations

import base64
import json
import os
import pickle
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, BeakerWarning, CorruptSessionError, StoreUnavailableError
from beaker.session import Session
from tests.support.sessions import KEY, UNKNOWN_ID, Browser, opened, unprivileged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]

COOKIE = f"{KEY}={UNKNOWN_ID}"


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


GARBAGE = {
    "no base64": "!!! no base64 !!!",
    "no pickle": text(b"no pickle at all"),
    "a cut pickle": text(pickle.dumps({"name": "Ada"}, 2)[:-4]),
    "a pickle of no dictionary": text(pickle.dumps([1, 2], 2)),
    "a pickle of a missing class": text(b"cno_such_module\nThing\n)R."),
    "an access time that is no number": text(pickle.dumps({"_accessed_time": "then"}, 2)),
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_an_undecodable_record_is_corrupt(backend: Backend, garbage: str) -> None:
    backend.plant("chosen", GARBAGE[garbage])
    with pytest.raises(CorruptSessionError) as caught:
        opened(backend, "chosen")
    assert isinstance(caught.value, BeakerException)
    assert backend.texts() == {"chosen": GARBAGE[garbage]}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_invalidate_corrupt_replaces_a_corrupt_session_with_a_warning(
    browser: Browsers, backend: Backend, garbage: str
) -> None:
    backend.plant(UNKNOWN_ID, GARBAGE[garbage])
    visitor = browser()

    def work(session: Any) -> tuple[str, bool]:
        session["name"] = "Ada"
        session.save()
        return session.id, session.is_new

    with pytest.warns(BeakerWarning, match="cannot be decoded") as caught:
        visit = visitor.visit(work, cookie=COOKIE)
    assert len(caught) == 1
    assert UNKNOWN_ID not in str(caught[0].message)
    assert visit.result == (visit.value, True)
    assert visit.value != UNKNOWN_ID
    assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize("off", [False, "false", "0"])
def test_a_corrupt_session_is_an_exception_where_that_is_asked_for(
    browser: Browsers, backend: Backend, off: Any
) -> None:
    backend.plant(UNKNOWN_ID, GARBAGE["no pickle"])
    with pytest.raises(CorruptSessionError):
        browser(invalidate_corrupt=off).visit(lambda session: session.id, cookie=COOKIE)
    assert backend.texts() == {UNKNOWN_ID: GARBAGE["no pickle"]}


def test_the_constructor_raises_by_default(backend: Backend) -> None:
    backend.plant("chosen", GARBAGE["no pickle"])
    with pytest.raises(CorruptSessionError):
        Session({}, id="chosen", **backend.options)
    with pytest.warns(BeakerWarning, match="cannot be decoded"):
        assert Session({}, id="chosen", invalidate_corrupt=True, **backend.options).is_new


def test_the_wrong_key_makes_a_session_corrupt(backend: Backend) -> None:
    right = {"encrypt_key": "the right key", "validate_key": "v"}
    session = opened(backend, "chosen", **right)
    session["name"] = "Ada"
    session.save()
    for wrong in ({**right, "encrypt_key": "a wrong key"}, {**right, "validate_key": "w"}, {}):
        with pytest.raises(CorruptSessionError):
            opened(backend, "chosen", **wrong)
    assert opened(backend, "chosen", **right)["name"] == "Ada"


def test_a_changed_ciphertext_is_corrupt(backend: Backend) -> None:
    keys = {"encrypt_key": "the right key", "validate_key": "v", "data_serializer": "json"}
    session = opened(backend, "chosen", **keys)
    session["name"] = "Ada"
    session.save()
    (stored,) = backend.texts().values()
    for at in (0, 23, 24, 40, len(stored) // 2, len(stored) - 5):
        other = "A" if stored[at] != "A" else "B"
        backend.plant("chosen", stored[:at] + other + stored[at + 1 :])
        with pytest.raises(CorruptSessionError):
            opened(backend, "chosen", **keys)


def test_another_serializer_makes_a_session_corrupt(backend: Backend) -> None:
    session = opened(backend, "chosen", data_serializer="pickle")
    session.save()
    with pytest.raises(CorruptSessionError):
        opened(backend, "chosen", data_serializer="json")
    assert not opened(backend, "chosen", data_serializer="pickle").is_new


@pytest.mark.slow
def test_json_that_unfolds_without_end_is_corrupt(backend: Backend) -> None:
    bomb = zlib.compress(b"[" + b" " * (80 * 1024 * 1024) + b"]", 9)
    backend.plant("chosen", text(bomb))
    with pytest.raises(CorruptSessionError):
        opened(backend, "chosen", data_serializer="json")


def test_an_empty_dictionary_is_a_new_session(backend: Backend, encoding: dict[str, Any]) -> None:
    backend.plant("chosen", text(pickle.dumps({}, 2)))
    assert opened(backend, "chosen").is_new


def test_none_is_a_new_session(backend: Backend) -> None:
    backend.plant("chosen", text(zlib.compress(json.dumps(None).encode())))
    assert opened(backend, "chosen", data_serializer="json").is_new


def test_a_serializer_that_raises_says_corrupt_and_keeps_its_cause(backend: Backend) -> None:
    class Own:
        def loads(self, _data: bytes) -> Any:
            raise ZeroDivisionError("own")

        def dumps(self, _data: Any) -> bytes:
            return b"data"

    session = opened(backend, "chosen", data_serializer=Own())
    session.save()
    with pytest.raises(CorruptSessionError) as caught:
        opened(backend, "chosen", data_serializer=Own())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


# What can stand in the place of a record's file, by how it is put there.
OBSTACLES: dict[str, Callable[[Path], None]] = {
    "a symbolic link": lambda file: file.symlink_to("/etc/passwd"),
    "a broken link": lambda file: file.symlink_to("/nowhere/at/all"),
    "a loop of links": lambda file: file.symlink_to(file.name),
    "a folder": lambda file: file.mkdir(),
    "a pipe": os.mkfifo,
}


def stored_in(files: Backend, session_id: str = UNKNOWN_ID) -> Path:
    session = opened(files, session_id)
    session["name"] = "Ada"
    session.save()
    (file,) = files.files()
    return file


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("forgiving", [True, False])
def test_an_obstacle_in_place_of_a_record_is_no_logout(
    files: Backend, obstacle: str, forgiving: bool
) -> None:
    file = stored_in(files)
    file.unlink()
    OBSTACLES[obstacle](file)
    visitor = Browser(files.options, {"invalidate_corrupt": forgiving})
    with pytest.raises(StoreUnavailableError):
        visitor.visit(lambda session: session.id, cookie=COOKIE)
    assert os.path.lexists(file)


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_an_obstacle_in_place_of_a_record_is_not_written(files: Backend, obstacle: str) -> None:
    file = stored_in(files)
    session = opened(files, UNKNOWN_ID)
    file.unlink()
    OBSTACLES[obstacle](file)
    kind = file.lstat().st_mode
    session["name"] = "Grace"
    with pytest.raises(StoreUnavailableError):
        session.save()
    assert file.lstat().st_mode == kind


def test_a_file_that_may_not_be_read_is_unavailable(files: Backend) -> None:
    file = stored_in(files)
    assert files.folder is not None
    for path in [files.folder, *files.folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o600)
    reachable = files.folder
    while (
        reachable != reachable.parent and reachable.owner() == file.owner() and str(reachable).count("/") > 1
    ):
        reachable.chmod(0o755)
        reachable = reachable.parent
    file.chmod(0)
    with unprivileged(), pytest.raises(StoreUnavailableError) as caught:
        Browser(files.options).visit(lambda session: session.id, cookie=COOKIE)
    assert UNKNOWN_ID not in str(caught.value)


def test_a_file_in_place_of_the_folder_is_unavailable(files: Backend) -> None:
    assert files.folder is not None
    files.folder.write_text("no folder")
    with pytest.raises(StoreUnavailableError):
        opened(files, "chosen")
    session = Session({}, use_cookies=False, **files.options)
    with pytest.raises(StoreUnavailableError):
        session.save()
    assert files.folder.read_text() == "no folder"


@pytest.mark.parametrize("content", [b"", b"\x80", b"garbage", b"\x80\x04."])
def test_a_file_that_holds_no_record_is_corrupt(files: Backend, content: bytes) -> None:
    file = stored_in(files)
    file.write_bytes(content)
    with pytest.raises(CorruptSessionError):
        opened(files, UNKNOWN_ID)
    with pytest.warns(BeakerWarning, match="cannot be decoded"):
        Browser(files.options).visit(lambda session: session.id, cookie=COOKIE)


def test_every_truncation_of_a_file_is_corrupt(files: Backend) -> None:
    file = stored_in(files)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(CorruptSessionError):
            opened(files, UNKNOWN_ID)
    file.write_bytes(whole)
    assert opened(files, UNKNOWN_ID)["name"] == "Ada"


def test_an_exception_in_a_backend_is_the_cause_of_unavailable(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TroubleError(Exception):
        pass

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise TroubleError(f"the id is {UNKNOWN_ID}")

    stored = opened(written_in_python, UNKNOWN_ID)
    stored.save()
    kind = written_in_python.options["namespace_class"]
    for name in ("__getitem__", "acquire_read_lock"):
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, refuse)
            with pytest.raises(StoreUnavailableError) as caught:
                Browser(written_in_python.options).visit(lambda session: session.id, cookie=COOKIE)
        assert isinstance(caught.value.__cause__, TroubleError)
        assert UNKNOWN_ID not in str(caught.value)


def test_an_exception_that_ends_a_request_passes_a_backend(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer of gevent or a key of the user's is no trouble of the backend."""
    end = KeyboardInterrupt()

    def interrupt(*_args: Any, **_kwargs: Any) -> None:
        raise end

    monkeypatch.setattr(written_in_python.options["namespace_class"], "__getitem__", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        Browser(written_in_python.options).visit(lambda session: session.id, cookie=COOKIE)
    assert caught.value is end


def test_a_backend_may_report_a_missing_key_in_any_usual_way(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = written_in_python.options["namespace_class"]

    def none(*_args: Any) -> None:
        return None

    def key_error(*_args: Any) -> None:
        raise KeyError("session")

    def type_error(*_args: Any) -> None:
        raise TypeError("nothing there")

    for answer in (none, key_error, type_error):
        with monkeypatch.context() as patch:
            patch.setattr(kind, "__getitem__", answer)
            assert opened(written_in_python, "chosen").is_new


def test_a_backend_may_hold_bytes(written_in_python: Backend) -> None:
    contents = written_in_python.options["namespace_class"].contents
    contents["chosen"] = {"session": text(pickle.dumps({"name": "Ada"}, 2)).encode()}
    assert opened(written_in_python, "chosen")["name"] == "Ada"
    contents["chosen"] = {"session": 5}
    with pytest.raises(CorruptSessionError):
        opened(written_in_python, "chosen")


class Stumbling(Session):
    """A session of an application that looks something up when it is loaded."""

    def load(self) -> None:
        super().load()
        raise ConnectionRefusedError("the directory of users does not answer")


class Misreading(Session):
    """A session of an application that has a format of its own."""

    def _decrypt_data(self, session_data: str | bytes) -> Any:
        raise LookupError("no such format")


def test_an_exception_of_an_overridden_load_is_no_logout(backend: Backend) -> None:
    opened(backend, UNKNOWN_ID).save()
    with pytest.raises(ConnectionRefusedError):
        Browser({**backend.options, "session_class": Stumbling}).visit(
            lambda session: session.id, cookie=COOKIE
        )
    assert not opened(backend, UNKNOWN_ID).is_new


def test_an_exception_in_an_overridden_decoder_means_corrupt(backend: Backend) -> None:
    opened(backend, UNKNOWN_ID).save()
    options = {**backend.options, "session_class": Misreading}
    with pytest.warns(BeakerWarning, match="cannot be decoded"):
        Browser(options).visit(lambda session: session.id, cookie=COOKIE)
    with pytest.raises(CorruptSessionError, match="no such format"):
        Browser({**options, "invalidate_corrupt": False}).visit(lambda session: session.id, cookie=COOKIE)
