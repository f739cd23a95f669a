"""A store in trouble: nothing is lost without a word, and what can be served is served."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, StoreUnavailableError
from tests.support.sessions import Browser, unprivileged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an unprivileged process reaches and owns."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o777)
        yield path


def break_writes(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> type[BaseException]:
    """From now on the backend stores nothing."""

    def refuse(*_args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backend.options["namespace_class"], "__setitem__", refuse)
    return OSError


def test_a_failed_save_raises_before_the_headers(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file in the place of the folder")
    visitor = Browser(type="file", data_dir=str(tmp_path / "sessions"))
    with pytest.raises(StoreUnavailableError) as caught:
        visitor.put(name="Ada")
    assert isinstance(caught.value, BeakerException)
    assert visitor._visit.status == ""


def test_a_failed_write_raises_before_the_headers(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Browser(written_in_python.options)
    cause = break_writes(written_in_python, monkeypatch)
    with pytest.raises(StoreUnavailableError) as caught:
        visitor.put(name="Ada")
    assert isinstance(caught.value.__cause__, cause)
    assert visitor._visit.status == ""


def test_the_record_stays_as_it_was_when_a_save_fails(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Browser(written_in_python.options)
    visitor.put(name="Ada")
    with monkeypatch.context() as patch:
        break_writes(written_in_python, patch)
        with pytest.raises(StoreUnavailableError):
            visitor.put(name="Grace")
    assert visitor.read() == {"name": "Ada"}


def test_a_read_succeeds_when_the_access_time_cannot_be_stored(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Browser(written_in_python.options)
    visitor.put(name="Ada")
    break_writes(written_in_python, monkeypatch)
    with caplog.at_level(logging.WARNING, "beaker"):
        assert visitor.read() == {"name": "Ada"}
    (record,) = caplog.records
    assert record.name.startswith("beaker")
    assert record.levelno == logging.WARNING
    assert visitor.id not in record.getMessage()


def test_a_read_succeeds_on_a_read_only_disk(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with unprivileged():
        visitor = Browser(type="file", data_dir=str(folder / "sessions"))
        visitor.put(name="Ada")
        for file in (folder / "sessions").rglob("*"):
            file.chmod(0o500 if file.is_dir() else 0o400)
        with caplog.at_level(logging.WARNING, "beaker"):
            visit = visitor.visit(lambda session: session["name"])
        for file in [folder / "sessions", *(folder / "sessions").rglob("*")]:
            file.chmod(0o700)
    assert visit.result == "Ada"
    assert visit.status == "200 OK"
    (record,) = caplog.records
    assert visitor.id not in record.getMessage()
    assert str(folder) not in record.getMessage() or visitor.id not in str(record.__dict__)


def test_a_change_in_place_that_cannot_be_stored_is_an_exception(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Browser(written_in_python.options)
    visitor.put(cart=["apple"])
    break_writes(written_in_python, monkeypatch)
    with pytest.raises(StoreUnavailableError):
        visitor.visit(lambda session: session["cart"].append("pear"))


def test_a_store_that_cannot_be_read_is_an_exception_and_no_logout(
    browser: Browsers, written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Browser(written_in_python.options, {"invalidate_corrupt": True})
    visitor.put(name="Ada")

    def refuse(*_args: Any) -> None:
        raise ConnectionError("the server has gone away")

    with monkeypatch.context() as patch:
        patch.setattr(written_in_python.options["namespace_class"], "__getitem__", refuse)
        with pytest.raises(StoreUnavailableError):
            visitor.read()
    assert visitor.read() == {"name": "Ada"}


def test_an_unstorable_value_raises_before_the_headers(browser: Browsers) -> None:
    visitor = browser()
    visitor.put(name="Ada")
    with pytest.raises(Exception, match=r"(?i)pickle|local object"):
        visitor.put(name=lambda: None)
    assert visitor._visit.status == ""
    assert visitor.read() == {"name": "Ada"}


def test_a_value_that_json_cannot_hold_is_a_type_error(browser: Browsers) -> None:
    visitor = browser(data_serializer="json")
    with pytest.raises(TypeError, match="JSON"):
        visitor.put(name={1, 2})
