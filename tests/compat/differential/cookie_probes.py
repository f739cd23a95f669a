"""The experiments of `probes` that concern what is read from and written to headers of cookies."""

from __future__ import annotations

from typing import Any

from beaker.container import MemoryNamespaceManager
from beaker.session import Session


def of_joined_fields(header: str) -> Any:
    """The content of a session whose cookie stands in a header in the place of braces."""
    MemoryNamespaceManager.namespaces.clear()
    stored = Session({}, type="memory")
    stored["name"] = "Ada"
    stored.save()
    cookie = header.replace("{}", f"{stored.key}={stored.id}")
    return Session({"cookie": cookie}, type="memory").get("name")


def injected_attribute(path: str) -> str:
    """Whether a path goes from a program's Morsel into the header as it is."""

    class Own(Session):
        def _set_cookie_values(self, expires: Any = None) -> None:
            super()._set_cookie_values(expires)
            self.cookie[self.key]["path"] = path

    try:
        session = Own({}, type="memory")
        session._update_cookie_out()
    except Exception:  # told
        return "refused"
    return "sent" if path in session.request["cookie_out"] else "changed"
