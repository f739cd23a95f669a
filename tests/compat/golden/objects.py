"""Places that options name by objects of the program, under whichever Beaker is installed."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_made: dict[tuple[str, str], dict[str, Any]] = {}


def table_of(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `ext:sqla`, with an engine and a table of the program's for their address."""
    import sqlalchemy

    from beaker.ext.sqla import SqlaNamespaceManager, make_cache_table

    url, name = options["url"], options["table_name"]
    if (url, name) not in _made:
        # The original has its own import of SQLAlchemy only once this is called.
        SqlaNamespaceManager._init_dependencies()
        engine = sqlalchemy.create_engine(url)
        table = make_cache_table(sqlalchemy.MetaData(), name)
        table.create(engine, checkfirst=True)
        _made[url, name] = {"bind": engine, "table": table}
    rest = {name: value for name, value in options.items() if name not in {"url", "table_name"}}
    return {**rest, **_made[url, name]}


@contextlib.contextmanager
def documents_in(folder: str) -> Iterator[Any]:
    """A double of MongoDB's client. Its documents are in a file of the folder before and after."""
    import mongomock

    client: Any = mongomock.MongoClient("mongodb://localhost/beaker")
    collection = client.get_default_database().backer_cache
    file = Path(folder) / "documents.json"
    for document in json.loads(file.read_text()) if file.exists() else ():
        collection.insert_one({**document, "value": base64.b64decode(document["value"])})
    yield client
    left = [{**each, "value": base64.b64encode(each["value"]).decode()} for each in collection.find({})]
    file.write_text(json.dumps(left))


@contextlib.contextmanager
def with_objects(options: dict[str, Any], folder: str) -> Iterator[dict[str, Any]]:
    """The options of a place, with the objects that it needs."""
    if options.get("type") == "ext:sqla":
        yield table_of(options)
    elif options.get("type") == "ext:mongodb":
        with documents_in(folder) as client:
            yield {**options, "url": client}
    else:
        yield options
