"""Our fixes of sessions that their cookie keeps, one by one, for the original's `CookieSession`.

As in `corrections`, each is a patch or several, under the name of the difference.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from beaker.exceptions import BeakerException
from beaker.session import CookieSession, SessionObject, _session_id
from tests.compat.differential.patches import Patches, correction

if TYPE_CHECKING:
    from collections.abc import Callable

    Around = Callable[..., Any]

EVERY_SESSION_HAS = {"use_cookies": True, "secret": None}


def _inside(session: Any) -> dict[str, Any]:
    inside: dict[str, Any] = session.__dict__
    return inside


@correction("a cookie session has the whole API")
def _(patches: Patches) -> None:
    @patches.around(CookieSession, "__init__")
    def init(before: Around, self: Any, *args: Any, **kwargs: Any) -> None:
        _inside(self).update(EVERY_SESSION_HAS, was_invalidated=False)
        before(self, *args, **kwargs)
        inside = _inside(self)
        inside.setdefault("accessed_dict", {})
        inside.setdefault("last_accessed", self.accessed_dict.get("_accessed_time"))

    def session_id(self: Any) -> Any:
        return self.get("_id") or _inside(self)["last_id"]

    patches.attribute(CookieSession, "id", property(session_id))

    @patches.around(CookieSession, "clear")
    def clear(before: Around, self: Any) -> None:
        if "_id" in self:
            _inside(self)["last_id"] = self["_id"]
        before(self)

    @patches.around(CookieSession, "_create_cookie")
    def create_cookie(before: Around, self: Any) -> None:
        if "_id" not in self and "last_id" in _inside(self):
            self.setdefault("_creation_time", time.time())
            self["_id"] = _inside(self)["last_id"]
        before(self)

    @patches.around(CookieSession, "regenerate_id")
    def regenerate_id(_before: Around, self: Any) -> None:
        self["_id"] = _session_id()
        if _inside(self).get("is_deleted"):
            return
        unsaved = dict(self)
        stored = _inside(self).get("saved") or self.accessed_dict or self._config
        dict.clear(self)
        dict.update(self, {**stored, "_id": unsaved["_id"]})
        self._create_cookie()
        if self.accessed_dict:
            self.accessed_dict["_id"] = unsaved["_id"]
        dict.clear(self)
        dict.update(self, unsaved)


@correction("a cookie session that was only read is sent once, and only if access times are kept")
def _(patches: Patches) -> None:
    @patches.around(CookieSession, "__init__")
    def init(before: Around, self: Any, *args: Any, **kwargs: Any) -> None:
        _inside(self)["reading"] = type(self) is CookieSession
        before(self, *args, **kwargs)
        _inside(self)["reading"] = False

    @patches.around(CookieSession, "_create_cookie")
    def create_cookie(before: Around, self: Any) -> None:
        if _inside(self)["reading"]:
            self["_accessed_time"] = time.time()
        else:
            before(self)


@correction("an expired cookie session is replaced by a new one")
def _(patches: Patches) -> None:
    @patches.around(CookieSession, "__init__")
    def init(before: Around, self: Any, *args: Any, **kwargs: Any) -> None:
        _inside(self)["clears"] = 0
        before(self, *args, **kwargs)
        if _inside(self)["clears"] > 1:
            _inside(self).update(is_new=True, was_invalidated=True, last_accessed=None, accessed_dict={})
            if type(self) is CookieSession:
                self.pop("_accessed_time", None)
                self.pop("_creation_time", None)
                self._create_cookie()
        _inside(self)["clears"] = None

    @patches.around(CookieSession, "clear")
    def clear(before: Around, self: Any) -> None:
        before(self)
        if _inside(self).get("clears") is not None:
            _inside(self)["clears"] += 1
            if _inside(self)["clears"] > 1:
                self["_id"] = _session_id()


@correction("ending a cookie session takes effect at once")
def _(patches: Patches) -> None:
    @patches.around(CookieSession, "__init__")
    def init(before: Around, self: Any, *args: Any, **kwargs: Any) -> None:
        _inside(self).update(is_deleted=False, is_made=False)
        before(self, *args, **kwargs)
        _inside(self)["is_made"] = True

    @patches.around(CookieSession, "invalidate")
    def invalidate(before: Around, self: Any) -> None:
        before(self)
        if _inside(self)["is_made"]:
            _inside(self).update(is_new=True, was_invalidated=True, last_accessed=None, accessed_dict={})
            _inside(self).update(is_deleted=False)
            self._create_cookie()

    @patches.around(CookieSession, "delete")
    def delete(before: Around, self: Any) -> None:
        _inside(self)["is_deleted"] = True
        before(self)

    @patches.around(CookieSession, "_set_cookie_values")
    def set_cookie_values(before: Around, self: Any, *args: Any, **kwargs: Any) -> None:
        before(self, *args, **kwargs)
        if _inside(self)["is_deleted"]:
            self.cookie[self.key].set(self.key, "", "")

    @patches.around(CookieSession, "save")
    def save(before: Around, self: Any, accessed_only: bool = False) -> None:
        if not _inside(self)["is_deleted"]:
            before(self, accessed_only=accessed_only)


@correction("a cookie session cannot be locked or found by id")
def _(patches: Patches) -> None:
    @patches.around(SessionObject, "get_by_id")
    def get_by_id(before: Around, self: Any, session_id: str) -> Any:
        if self.__dict__["_params"].get("type") == "cookie":
            raise BeakerException("there is no store")
        return before(self, session_id)

    for name in ("lock", "unlock"):

        @patches.around(CookieSession, name)
        def refuse(_before: Around, self: Any) -> None:
            raise BeakerException("there is no store")
