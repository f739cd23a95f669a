"""The time for which the browser keeps the cookie, for every form of `cookie_expires`."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tests.servers.browser.chromium import eventually, running
from tests.servers.browser.kinds import FEW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.browser.conftest import MakeSite
    from tests.servers.browser.kinds import Kind

    See = Callable[[str], None]

DAY = 86_400.0
# A date has whole seconds, and Chromium moves it by what the response's `Date`, in whole seconds too, differs
# from its own clock.
PRECISION = 2.5
# No cookie is kept for longer, as RFC 6265bis, 5.5, recommends.
LONGEST = 400 * DAY
TEN_DAYS_ON = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=10)

# So short that a test can wait for its end, and long enough for a slow machine to visit two pages before.
LIFE = 5

few_kinds = pytest.mark.parametrize("kind", FEW, indirect=True, ids=str)


def within(moment: float | None, earliest: float, latest: float) -> bool:
    return moment is not None and earliest - PRECISION < moment < latest + PRECISION


@few_kinds
@pytest.mark.parametrize("expires", [True, "true"])
def test_cookie_expires_true_is_until_the_browser_is_closed(
    site: MakeSite, expires: object, seen: See
) -> None:
    shop = site(cookie_expires=expires)
    shop.visit("put", name="Ada")
    assert shop.cookie().expires is None
    seen("kept without an expiry")


@few_kinds
@pytest.mark.parametrize("expires", [False, "false"])
def test_cookie_expires_false_lasts_as_long_as_the_browser_allows(
    site: MakeSite, expires: object, seen: See
) -> None:
    shop = site(cookie_expires=expires)
    began = time.time()
    shop.visit("put", name="Ada")
    assert within(shop.cookie().expires, began + LONGEST, time.time() + LONGEST)
    seen("we send the year 2038; kept for 400 days, the longest that Chromium keeps any")


@few_kinds
@pytest.mark.parametrize(
    ("given", "expires", "seconds"),
    [
        ("an int", 600, 600.0),
        ("text of an ini file", "600", 600.0),
        ("a timedelta", timedelta(days=7), 7 * DAY),
        ("a timedelta", timedelta(days=1000), LONGEST),
        ("a datetime in UTC", TEN_DAYS_ON, None),
        ("a naive datetime, taken for UTC", TEN_DAYS_ON.replace(tzinfo=None), None),
    ],
)
def test_cookie_expires_is_the_moment_at_which_the_cookie_goes(
    site: MakeSite, given: str, expires: object, seconds: float | None, seen: See
) -> None:
    shop = site(cookie_expires=expires)
    began = time.time()
    shop.visit("put", name="Ada")
    moment, ended = shop.cookie().expires, time.time()
    if seconds is None:
        assert within(moment, TEN_DAYS_ON.timestamp(), TEN_DAYS_ON.timestamp())
        seen(f"{given}: kept until then")
    else:
        assert within(moment, began + seconds, ended + seconds)
        seen(f"{given}, {expires}: kept for {seconds:.0f} s")


@few_kinds
def test_a_cookie_that_expires_is_gone_and_no_longer_sent(site: MakeSite, seen: See) -> None:
    shop = site(cookie_expires=LIFE)
    began = time.time()
    first = shop.visit("put", name="Ada")
    assert shop.visit("page").cookie == shop.cookie().header
    assert eventually(lambda: shop.cookies() == [], LIFE + PRECISION)
    assert time.time() > began + 0.5
    after = shop.visit("read")
    assert (after.cookie, after.session) == ("", {})
    assert after.id != first.id
    seen(
        f"with {LIFE} seconds to live it is soon gone from the jar, and the next request has no Cookie header"
    )


@few_kinds
def test_a_page_may_let_its_session_outlive_the_browser(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    assert shop.cookie().expires is None
    began = time.time()
    shop.visit("remember", seconds=3600)
    assert within(shop.cookie().expires, began + 3600, time.time() + 3600)
    assert shop.visit("read").session == {"name": "Ada", "remembered": True}
    seen("session._set_cookie_expires(3600) on a later page: the cookie is replaced by one for 3600 s")


@few_kinds
def test_a_session_timeout_makes_the_cookie_outlive_the_browser(site: MakeSite, seen: See) -> None:
    shop = site(timeout=600)
    shop.visit("put", name="Ada")
    assert shop.cookie().expires is None
    began = time.time()
    shop.visit("keep", seconds=30 * 86_400)
    assert within(shop.cookie().expires, began + 30 * DAY, time.time() + 30 * DAY)
    for clock in (10 * 86_400, 35 * 86_400):
        assert shop.visit("read", clock=clock).session == {"name": "Ada"}
        assert within(shop.cookie().expires, began + clock + 30 * DAY, time.time() + clock + 30 * DAY)
    seen("session.set_timeout(30 days): the cookie is kept for 30 days, and for 30 more from each use")


def test_a_save_that_sends_the_cookie_again_moves_its_expiry(site: MakeSite, kind: Kind, seen: See) -> None:
    shop = site(cookie_expires=600)
    began = time.time()
    shop.visit("put", name="Ada")
    first = shop.cookie().expires
    shop.visit("put", name="Grace", clock=300)
    second, spent = shop.cookie().expires, time.time() - began
    assert first is not None
    if kind.in_cookie:
        assert within(second, first + 300, first + 300 + spent)
        seen("each save sends the cookie again, and moves its expiry")
    else:
        assert second == first
        seen("the cookie is sent once, and its expiry stays")


@few_kinds
def test_only_a_cookie_with_an_expiry_outlives_the_browser(site: MakeSite, tmp_path: Path, seen: See) -> None:
    brief = site(cookie_expires=True)
    lasting = site(cookie_expires=600)
    for name in ("first", "second"):
        with running(tmp_path / "profile") as chromium:
            here = [replace(shop, chromium=chromium) for shop in (brief, lasting)]
            if name == "first":
                for shop in here:
                    shop.visit("put", name="Ada")
            else:
                assert [shop.visit("read").session for shop in here] == [{}, {"name": "Ada"}]
    seen("closed and started again, Chromium has the cookie of cookie_expires=600 and not that of True")
