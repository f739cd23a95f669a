"""Every name that applications import from Beaker's modules exists in ours."""

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from paste.registry import RegistryManager

import beaker
from beaker import exceptions, middleware, session

# Beaker's own imports of the standard library and between its modules, which nobody has
# reason to import from there.
NOT_OURS = {
    "beaker.cookie": {"http_cookies"},
    "beaker.container": {"debug", "file_synchronizer", "logger", "mutex_synchronizer", "null_synchronizer"}
    | {"NameLock", "anydbm"},
    "beaker.cache": {"BeakerException", "InvalidCacheBackendError", "StringIO", "bindfuncargs", "chain"}
    | {"func_signature", "sha1", "wraps"},
    "beaker.session": {
        "CookieSession",
        "DEFAULT_NONCE_BITS",
        "HMAC",
        "SHA1",
        "b64decode",
        "b64encode",
        "clsmap",
    }
    | {"get_crypto_module", "get_nonce_size", "sha1", "datetime", "timedelta", "timezone"}
    | {"BeakerException", "InvalidCryptoBackendError"},
    "beaker.util": {"datetime", "func_signature", "sha1", "timedelta"},
    "beaker.synchronization": {"LockError", "has_flock"},
    "beaker.crypto": {"keyLength", "InvalidCryptoBackendError"},
    "beaker.crypto.pbkdf2": {"bytes_"},
    "beaker.crypto.pycrypto": {"AES", "Counter"},
    "beaker.crypto.pyca_cryptography": {"Cipher", "algorithms", "default_backend", "modes"},
    "beaker._compat": {"signature"},
}
MODULES = [
    "beaker",
    "beaker._compat",
    "beaker.cache",
    "beaker.container",
    "beaker.converters",
    "beaker.cookie",
    "beaker.crypto",
    "beaker.crypto.noencryption",
    "beaker.crypto.pbkdf2",
    "beaker.crypto.pyca_cryptography",
    "beaker.crypto.pycrypto",
    "beaker.crypto.util",
    "beaker.exceptions",
    "beaker.middleware",
    "beaker.session",
    "beaker.synchronization",
    "beaker.util",
]
LISTS = """
import importlib, json, sys, types
module = importlib.import_module(sys.argv[1])
print(json.dumps([name for name, value in vars(module).items()
                  if not name.startswith('_') and not isinstance(value, types.ModuleType)]))
"""


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_the_names_that_beakers_has(name: str, in_beaker: Callable[..., str]) -> None:
    ours = importlib.import_module(name)
    missing = set(json.loads(in_beaker(LISTS, name))) - set(dir(ours))
    assert missing - NOT_OURS.get(name, set()) == set()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_means_to_offer(name: str) -> None:
    module = importlib.import_module(name)
    for offered in module.__all__:
        assert hasattr(module, offered), offered


def test_exceptions_are_of_the_kinds_that_beakers_are(in_beaker: Callable[..., str]) -> None:
    program = """
import json
from beaker import exceptions as e
print(json.dumps({k: [c.__name__ for c in v.__mro__] for k, v in vars(e).items() if isinstance(v, type)}))
"""
    for name, bases in json.loads(in_beaker(program)).items():
        # What catches Beaker's catches ours, which may be of a narrower kind of our own besides.
        assert set(bases) <= {kind.__name__ for kind in getattr(exceptions, name).__mro__}


def test_our_own_exceptions_are_beakers_too() -> None:
    for kind in (
        exceptions.ConfigurationError,
        exceptions.CorruptSessionError,
        exceptions.StoreUnavailableError,
    ):
        assert issubclass(kind, exceptions.BeakerException)
    assert issubclass(exceptions.ConfigurationError, ValueError)


def test_the_package_knows_its_version() -> None:
    assert beaker.__version__.split(".")[0].isdigit()


def test_ids_are_random_hex() -> None:
    first, second = session._session_id(), session._session_id()
    assert first != second
    assert len(first) == 32
    int(first, 16)


def test_paste_factories_make_the_middleware() -> None:
    def app(environ: dict[str, object], start_response: object) -> list[bytes]:
        return [b"body"]

    by_filter = middleware.session_filter_factory({"debug": "true"}, **{"session.key": "k"})(app)
    by_app = middleware.session_filter_app_factory(app, {}, **{"session.key": "k"})
    for made in (by_filter, by_app):
        assert isinstance(made, middleware.SessionMiddleware)
        assert made.app is app
        assert made.wrap_app is app
    assert middleware.SessionMiddleware.session is middleware.beaker_session


def test_a_proxy_of_paste_is_there_when_paste_is() -> None:
    seen: list[object] = []

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        registry = environ["paste.registry"]
        registry.register(middleware.beaker_session, environ["beaker.session"])
        middleware.beaker_session["user"] = "Ada"
        middleware.beaker_session.save()
        seen.append(environ["beaker.session"]["user"])
        start_response("200 OK", [])
        return []

    wrapped = middleware.SessionMiddleware(RegistryManager(app), type="memory")
    list(wrapped({"REQUEST_METHOD": "GET"}, lambda *_: None))
    assert seen == ["Ada"]
    # Outside a request there is no session.
    with pytest.raises(TypeError, match="Beaker Session"):
        middleware.beaker_session["user"]
