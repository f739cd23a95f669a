"""SameSite decides which requests from another site send our cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beaker.exceptions import ConfigurationError
from tests.servers.browser.chromium import eventually
from tests.servers.browser.kinds import FEW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.browser.chromium import Chromium
    from tests.servers.browser.conftest import MakeSite
    from tests.servers.browser.kinds import Kind
    from tests.servers.browser.sites import Site

    See = Callable[[str], None]

few_kinds = pytest.mark.parametrize("kind", FEW, indirect=True, ids=str)
one_kind = pytest.mark.parametrize("kind", FEW[:1], indirect=True, ids=str)

WAYS = ("link", "form", "image", "frame", "fetch")
# Which of them bring the cookie, from another site.
BRING = {"Strict": set[str](), "Lax": {"link"}, "None": set(WAYS)}


def causes(chromium: Chromium, shop: Site, page: Callable[[str], str]) -> dict[str, str]:
    """The Cookie headers that reach the shop from a page of another site, by the way of sending."""
    before = len(shop.received())

    def sent() -> dict[str, str]:
        return {received.path.removeprefix("/"): received.cookie for received in shop.received()[before:]}

    url = {way: shop.url(way, scheme="https") for way in WAYS}
    pages = [
        (
            f"<img src='{url['image']}'><iframe src='{url['frame']}'></iframe>",
            f"fetch('{url['fetch']}', {{mode: 'no-cors', credentials: 'include'}})",
            {"image", "frame", "fetch"},
        ),
        (f"<a href='{url['link']}'>to the shop</a>", "document.links[0].click()", {"link"}),
        (f"<form method=post action='{url['form']}'></form>", "document.forms[0].submit()", {"form"}),
    ]
    for html, step, ways in pages:
        chromium.open(page(html))
        chromium.script(step)
        assert eventually(lambda expected=ways: expected <= sent().keys())  # type: ignore[misc]
    return sent()


@few_kinds
@pytest.mark.parametrize("samesite", BRING)
@pytest.mark.parametrize(
    "names",
    [(None, None), ("localhost", "127.0.0.1")],
    ids=["by-name", "from-127.0.0.1-to-localhost"],
)
def test_samesite_decides_about_requests_from_other_sites(
    site: MakeSite,
    chromium: Chromium,
    samesite: str,
    names: tuple[str | None, str | None],
    seen: See,
) -> None:
    shop, other = site(names[0], samesite=samesite, secure=True), site(names[1])
    shop.visit("put", scheme="https", name="Ada")
    cookie = shop.cookie()
    assert cookie.same_site == samesite
    sent = causes(chromium, shop, lambda html: other.url("show", scheme="https", html=html))
    assert sent == {way: cookie.header if way in BRING[samesite] else "" for way in WAYS}
    brings = ", ".join(way for way in WAYS if way in BRING[samesite]) or "nothing"
    seen(f"{samesite}: of {', '.join(WAYS)}, the cookie came with {brings}")


@one_kind
@pytest.mark.parametrize("samesite", BRING)
def test_requests_from_the_same_site_always_send_the_cookie(
    site: MakeSite, chromium: Chromium, samesite: str, seen: See
) -> None:
    shop = site(samesite=samesite, secure=True)
    shop.visit("put", scheme="https", name="Ada")
    header = shop.cookie().header
    sent = causes(
        chromium, shop, lambda html: shop.url("show", host=f"blog.{shop.name}", scheme="https", html=html)
    )
    assert {way: sent[way] for way in WAYS} == dict.fromkeys(WAYS, header)
    seen(f"{samesite}: from another host of the site the cookie came with {', '.join(WAYS)}")


@one_kind
@pytest.mark.parametrize("samesite", BRING)
def test_http_and_https_of_one_host_are_two_sites(
    site: MakeSite, chromium: Chromium, samesite: str, seen: See
) -> None:
    shop = site(samesite=samesite, secure=True)
    shop.visit("put", scheme="https", name="Ada")
    header = shop.cookie().header
    sent = causes(chromium, shop, lambda html: shop.url("show", scheme="http", html=html))
    assert {way: sent[way] for way in WAYS} == {way: header if way in BRING[samesite] else "" for way in WAYS}
    seen(f"{samesite}: from http to https it was as from another site")


@few_kinds
@pytest.mark.parametrize("samesite", BRING)
def test_a_session_begun_in_a_foreign_page_needs_samesite_none(
    site: MakeSite, chromium: Chromium, samesite: str, seen: See
) -> None:
    shop, other = site(samesite=samesite, secure=True), site()
    image = shop.url("put", scheme="https", name="Ada")
    chromium.open(other.url("show", scheme="https", html=f"<img src='{image}'>"))
    assert eventually(lambda: len(shop.received()) == 1)
    if samesite == "None":
        assert eventually(lambda: len(shop.cookies()) == 1)
        seen("None: kept")
        return
    (refusal,) = chromium.refusals()
    assert refusal.endswith(f"SameSite{samesite}")
    assert shop.cookies() == []
    seen(f"{samesite}: dropped ({refusal})")


@few_kinds
def test_a_strict_cookie_comes_with_the_next_step_in_the_site(
    site: MakeSite, chromium: Chromium, seen: See
) -> None:
    shop, other = site(samesite="Strict"), site()
    shop.visit("put", name="Ada")
    header = shop.cookie().header
    inner = f"<a href='{shop.url('inner')}'>further</a>"
    chromium.open(other.url("show", html=f"<a href='{shop.url('outer', html=inner)}'>to the shop</a>"))
    for path, cookie in (("/outer", ""), ("/inner", header)):
        before = len(shop.received())
        assert eventually(lambda: bool(chromium.script("return document.links.length")))
        chromium.script("document.links[0].click()")
        received = shop.next_received(before)
        assert (received.path, received.cookie) == (path, cookie)
    seen("absent on the way in from another site, sent with the next link inside")


@few_kinds
def test_a_strict_session_is_lost_where_the_way_in_saves_a_new_one(
    site: MakeSite, chromium: Chromium, seen: See
) -> None:
    shop, other = site(samesite="Strict"), site()
    first = shop.visit("put", name="Ada")
    old = shop.cookie()
    chromium.open(other.url("show", html=f"<a href='{shop.url('count')}'>to the shop</a>"))
    before = len(shop.received())
    chromium.script("document.links[0].click()")
    received = shop.next_received(before)
    assert (received.cookie, received.session) == ("", {"count": 1})
    assert received.id != first.id
    assert eventually(lambda: shop.cookie() != old)
    assert shop.visit("read").session == {"count": 1}
    seen("the page that another site leads to sees no session; if it saves one, that replaces the visitor's")


@few_kinds
def test_samesite_none_without_secure_fails_here_and_in_the_browser(
    site: MakeSite, kind: Kind, chromium: Chromium, seen: See
) -> None:
    with pytest.raises(ConfigurationError, match="secure"):
        kind.middleware(samesite="None")
    shop = site()
    shop.visit("raw", scheme="https", line="by=hand; Path=/; SameSite=None")
    assert shop.cookies() == []
    assert chromium.refusals() == ["SameSiteNoneInsecure"]
    seen("never configured by us; made by hand it is dropped (SameSiteNoneInsecure)")
