"""The methods of a session: saving, ending, rotating, reverting and finding another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sessions import opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser

    Browsers = Callable[..., Browser]


def test_a_session_whose_lock_was_not_had_goes_on_without_it(
    written_in_python: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(written_in_python, "locked")
    namespace = session.namespace

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("no locks")

    with monkeypatch.context() as patch:
        patch.setattr(type(namespace), "acquire_write_lock", refuse)
        with pytest.raises(OSError, match="no locks"):
            session.lock()
    session.timeout = 60
    assert session.namespace is not namespace


def test_backend_arguments_change_for_one_session_only(backend: Backend) -> None:
    session = opened(backend, "one")
    session.namespace_args["dbm_dir"] = "elsewhere"
    assert "dbm_dir" not in opened(backend, "one").namespace_args
