"""The size up to which the browser keeps a cookie, and what we do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.servers.browser.kinds import FEW, IN_COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.browser.chromium import Chromium
    from tests.servers.browser.conftest import MakeSite

    See = Callable[[str], None]

# Bytes of name and value (RFC 6265bis, 5.6).
LIMIT = 4096


@pytest.mark.parametrize("kind", FEW[:1], indirect=True, ids=str)
def test_a_browser_keeps_4096_bytes_and_drops_one_more(site: MakeSite, chromium: Chromium, seen: See) -> None:
    shop = site()
    shop.visit("sized", name="n", size=LIMIT)
    assert shop.cookie().size == LIMIT
    assert shop.visit("page").cookie == shop.cookie().header
    chromium.empty_jar()
    shop.visit("sized", name="n", size=LIMIT + 1)
    assert shop.cookies() == []
    assert chromium.refusals() == ["NameValuePairExceedsMaxSize"]
    shop.visit("sized", name="n" * 2000, size=LIMIT)
    assert shop.cookie().size == LIMIT
    seen("made by hand: 4096 are kept and returned, 4097 silently dropped (NameValuePairExceedsMaxSize)")


@pytest.mark.parametrize("kind", IN_COOKIE, indirect=True, ids=str)
def test_the_largest_session_is_kept_and_a_larger_one_refused_at_save(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    fits, too_long = 0, 2 * LIMIT
    refused = ""
    while too_long - fits > 1:
        length = (fits + too_long) // 2
        before = shop.cookie()
        received = shop.visit("fill", length=length)
        if received.refused is None:
            fits = length
            assert shop.cookie() != before
        else:
            too_long, refused = length, received.refused
            assert shop.cookie() == before
    largest = shop.cookie()
    # A character more is up to four in the cookie, and what is compressed may vary by a few.
    assert LIMIT - 16 < largest.size <= LIMIT
    assert max(map(int, re.findall(r"\d+", refused))) > LIMIT
    session = shop.visit("read").session
    assert session is not None
    assert len(session["padding"]) == fits
    seen(
        f"the largest session saved has {largest.size} bytes of name and value and is kept; "
        f"one character more: {refused!r}, and the jar stays as it was"
    )
