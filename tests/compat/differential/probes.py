"""Small experiments, for differences that no random scenario meets: each gives what happened, as JSON."""

from __future__ import annotations

import importlib
import os
import stat
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from beaker import crypto
from beaker.container import MemoryNamespaceManager, NamespaceManager
from beaker.exceptions import BeakerWarning
from beaker.middleware import SessionMiddleware
from beaker.session import CookieSession, Session, SessionObject
from tests.compat.differential.cookie_probes import injected_attribute, of_joined_fields
from tests.compat.differential.values import given

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["injected_attribute", "of_joined_fields"]

VALIDATE_KEY = "a key that validates, of a fair length too"


def _outcome(action: Callable[[], Any]) -> list[Any]:
    """Whether it worked, and how many of our warnings there were."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            action()
            worked = True
        except Exception:  # told
            worked = False
    return [worked, sum(issubclass(warning.category, BeakerWarning) for warning in caught)]


def configured(options: dict[str, Any]) -> list[Any]:
    """Whether a middleware takes the options, and its warnings."""
    config = {f"session.{name}": given(value) for name, value in options.items()}
    return _outcome(lambda: SessionMiddleware(lambda *_: [], config))


def without_cookies() -> list[Any]:
    """Whether a request can use its session where there are no cookies."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        environ["beaker.session"]["a"] = 1
        start_response("200 OK", [])
        return []

    wsgi_app = SessionMiddleware(application, use_cookies=False)
    return _outcome(lambda: wsgi_app({}, lambda *_: None))


def put_late() -> list[Any]:
    """Whether a session can be changed when the headers have gone."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        environ["beaker.session"]["a"] = 1
        return []

    wsgi_app = SessionMiddleware(application)
    return _outcome(lambda: wsgi_app({}, lambda *_: None))


def put_after_delete() -> list[Any]:
    """Whether something can be put into a session that was deleted."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session.delete()
        session["a"] = 1
        session.save()
        start_response("200 OK", [])
        return []

    wsgi_app = SessionMiddleware(application)
    return _outcome(lambda: wsgi_app({}, lambda *_: None))


def bare_keywords() -> str:
    """The value that a middleware makes of an ini string that is passed by keyword."""
    return repr(SessionMiddleware(lambda *_: [], timeout="300").options["timeout"])


def placed(name: str, value: str) -> bool:
    """Whether a session takes such a domain or path."""
    session = SessionObject({})
    return bool(_outcome(lambda: setattr(session, name, value))[0])


def modes() -> list[str]:
    """The modes of a session's file and of its folder, with the usual umask."""
    umask = os.umask(0o022)
    try:
        with tempfile.TemporaryDirectory() as folder:
            Session({}, id="a", use_cookies=False, type="file", data_dir=folder).save()
            [record] = Path(folder).glob("container_file/**/*.cache")
            return [oct(stat.S_IMODE(path.stat().st_mode)) for path in (record, record.parent)]
    finally:
        os.umask(umask)


def told_of_an_open_folder() -> bool:
    """Whether a folder to which every user may write is warned of."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Path(folder).chmod(0o777)
        SessionMiddleware(lambda _environ, _start: [], type="file", data_dir=folder)
    return any(issubclass(warning.category, BeakerWarning) for warning in told)


def left_by_a_stranger() -> int:
    """The number of files after a request with a made-up id."""
    with tempfile.TemporaryDirectory() as folder:
        session = SessionObject(
            {"HTTP_COOKIE": "beaker.session.id=" + "f" * 32}, type="file", data_dir=folder
        )
        session.get("a")
        return sum(path.is_file() for path in Path(folder).rglob("*"))


def without_a_folder() -> list[Any]:
    """Whether file sessions can be had without a `data_dir`."""
    with (
        tempfile.TemporaryDirectory() as temporary,
        mock.patch.dict(os.environ, TMPDIR=temporary),
        mock.patch.object(tempfile, "tempdir", None),
    ):
        return _outcome(lambda: SessionObject({}, type="file")._session().save())


def never_in_tokyo() -> str:
    """The expiry of a cookie that never expires, on a machine in Japan."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    try:
        session = SessionObject({}, cookie_expires=False)
        session.save()
        session.persist()
        header: str = session._session().request["cookie_out"]
        return header.partition("expires=")[2].partition(";")[0]
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def unreadable() -> str:
    """The result of a request whose session file cannot be read, because a folder has its name."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options: dict[str, Any] = {"type": "file", "data_dir": folder, "invalidate_corrupt": True}
        first = Session({}, **options)
        first.save()
        [record] = Path(folder).glob("container_file/**/*.cache")
        record.unlink()
        record.mkdir()
        session = SessionObject({"HTTP_COOKIE": f"beaker.session.id={first.id}"}, **options)
        try:
            return "a new session" if session.is_new else "the session"
        except Exception:  # told
            return "an exception"


def pickled_json(marker: str) -> bool:
    """Whether a pickle that is no session runs when the sessions are JSON."""
    import pickle

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (Path(marker),))

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options: dict[str, Any] = {"type": "file", "data_dir": folder, "data_serializer": "json"}
        first = Session({}, **options)
        first.save()
        [record] = Path(folder).glob("container_file/**/*.cache")
        record.write_bytes(pickle.dumps({"session": Trap()}))
        session = SessionObject(
            {"HTTP_COOKIE": f"beaker.session.id={first.id}"}, invalidate_corrupt=True, **options
        )
        _outcome(lambda: session.get("a"))
        ran = Path(marker).exists()
        Path(marker).unlink(missing_ok=True)
        return ran


def seconds() -> bool:
    """Whether a session takes the number of seconds that its cookie lives."""
    return bool(_outcome(lambda: SessionObject({}, cookie_expires=300)._session())[0])


def dots() -> bool:
    """Whether a session is found under an id that differs from its own by a dot."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"use_cookies": False, "type": "file", "data_dir": folder}
        Session({}, id="user.1", **options).save()
        return not Session({}, id="user1", **options).is_new


def changed_by_two() -> list[str]:
    """The session after two concurrent requests that change different keys."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"type": "file", "data_dir": folder}
        first = Session({}, **options)
        first.save()
        environ = {"HTTP_COOKIE": f"beaker.session.id={first.id}"}
        requests = [SessionObject(environ, **options) for _ in range(2)]
        for name, session in zip("ab", requests, strict=True):
            session[name] = 1
        for session in requests:
            session.save()
            session.persist()
        return sorted(name for name in SessionObject(environ, **options) if name in "ab")


def rotated_by_two() -> int:
    """The number of sessions after two concurrent requests that rotate one session."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"type": "file", "data_dir": folder, "use_cookies": False}
        first = Session({}, **options)
        first.save()
        requests = [Session({}, id=first.id, **options) for _ in range(2)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for session in requests:
                session.regenerate_id()
                session.save()
        return len(list(Path(folder).glob("container_file/*/*/*.cache")))


def locked_and_loaded() -> bool:
    """Whether a locked session can be loaded."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session({}, type="file", data_dir=folder, use_cookies=False)
        session.save()
        session.lock()
        return bool(_outcome(session.load)[0])


def changed_while_read() -> list[str]:
    """The session after a request that changes it and an earlier one that only reads it."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"type": "file", "data_dir": folder}
        first = Session({}, **options)
        first.save()
        environ = {"HTTP_COOKIE": f"beaker.session.id={first.id}"}
        reading, writing = SessionObject(environ, **options), SessionObject(environ, **options)
        reading.get("a")
        writing["cart"] = 1
        writing.save()
        writing.persist()
        reading.persist()
        return [name for name in SessionObject(environ, **options) if name == "cart"]


def largest_cookie(name: str) -> bool:
    """Whether a cookie is sent that browsers do not keep: more than 4096 bytes of name and value."""
    for characters in range(2700, 3100):
        session = CookieSession({}, key=name, validate_key=VALIDATE_KEY)
        session["text"] = "x" * characters
        if not _outcome(session.save)[0]:
            break
        header = session.request["cookie_out"].strip().partition(";")[0]
    return len(header) - len("=") > 4096


def written_by_hand() -> bool:
    """Whether a session is found in a cookie that the program wrote by `_update_cookie_out`."""
    session = CookieSession({}, validate_key=VALIDATE_KEY)
    session["name"] = "Ada"
    session.save()
    session._update_cookie_out()
    header = session.request["cookie_out"].strip().partition(";")[0]
    try:
        return bool(CookieSession({"cookie": header}, validate_key=VALIDATE_KEY)["name"])
    except Exception:  # told
        return False


def invalidated_elsewhere() -> bool:
    """Whether a session that had a path of its own is ended by a cookie that stands beside it."""
    session = CookieSession({}, validate_key=VALIDATE_KEY)
    session.path = "/app"
    session.save()
    header = session.request["cookie_out"].strip().partition(";")[0]
    ended = CookieSession({"cookie": header}, validate_key=VALIDATE_KEY)
    ended.invalidate()
    ended.save()
    return "Path=/app" not in ended.request["cookie_out"]


def signs_alike(secret: str, other: str) -> bool:
    """Whether two secrets sign an id alike."""
    headers = []
    for key in (secret, other):
        session = Session({}, secret=key)
        session.id = "0" * 32
        session._update_cookie_out()
        headers.append(session.request["cookie_out"])
    return bool(headers[0] == headers[1])


def encrypts(module: str, length: int) -> bool:
    """Whether a module for encryption takes data and a key of so many bytes."""
    return bool(_outcome(lambda: importlib.import_module(module).aesEncrypt(b"data", bytes(length)))[0])


def old_file_after_saves(folder: str) -> bool:
    """Whether the file of a session that is long over is there, after three seconds of saving another one."""
    own = tempfile.mkdtemp(dir=folder)
    kept: dict[str, Any] = {"use_cookies": False, "type": "file", "data_dir": own, "timeout": 60}
    with mock.patch("time.time", return_value=0.0):
        over = Session({}, **kept)
        over.save()
    path = Path(over.namespace.file)
    os.utime(path, (0, 0))
    another = Session({}, **kept, sweep_interval=1)
    begun = time.monotonic()
    while path.exists() and time.monotonic() - begun < 3:
        another.save()
        time.sleep(0.02)
    return path.exists()


def sessions_in_memory(options: dict[str, Any], count: int) -> int:
    """The number of sessions in memory after that many were saved."""
    MemoryNamespaceManager.namespaces.clear()
    sessions = [Session({}, use_cookies=False, type="memory", **options) for _ in range(count)]
    for session in sessions:
        session.save()
    kept = sum(session.id in MemoryNamespaceManager.namespaces for session in sessions)
    MemoryNamespaceManager.namespaces.clear()
    return kept


def places_of_an_unknown_id() -> int:
    """In how many namespaces of a backend an id is looked for that it has not."""
    asked: set[str] = set()

    class Asked(NamespaceManager):
        def __init__(self, namespace: str, **_arguments: Any) -> None:
            super().__init__(namespace)

        def __getitem__(self, key: str) -> Any:
            asked.add(self.namespace)
            raise KeyError(key)

    Session({}, id="f" * 32, use_cookies=False, namespace_class=Asked)
    return len(asked)


def stored_under(session_id: str) -> bool:
    """Whether a session is stored under an id that a program chooses."""
    session = Session({}, id=session_id, use_cookies=False, type="memory")
    return bool(_outcome(session.save)[0])


def encrypts_through(name: str) -> bool:
    """Whether a session is encrypted by the module that an application registered under the name."""
    module = mock.Mock(has_aes=True)
    module.getKeyLength.return_value = 32
    module.aesEncrypt.side_effect = lambda data, _key: data
    key = "a key of a fair length, as keys should be"
    with mock.patch.dict(crypto.CRYPTO_MODULES):
        crypto.register_crypto_module(name, module)
        session: Any = Session({}, type="memory", encrypt_key=key, validate_key=key)
        session._encrypt_data({})
    return bool(module.aesEncrypt.called)
