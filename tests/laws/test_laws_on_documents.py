"""The published laws on documents of MongoDB, by a double of its client."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import mongomock
import pymongo.errors
import pytest

from beaker.testing import Backend, StoreLaws
from tests.support.documents import in_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = ("find", "find_one", "find_one_and_update", "update_one", "insert_one", "delete_one", "delete_many")


class InDocuments(Backend):
    def __init__(self) -> None:
        documents = in_documents()
        super().__init__(documents.options)
        self.collection = documents.collection

    def names(self) -> list[str]:
        return [document["_id"] for document in self.collection.find({})]

    def lifetime(self, session_id: str) -> float | None:
        end = self.collection.find_one({"_id": f"{session_id}:session"})["expiration"]
        return None if end is None else end - time.time()

    @contextmanager
    def down(self) -> Iterator[None]:
        def refuse(*_arguments: Any, **_options: Any) -> Any:
            raise pymongo.errors.ServerSelectionTimeoutError("no server is there")

        with pytest.MonkeyPatch.context() as patches:
            for call in CALLS:
                patches.setattr(mongomock.Collection, call, refuse)
            yield


class TestDocuments(StoreLaws):
    lacks = frozenset({"processes", "pickle", "locks", "sweep"})

    @pytest.fixture
    def backend(self) -> Backend:
        return InDocuments()
