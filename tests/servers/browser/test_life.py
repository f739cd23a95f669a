"""The life of a session, as the browser's jar shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.browser.kinds import IN_COOKIE
from tests.servers.browser.sites import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.browser.chromium import Chromium
    from tests.servers.browser.conftest import MakeSite
    from tests.servers.browser.kinds import Kind

    See = Callable[[str], None]


def test_a_new_session_that_is_only_read_leaves_no_cookie(site: MakeSite, seen: See) -> None:
    shop = site()
    assert shop.visit("read").is_new
    assert shop.cookies() == []
    seen("the jar stays empty")


def test_a_saved_session_leaves_one_cookie_with_its_attributes(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    cookie = shop.cookie()
    assert (cookie.name, cookie.domain, cookie.path) == (KEY, shop.host, "/")
    assert (cookie.expires, cookie.http_only, cookie.secure, cookie.same_site) == (None, False, False, "Lax")
    seen(f"kept {cookie}, until the browser is closed")


def test_the_cookie_is_returned_byte_for_byte(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name='Ada Lovelace, née Byron; "Countess" = 1 %3B\\')
    kept = shop.cookie()
    received = shop.visit("read")
    assert received.cookie == kept.header
    assert received.session == {"name": 'Ada Lovelace, née Byron; "Countess" = 1 %3B\\'}
    seen("the server receives the jar's bytes, and the session is what was saved")


def test_every_visit_continues_the_session_with_one_cookie(site: MakeSite, kind: Kind, seen: See) -> None:
    shop = site()
    values = set()
    for visit in range(1, 6):
        assert shop.visit("count").session == {"count": visit}
        values.add(shop.cookie().value)
    if kind.in_cookie:
        assert len(values) == 5
        seen("five visits counted to 5; each save replaced the one cookie")
    else:
        assert len(values) == 1
        seen("five visits counted to 5; the one cookie stayed as it was")


@pytest.mark.parametrize("kind", IN_COOKIE, indirect=True, ids=str)
def test_a_read_sends_the_cookie_only_for_the_access_time(site: MakeSite, seen: See) -> None:
    shop = site(save_accessed_time=False)
    shop.visit("put", name="Ada")
    kept = shop.cookie()
    assert shop.visit("read").session == {"name": "Ada"}
    assert shop.cookie() == kept
    shop.configure(save_accessed_time=True)
    assert shop.visit("read").session == {"name": "Ada"}
    assert shop.cookie() != kept
    seen("with save_accessed_time = false a read leaves the jar as it was, otherwise it replaces the cookie")


def test_regenerate_id_replaces_the_cookie_and_keeps_the_session(
    site: MakeSite, kind: Kind, chromium: Chromium, seen: See
) -> None:
    shop = site()
    before = shop.visit("put", name="Ada")
    old = shop.cookie()
    after = shop.visit("regenerate")
    new = shop.cookie()
    assert new.value != old.value
    assert after.id != before.id
    read = shop.visit("read")
    assert (read.id, read.session, read.cookie) == (after.id, {"name": "Ada"}, new.header)
    if kind.in_cookie:
        seen("the jar holds the new cookie alone, and the session continues")
        return
    chromium.plant(name=KEY, value=old.value, domain=shop.host, path="/")
    assert shop.visit("read").session == {}
    seen("the jar holds the new cookie alone; the old one, put back by hand, opens nothing")


def test_invalidate_replaces_the_cookie_and_ends_the_session(
    site: MakeSite, kind: Kind, chromium: Chromium, seen: See
) -> None:
    shop = site()
    before = shop.visit("put", name="Ada")
    old = shop.cookie()
    shop.visit("invalidate")
    assert shop.cookie().value != old.value
    after = shop.visit("read")
    assert after.session == {}
    assert after.id != before.id
    if kind.in_cookie:
        seen("the jar holds the cookie of an empty session")
        return
    chromium.plant(name=KEY, value=old.value, domain=shop.host, path="/")
    assert shop.visit("read").session == {}
    seen("the jar holds the cookie of an empty session; the old one, put back by hand, opens nothing")


def test_delete_takes_the_cookie_out_of_the_jar(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    assert shop.visit("delete").cookie != ""
    assert shop.cookies() == []
    after = shop.visit("read")
    assert (after.cookie, after.session) == ("", {})
    seen("the jar is empty, and the next request has no Cookie header")


def test_delete_finds_the_cookie_wherever_it_was_put(site: MakeSite, seen: See) -> None:
    shop = site()
    places: list[dict[str, object]] = [
        {"cookie_path": "/app", "httponly": True, "samesite": "Strict"},
        {"cookie_path": "/app", "samesite": "None", "cookie_expires": 600},
        {"key": "__Secure-id", "cookie_expires": False},
        {"partitioned": True, "samesite": "None"},
    ]
    for options in places:
        for domain in (None, shop.name):
            shop.configure(secure=True, cookie_domain=domain, **options)
            shop.visit("app/put", scheme="https", name="Ada")
            assert shop.cookie().secure
            shop.visit("app/delete", scheme="https")
            assert shop.cookies() == []
    seen("the jar is empty, whatever Domain, Path, SameSite, expiry, prefix and partition the cookie had")


def test_a_timed_out_session_is_replaced_in_the_browser(site: MakeSite, kind: Kind, seen: See) -> None:
    shop = site(timeout=600)
    before = shop.visit("put", name="Ada")
    old = shop.cookie()
    assert shop.visit("read", clock=590).session == {"name": "Ada"}
    late = shop.visit("read", clock=590 + 610)
    assert late.cookie != ""
    assert (late.session, late.is_new) == ({}, True)
    new = shop.cookie()
    assert new.value != old.value
    after = shop.visit("read", clock=590 + 620)
    assert (after.session, after.cookie) == ({}, new.header)
    assert after.id != before.id
    seen("after 600 s without a visit the server gave it another cookie, which the jar holds alone")


def test_a_cookie_that_was_changed_in_the_browser_opens_nothing(
    site: MakeSite, kind: Kind, chromium: Chromium, seen: See
) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    kept = shop.cookie()
    # Not the last character, of which base64 may leave bits unused.
    for place in (8, len(kept.value) // 2, len(kept.value) - 8):
        other = "1" if kept.value[place] != "1" else "2"
        value = kept.value[:place] + other + kept.value[place + 1 :]
        chromium.plant(name=KEY, value=value, domain=shop.host, path="/")
        received = shop.visit("read")
        assert received.cookie.startswith(f"{KEY}=")
        assert received.session == {}
    chromium.plant(name=KEY, value=kept.value, domain=shop.host, path="/")
    assert shop.visit("read").session == {"name": "Ada"}
    seen("changed in three places by turns it opened an empty session; put back as it was, the session")
