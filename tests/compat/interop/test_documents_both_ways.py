"""Ours and the original read and change each other's sessions in documents of MongoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.compat.interop import document_sessions
from tests.support.sessions import ID

if TYPE_CHECKING:
    from tests.compat.interop.original import Original

VALUES = {"name": "Ada Lovelace", "cart": [1, 2.5, None, True, {"süß": "☕"}], "long": "x" * 20_000}


@pytest.fixture(params=["pickle", "json"])
def options(request: pytest.FixtureRequest, secrecy: dict[str, Any]) -> dict[str, Any]:
    """Each way to serialize, with encryption and without."""
    return {**secrecy, "data_serializer": request.param}


def test_each_reads_and_changes_what_the_other_wrote(gcm: Original, options: dict[str, Any]) -> None:
    _, documents = document_sessions.play([], ID, VALUES, options)
    found, documents = gcm.call(document_sessions.play, documents, ID, {"name": "Grace"}, options)
    assert found == VALUES
    found, documents = document_sessions.play(documents, ID, {"name": "Ada"}, options)
    assert found == {**VALUES, "name": "Grace"}
    found, _ = gcm.call(document_sessions.play, documents, ID, {}, options)
    assert found == {**VALUES, "name": "Ada"}
    assert [document["_id"] for document in documents] == [f"{ID}:session"]


def test_a_session_of_the_original_is_found(gcm: Original, options: dict[str, Any]) -> None:
    _, documents = gcm.call(document_sessions.play, [], ID, VALUES, options)
    assert document_sessions.play(documents, ID, {}, options)[0] == VALUES
