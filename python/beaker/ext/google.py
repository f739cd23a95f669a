"""The place where Beaker has a backend for the datastore of Google App Engine.

Beaker's backend needs ``google.appengine.ext.db``, a library of the first generation of App Engine, which ran
Python 2 only and has ended. So it works in no Python that this package supports.
"""

from typing import NoReturn

from beaker.exceptions import InvalidCacheBackendError

__all__: list[str] = []


def __getattr__(name: str) -> NoReturn:
    if name not in {"GoogleContainer", "GoogleNamespaceManager"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise InvalidCacheBackendError(
        "ext:google is gone: it needs google.appengine.ext.db, which exists for Python 2 only; "
        "use another store, such as ext:redis with Memorystore or ext:database with Cloud SQL"
    )
