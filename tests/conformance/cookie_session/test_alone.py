"""Sessions in cookies without the middleware: the class by itself, and the proxies of other frameworks."""

from __future__ import annotations

from typing import Any

import pytest

from beaker.exceptions import BeakerException
from beaker.session import CookieSession, SessionObject
from tests.conformance.cookie_session.plain import content_of, made
from tests.support.sessions import COOKIE, KEY, UNKNOWN_ID, VALIDATE_KEY


def opened(header: str | None = None, **options: Any) -> Any:
    request: dict[str, Any] = {} if header is None else {"cookie": header}
    return CookieSession(request, **{"validate_key": VALIDATE_KEY, **options})


def sent(session: Any) -> str:
    """The cookie that the session sends, as a browser sends it back."""
    assert session.request["set_cookie"] is True
    return str(session.request["cookie_out"]).partition(";")[0].strip()


def test_a_session_needs_only_a_request_and_a_validate_key() -> None:
    session = opened()
    assert (session.is_new, session.key, session.path, session.domain) == (True, KEY, "/", None)
    assert session.request["set_cookie"] is False
    with pytest.raises(BeakerException, match="validate_key"):
        CookieSession({})
    with pytest.raises(TypeError):
        CookieSession()


def test_the_constructor_takes_its_options_by_place_too() -> None:
    make: Any = CookieSession
    session = make({}, "sid", 300, True, True, "example.org", "/app", None, VALIDATE_KEY, True, True)
    assert (session.key, session.timeout, session.domain, session.path) == ("sid", 300, "example.org", "/app")
    assert (session.secure, session.httponly, session.validate_key) == (True, True, VALIDATE_KEY)
    with pytest.raises(TypeError):
        make({}, "sid", key="sid")


def test_attributes_show_the_options_of_a_session_without_any() -> None:
    session = opened()
    assert {
        "timeout": session.timeout,
        "secure": session.secure,
        "httponly": session.httponly,
        "samesite": session.samesite,
        "cookie_expires": session.cookie_expires,
        "encrypt_key": session.encrypt_key,
        "validate_key": session.validate_key,
        "save_atime": session.save_atime,
        "invalidate_corrupt": session.invalidate_corrupt,
        "data_serializer": session.data_serializer,
        "encrypt_nonce_size": session.encrypt_nonce_size,
    } == {
        "timeout": None,
        "secure": False,
        "httponly": False,
        "samesite": "Lax",
        "cookie_expires": True,
        "encrypt_key": None,
        "validate_key": VALIDATE_KEY,
        "save_atime": True,
        "invalidate_corrupt": False,
        "data_serializer": "pickle",
        "encrypt_nonce_size": (16, 24),
    }
    assert session.serializer.loads(session.serializer.dumps({"a": 1})) == {"a": 1}


def test_save_writes_the_cookie_into_the_request_at_once() -> None:
    session = opened()
    session["name"] = "Ada"
    session.save()
    assert session.request["cookie_out"].startswith(f" {KEY}=")
    assert session.request["cookie_out"].endswith("; Path=/; SameSite=Lax")
    assert content_of(sent(session))["name"] == "Ada"
    again = opened(sent(session))
    assert (again["name"], again.is_new, again.id) == ("Ada", False, session.id)


def test_loading_alone_sends_nothing_and_saving_the_access_does() -> None:
    session = opened(made(name="Ada"))
    assert session["name"] == "Ada"
    assert session.id == UNKNOWN_ID
    assert session.request["set_cookie"] is False
    session.save(accessed_only=True)
    assert opened(sent(session))["name"] == "Ada"


def test_saving_the_access_of_a_new_session_sends_nothing() -> None:
    session = opened()
    session["name"] = "Ada"
    session.save(accessed_only=True)
    assert session.request["set_cookie"] is False
    assert session["name"] == "Ada"


def test_a_corrupt_cookie_is_an_exception_unless_it_is_to_be_replaced() -> None:
    with pytest.raises(BeakerException, match=r"^Invalid signature$"):
        opened(f"{KEY}=bad")
    with pytest.warns(Warning, match="Invalid signature"):
        assert opened(f"{KEY}=bad", invalidate_corrupt=True).is_new


def test_a_cookie_session_ignores_options_of_stored_sessions() -> None:
    session = opened(type="cookie", use_cookies=True, data_dir="/nowhere", lock_dir="/nowhere", auto=True)
    session.save()
    assert not opened(sent(session)).is_new


def test_a_request_without_cookies_may_say_none() -> None:
    request: dict[str, Any] = {"cookie": None}
    assert CookieSession(request, validate_key=VALIDATE_KEY).is_new


def test_the_id_is_part_of_the_data() -> None:
    session = opened()
    assert session["_id"] == session.id
    session["_id"] = UNKNOWN_ID
    assert session.id == UNKNOWN_ID
    session.save()
    assert opened(sent(session)).id == UNKNOWN_ID


def test_an_attribute_changes_an_option_for_one_session() -> None:
    session = opened()
    session.secure = True
    session.httponly = True
    session.samesite = "Strict"
    session.key = "other"
    session.save()
    assert session.request["cookie_out"].startswith(" other=")
    assert session.request["cookie_out"].endswith("; HttpOnly; Path=/; SameSite=Strict; Secure")


def test_the_text_of_a_session_is_made_and_read_by_its_methods() -> None:
    session = opened(encrypt_key="an encryption key of the tests, of some length")
    session["name"] = "Ada"
    text = session._encrypt_data()
    assert isinstance(text, str)
    assert session._decrypt_data(text)["name"] == "Ada"
    assert session._decrypt_data(session._encrypt_data({"other": 1})) == {"other": 1}


def test_an_adapter_reads_the_cookie_from_the_fields_of_the_proxy() -> None:
    proxy: Any = SessionObject({}, **COOKIE)
    assert not proxy.accessed()
    proxy["name"] = "Ada"
    headers = proxy.__dict__["_headers"]
    assert (headers["cookie_out"], headers["set_cookie"]) == (None, False)
    proxy.save()
    proxy.persist()
    assert headers["set_cookie"] is True
    header = headers["cookie_out"].partition(";")[0].strip()
    again: Any = SessionObject({"HTTP_COOKIE": header}, **COOKIE)
    assert again["name"] == "Ada"
    assert type(again._session()) is CookieSession
    assert again.__dict__["_headers"]["cookie"] == header
    again.persist()
    assert again.__dict__["_headers"]["set_cookie"] is True


def test_an_adapter_that_persists_twice_sends_the_same_session() -> None:
    proxy: Any = SessionObject({"HTTP_COOKIE": made(name="Ada")}, **COOKIE)
    proxy["name"] = "Grace"
    proxy.save()
    proxy.persist()
    proxy.persist()
    header = proxy.__dict__["_headers"]["cookie_out"].partition(";")[0].strip()
    assert content_of(header)["name"] == "Grace"


def test_a_proxy_has_no_other_sessions_to_look_up() -> None:
    proxy: Any = SessionObject({}, **COOKIE)
    with pytest.raises(BeakerException):
        proxy.get_by_id(UNKNOWN_ID)


def test_the_representation_shows_no_key() -> None:
    session = opened(encrypt_key="an encryption key of the tests, of some length")
    session["name"] = "Ada"
    for text in (repr(session), repr(SessionObject({}, **COOKIE)), str(session)):
        assert VALIDATE_KEY not in text
        assert "encryption key" not in text
