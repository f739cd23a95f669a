"""Sessions inside other sites' pages, where browsers refuse cookies: `partitioned`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beaker.exceptions import ConfigurationError
from tests.servers.browser.kinds import FEW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.browser.chromium import Chromium
    from tests.servers.browser.conftest import MakeSite
    from tests.servers.browser.kinds import Kind
    from tests.servers.browser.sites import Received, Site

    See = Callable[[str], None]

pytestmark = pytest.mark.parametrize("kind", FEW, indirect=True, ids=str)


def visit_inside(other: Site, shop: Site, page: str) -> Received:
    """Opens a page of one site that shows, in a frame, a page of another."""
    before = len(shop.received())
    frame = f"<iframe src='{shop.url(page, scheme='https')}'></iframe>"
    other.chromium.open(other.url("show", scheme="https", html=frame))
    return shop.next_received(before)


def test_a_partitioned_session_is_kept_for_each_embedding_site(site: MakeSite, seen: See) -> None:
    shop = site(samesite="None", secure=True, partitioned=True)
    news, blog = site(), site()
    for visit in (1, 2):
        assert visit_inside(news, shop, "count").session == {"count": visit}
    cookie = shop.cookie()
    assert cookie.partition == f"https://{news.name}"
    for visit in (1, 2):
        assert visit_inside(blog, shop, "count").session == {"count": visit}
        assert shop.visit("count", scheme="https").session == {"count": visit}
    assert visit_inside(news, shop, "count").session == {"count": 3}
    assert {kept.partition for kept in shop.cookies()} == {
        f"https://{where.name}" for where in (news, blog, shop)
    }
    seen(f"kept {cookie}; inside another site, and by itself, the shop has other sessions")


def test_a_partitioned_session_lives_without_third_party_cookies(
    site: MakeSite, chromium: Chromium, seen: See
) -> None:
    shop, news = site(samesite="None", secure=True), site()
    with chromium.third_parties_restricted():
        for _ in range(2):
            received = visit_inside(news, shop, "count")
            assert (received.cookie, received.session) == ("", {"count": 1})
        assert shop.cookies() == []
        (refusal, *_) = chromium.refusals()
        shop.configure(samesite="None", secure=True, partitioned=True)
        for visit in (1, 2):
            assert visit_inside(news, shop, "count").session == {"count": visit}
    seen(
        f"in another site's frame, with third-party cookies off: dropped without the attribute ({refusal}), "
        "kept and sent with it"
    )


def test_invalidate_and_delete_reach_only_their_partition(site: MakeSite, seen: See) -> None:
    shop = site(samesite="None", secure=True, partitioned=True)
    news, blog = site(), site()
    for other in (news, blog):
        visit_inside(other, shop, "count")
    before = {cookie.partition: cookie.value for cookie in shop.cookies()}
    visit_inside(news, shop, "invalidate")
    after = {cookie.partition: cookie.value for cookie in shop.cookies()}
    assert before.keys() == after.keys()
    assert [where for where in before if before[where] != after[where]] == [f"https://{news.name}"]
    visit_inside(news, shop, "delete")
    assert shop.cookie().partition == f"https://{blog.name}"
    seen("replaced and deleted inside the one site; the session inside the other went on")


def test_partitioned_without_secure_fails_here_and_in_the_browser(
    site: MakeSite, kind: Kind, seen: See
) -> None:
    with pytest.raises(ConfigurationError, match="secure"):
        kind.middleware(partitioned=True)
    shop = site()
    shop.visit("raw", scheme="https", line="by=hand; Path=/; Partitioned")
    assert shop.cookies() == []
    seen("never configured by us; made by hand it is dropped")
