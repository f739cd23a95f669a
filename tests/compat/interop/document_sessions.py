"""Sessions in documents, under whichever Beaker is installed, by a double of MongoDB's client."""

from __future__ import annotations

import base64
from typing import Any

from beaker.session import Session

Documents = list[dict[str, Any]]


def play(
    documents: Documents, session_id: str, values: dict[str, Any], options: dict[str, Any]
) -> tuple[dict[str, Any], Documents]:
    """Opens the session that the documents have, and adds values. Returns what it had, and the documents."""
    import mongomock

    client: Any = mongomock.MongoClient("mongodb://localhost/beaker")
    collection = client.get_default_database().backer_cache
    for document in documents:
        collection.insert_one({**document, "value": base64.b64decode(document["value"])})
    session = Session({}, id=session_id, use_cookies=False, type="ext:mongodb", url=client, **options)
    found = {key: session[key] for key in session if not key.startswith("_")}
    if values:
        session.update(values)
        session.save()
    left = [
        {**document, "value": base64.b64encode(document["value"]).decode()}
        for document in collection.find({})
    ]
    return found, left
