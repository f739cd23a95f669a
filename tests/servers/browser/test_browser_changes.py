"""A site changes keys, format and name while sessions are in browsers, and nobody is logged out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.servers.browser.kinds import FEW, IN_COOKIE, SIGNED
from tests.servers.browser.sites import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.browser.conftest import MakeSite
    from tests.servers.browser.kinds import Kind

    See = Callable[[str], None]

KEYS = ("secret", "validate_key", "encrypt_key")
NEW = "another key, which came later and is as long as it should be"

signed = pytest.mark.parametrize("kind", SIGNED, indirect=True, ids=str)


@signed
def test_keys_are_changed_without_logging_anyone_out(site: MakeSite, kind: Kind, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    old = shop.cookie()
    keys = [name for name in KEYS if name in kind.options]
    shop.configure(**{name: [f"{name}: {NEW}", kind.options[name]] for name in keys})
    assert shop.visit("read").session == {"name": "Ada"}
    renewed = shop.cookie()
    assert renewed.value != old.value
    shop.configure(**{name: f"{name}: {NEW}" for name in keys})
    after = shop.visit("read")
    assert (after.cookie, after.session) == (renewed.header, {"name": "Ada"})
    seen("the first read replaced the cookie by one of the newest key, which lived on when the old key went")


@signed
def test_a_change_of_format_and_back_logs_nobody_out(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    for written in (2, 1):
        shop.configure(cookie_format=written)
        assert shop.visit("read").session == {"name": "Ada"}
        assert shop.cookie().value.startswith("v2.") is (written == 2)
    assert shop.visit("read").session == {"name": "Ada"}
    seen("each change replaced the one cookie at the next read, and the session went on")


@signed
def test_the_name_is_changed_without_logging_anyone_out(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    shop.configure(key="other", key_fallbacks=[KEY])
    assert shop.visit("read").session == {"name": "Ada"}
    (cookie,) = (kept for kept in shop.cookies() if kept.name == "other")
    left = [kept.name for kept in shop.cookies() if kept != cookie]
    shop.visit("delete")
    assert shop.visit("read").session == {}
    seen(f"the session went on under the new name; of the old name the jar held {left or 'nothing'} then")


@signed
def test_the_hardened_profile_takes_over_the_sessions_that_there_are(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada", scheme="https")
    shop.configure(profile="hardened")
    assert shop.visit("read", scheme="https").session == {"name": "Ada"}
    cookie = shop.cookie()
    assert cookie.name == f"__Host-{KEY}"
    assert cookie.value.startswith("v2.")
    assert (cookie.http_only, cookie.secure, cookie.domain) == (True, True, shop.host)
    assert shop.visit("read", scheme="https").session == {"name": "Ada"}
    shop.visit("delete", scheme="https")
    assert shop.cookies() == []
    seen(f"the first read left one cookie, {cookie.name} of format 2, kept {cookie}; delete left none")


@pytest.mark.parametrize("kind", IN_COOKIE, indirect=True, ids=str)
def test_a_session_epoch_logs_everybody_out(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    old = shop.cookie()
    shop.configure(session_epoch=time.time() + 60)
    received = shop.visit("read", clock=120)
    assert received.cookie == old.header
    assert (received.session, received.is_new) == ({}, True)
    assert shop.cookie().value != old.value
    shop.visit("put", name="Grace", clock=121)
    assert shop.visit("read", clock=122).session == {"name": "Grace"}
    seen("a session begun before it was replaced at the next read, one begun after it lives")


@pytest.mark.parametrize("kind", FEW, indirect=True, ids=str)
def test_an_absolute_timeout_ends_a_session_however_often_it_is_used(site: MakeSite, seen: See) -> None:
    shop = site(absolute_timeout=600)
    shop.visit("put", name="Ada")
    for seconds in (200, 400, 590):
        assert shop.visit("read", clock=seconds).session == {"name": "Ada"}
    old = shop.cookie()
    late = shop.visit("read", clock=610)
    assert (late.cookie, late.session, late.is_new) == (old.header, {}, True)
    assert shop.cookie().value != old.value
    seen("used all the time it lived for 600 s, and was then replaced in the jar")
