"""Sessions in documents, by a double of MongoDB's client that keeps them in memory."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import mongomock

from tests.support.sessions import Backend


@dataclass
class DocumentBackend(Backend):
    """A place in the collection of Beaker."""

    @property
    def collection(self) -> Any:
        """The collection."""
        return self.options["url"].get_default_database().backer_cache

    def texts(self) -> dict[str, str]:
        """The stored texts, by id."""
        documents = self.collection.find({"_id": {"$regex": ":session$"}})
        return {
            document["_id"].removesuffix(":session"): pickle.loads(document["value"])
            for document in documents
        }

    def plant(self, session_id: str, text: str) -> None:
        """Stores a text behind the library's back, as another process would."""
        self.plant_data(session_id, pickle.dumps(text))

    def plant_data(self, session_id: str, data: bytes) -> None:
        """Stores anything in the document of an id."""
        document = {"value": data, "expiration": None}
        self.collection.update_one({"_id": f"{session_id}:session"}, {"$set": document}, upsert=True)


def in_documents() -> DocumentBackend:
    """Sessions in an empty collection."""
    client: Any = mongomock.MongoClient("mongodb://localhost/beaker")
    return DocumentBackend("mongodb", {"type": "ext:mongodb", "url": client})
