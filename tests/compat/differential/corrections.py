"""Our fixes, one by one, for the original: with all of them it has to behave as ours does in everything else.

Each is a function that takes the stack on which patches are put. They are named in `differences`.
"""

from __future__ import annotations

import contextlib
import pickle
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import beaker.middleware
import beaker.session
from beaker.container import FileNamespaceManager, MemoryNamespaceManager
from beaker.exceptions import BeakerException
from beaker.session import CookieSession, Session, SessionObject
from beaker.util import warn
from tests.compat.differential.patches import CORRECTIONS, Patches, correction
from tests.compat.differential.recorders import BACKEND_LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Around = Callable[..., Any]


@contextlib.contextmanager
def corrected(names: Sequence[str]) -> Iterator[None]:
    """Corrects the original by the fixes named."""
    with contextlib.ExitStack() as stack:
        patches = Patches(stack)
        for name, correct in CORRECTIONS.items():
            if name in names:
                correct(patches)
        yield


def namespace_of(session: Any, session_id: str) -> Any:
    return session.namespace_class(
        session_id, data_dir=session.data_dir, digest_filenames=False, **session.namespace_args
    )


def is_stored(session: Any, session_id: str, noticed: bool = False) -> bool:
    """Whether the store has a record of that id; unless it is to be noticed, no backend notes that."""
    with contextlib.nullcontext() if noticed else BACKEND_LOG.off():
        namespace = namespace_of(session, session_id)
        try:
            namespace.acquire_read_lock()
        except Exception:  # what cannot be read is there
            return True
        try:
            return namespace["session"] is not None
        except (KeyError, TypeError):
            return False
        finally:
            namespace.release_read_lock()


def remove(session: Any, session_id: str) -> None:
    """Removes the record of an id as a backend would."""
    if not is_stored(session, session_id):
        return
    namespace = namespace_of(session, session_id)
    namespace.acquire_write_lock()
    try:
        del namespace["session"]
    finally:
        namespace.release_write_lock()
    namespace.do_remove()


@correction("an ended session leaves no record")
def _(patches: Patches) -> None:
    # `record` is the id under which the store has the session that the object holds.
    @patches.around(Session, "load")
    def load(before: Around, self: Any) -> None:
        self.record = self.id if is_stored(self, self.id) else None
        try:
            before(self)
        except Exception:
            self.record = None
            raise

    @patches.around(Session, "invalidate")
    def invalidate(before: Around, self: Any) -> None:
        ended, self.record, self.is_deleted = getattr(self, "record", None), None, False
        if ended is not None:
            remove(self, ended)
        before(self)

    @patches.around(Session, "delete")
    def delete(before: Around, self: Any) -> None:
        ended, self.record, self.is_deleted = getattr(self, "record", None) or self.id, None, True
        remove(self, ended)
        before(self)

    @patches.around(Session, "save")
    def save(before: Around, self: Any, accessed_only: bool = False) -> None:
        if getattr(self, "is_deleted", False) or (accessed_only and (self.is_new or not self.save_atime)):
            return
        before(self, accessed_only=accessed_only)
        replaced, self.record = getattr(self, "record", None), self.id
        if replaced not in (None, self.id):
            remove(self, replaced)


@correction("a save that began before a logout does not bring the session back")
def _(patches: Patches) -> None:
    def nested(session: Any) -> str:
        return repr({**session.accessed_dict, "_accessed_time": None})

    @patches.around(Session, "load")
    def load(before: Around, self: Any) -> None:
        before(self)
        self.nested = nested(self)

    @patches.around(Session, "save")
    def save(before: Around, self: Any, accessed_only: bool = False) -> None:
        record = getattr(self, "record", None)
        idle = accessed_only and (self.is_new or not self.save_atime)
        if idle or record is None or is_stored(self, record, noticed=record != self.id):
            before(self, accessed_only=accessed_only)
            return
        self._encrypt_data(dict(self.accessed_dict if accessed_only else self))
        if not accessed_only or record != self.id or nested(self) != self.nested:
            warn("what was changed is lost")
        if not accessed_only and self.use_cookies and self.is_new:
            self.request["set_cookie"] = True


@correction("an unknown id from a cookie is not adopted")
def _(patches: Patches) -> None:
    @patches.around(Session, "__init__")
    def init(before: Around, self: Any, request: Any, id: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: A002
        self.came_by_cookie = id is None
        before(self, request, id, *args, **kwargs)

    @patches.around(Session, "_create_id")
    def create_id(before: Around, self: Any, **kwargs: Any) -> None:
        self.came_by_cookie = False
        before(self, **kwargs)

    @patches.around(Session, "load")
    def load(before: Around, self: Any) -> None:
        before(self)
        if self.is_new and self.came_by_cookie:
            self._create_id()


@correction("a new id is stored at the end of the request, even without `save()`")
def _(patches: Patches) -> None:
    @patches.around(SessionObject, "persist")
    def persist(before: Around, self: Any) -> None:
        before(self)
        session, params = self._session(), self.__dict__["_params"]
        keeps_time = params.get("save_accessed_time", True)
        if getattr(session, "record", None) not in (None, session.id) and not (
            keeps_time or self.dirty() or params.get("auto")
        ):
            session.save_atime = True
            session.save(accessed_only=True)
            session.save_atime = False


@correction("`save()` alone saves")
def _(patches: Patches) -> None:
    @patches.around(SessionObject, "accessed")
    def accessed(before: Around, self: Any) -> Any:
        return before(self) or self.dirty()


@correction("the session in the environ is a full mapping")
def _(patches: Patches) -> None:
    for name in ("__len__", "__eq__"):

        @patches.around(SessionObject, name)
        def method(_before: Around, self: Any, *args: Any, name: str = name) -> Any:
            return getattr(self._session(), name)(*args)


@correction("a response that depends on the session says `Vary: Cookie`")
def _(patches: Patches) -> None:
    @patches.around(beaker.middleware.SessionMiddleware, "__call__")
    def call(before: Around, self: Any, environ: Any, start_response: Any) -> Any:
        def outer(status: Any, headers: Any, exc_info: Any = None) -> Any:
            if environ[self.environ_key].accessed():
                cookies = [header for header in headers if header[0] == "Set-cookie"]
                others = [header for header in headers if header[0] != "Set-cookie"]
                headers = [*_vary(others), *cookies]
            return start_response(status, headers, exc_info)

        return before(self, environ, outer)


def _vary(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    names = [at for at, (name, _) in enumerate(headers) if name.lower() == "vary"]
    fields = [field.strip().lower() for at in names for field in headers[at][1].split(",")]
    if "cookie" in fields or "*" in fields:
        return headers
    if not names:
        return [*headers, ("Vary", "Cookie")]
    name, value = headers[names[-1]]
    return [*headers[: names[-1]], (name, f"{value}, Cookie"), *headers[names[-1] + 1 :]]


@correction("the application's list of headers is not changed")
def _(patches: Patches) -> None:
    @patches.around(beaker.middleware.SessionMiddleware, "__init__")
    def init(before: Around, self: Any, app: Any, *args: Any, **kwargs: Any) -> None:
        def copying(environ: Any, start_response: Any) -> Any:
            def inner(status: Any, headers: Any, *exc_info: Any) -> Any:
                return start_response(status, list(headers), *exc_info)

            return app(environ, inner)

        before(self, copying, *args, **kwargs)


@correction("a session without a cookie accepts cookie attributes")
def _(patches: Patches) -> None:
    @patches.around(Session, "__getattr__")
    def attribute(_before: Around, self: Any, name: str) -> Any:
        if name != "cookie":
            raise AttributeError(name)
        signed = beaker.session.SignedCookie
        self.cookie = signed(self.secret) if self.secret else beaker.session.SimpleCookie()
        return self.cookie


@correction("a session that cannot be decoded raises one kind of error")
def _(patches: Patches) -> None:
    for kind, name in ((Session, "load"), (CookieSession, "__init__")):

        @patches.around(kind, name)
        def decode(before: Around, self: Any, *args: Any, **kwargs: Any) -> None:
            try:
                before(self, *args, **kwargs)
            except BeakerException:
                raise
            except Exception as error:
                raise BeakerException("cannot decode the session") from error


@correction("memory and files drop expired sessions")
def _(patches: Patches) -> None:
    ends: dict[str, float] = {}

    def empty(namespace: Any) -> None:
        if isinstance(namespace, MemoryNamespaceManager):
            namespace.dictionary.clear()
            return
        file = Path(namespace.file)
        # A file that was damaged is corrupt, and tells no expiry.
        with contextlib.suppress(Exception):
            pickle.loads(file.read_bytes())
            file.unlink()

    for manager in (MemoryNamespaceManager, FileNamespaceManager):

        @patches.around(manager, "__init__")
        def init(before: Around, self: Any, namespace: str, *args: Any, **kwargs: Any) -> None:
            before(self, namespace, *args, **kwargs)
            self.timeout = kwargs.get("timeout")
            if time.time() >= ends.get(namespace, float("inf")):
                empty(self)

        @patches.around(manager, "__setitem__")
        def set_item(before: Around, self: Any, key: str, value: Any) -> None:
            before(self, key, value)
            ends[self.namespace] = float("inf") if self.timeout is None else time.time() + self.timeout

    @patches.around(Session, "__setattr__")
    def set_attribute(before: Around, self: Any, name: str, value: Any) -> None:
        before(self, name, value)
        if name == "timeout" and hasattr(self, "namespace"):
            # One that a program sets reaches the backend in the same request.
            self.namespace.timeout = None if value is None else value + 120


@correction("`session.namespace` always belongs to the session's id")
def _(patches: Patches) -> None:
    def get(self: Any) -> Any:
        if isinstance(self, CookieSession):
            raise AttributeError("namespace")
        known = self.__dict__.get("namespace_")
        if known is None or known.namespace != self.id:
            known = self.__dict__["namespace_"] = namespace_of(self, self.id)
        return known

    def put(self: Any, namespace: Any) -> None:
        self.__dict__["namespace_"] = namespace

    patches.attribute(Session, "namespace", property(get, put))


@correction("an attribute that is set to nothing disappears from the cookie")
def _(patches: Patches) -> None:
    @patches.around(Session, "__setattr__")
    def set_attribute(before: Around, self: Any, name: str, value: Any) -> None:
        if name in ("domain", "secure", "httponly", "samesite") and not value:
            cookie = self.__dict__.get("cookie", {})
            if self.__dict__.get("key") in cookie:
                cookie[self.key][name] = ""
        before(self, name, value)


@correction("the end of a request does not undo an explicit save")
def _(patches: Patches) -> None:
    @patches.around(Session, "load")
    def load(before: Around, self: Any) -> None:
        self.saved = None
        before(self)

    @patches.around(Session, "save")
    def save(before: Around, self: Any, accessed_only: bool = False) -> None:
        saved = self.__dict__.get("saved")
        if not accessed_only:
            before(self)
            self.saved, self.saved_text = dict(self), repr(dict(self))
            return
        rotated = getattr(self, "record", None) not in (None, self.id)
        if saved is None:
            before(self, accessed_only=True)
        elif rotated or (repr(saved) != self.saved_text and self.save_atime and not self.is_new):
            kept = self.accessed_dict, self.is_new, self.save_atime
            self.accessed_dict, self.is_new, self.save_atime = saved, False, True
            before(self, accessed_only=True)
            self.accessed_dict, self.is_new, self.save_atime = kept
            if self.use_cookies and self.is_new:
                self.request["set_cookie"] = True


@correction("a timeout needs access times, also when it is set later")
def _(patches: Patches) -> None:
    @patches.around(Session, "__setattr__")
    def set_attribute(before: Around, self: Any, name: str, value: Any) -> None:
        if name == "timeout" and value is not None and not self.__dict__.get("save_atime", True):
            raise BeakerException("timeout requires save_accessed_time")
        before(self, name, value)
