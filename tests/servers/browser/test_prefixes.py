"""Names that a browser gives a meaning, and cookies that somebody else plants beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beaker.exceptions import ConfigurationError
from tests.servers.browser.kinds import FEW
from tests.servers.browser.sites import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.browser.chromium import Chromium
    from tests.servers.browser.conftest import MakeSite
    from tests.servers.browser.kinds import Kind

    See = Callable[[str], None]

pytestmark = pytest.mark.parametrize("kind", FEW, indirect=True, ids=str)


@pytest.mark.parametrize("key", ["__Host-id", "__Secure-id"])
def test_a_prefixed_name_is_kept_and_returned_over_https(site: MakeSite, key: str, seen: See) -> None:
    shop = site(key=key, secure=True)
    shop.visit("put", name="Ada", scheme="https")
    cookie = shop.cookie()
    assert (cookie.name, cookie.domain, cookie.path, cookie.secure) == (key, shop.host, "/", True)
    assert shop.visit("read", scheme="https").session == {"name": "Ada"}
    assert shop.visit("page", scheme="http").cookie == ""
    seen(f"{key}: kept {cookie}")


def test_a_cookie_that_breaks_its_prefix_fails_here_and_in_the_browser(
    site: MakeSite, kind: Kind, chromium: Chromium, seen: See
) -> None:
    shop = site()
    forbidden: list[tuple[str, dict[str, object], str]] = [
        ("__Host-id", {}, "Path=/"),
        ("__Host-id", {"secure": True, "cookie_path": "/app"}, "Secure; Path=/app"),
        ("__Host-id", {"secure": True, "cookie_domain": shop.name}, f"Secure; Path=/; Domain={shop.name}"),
        ("__Secure-id", {}, "Path=/"),
    ]
    for key, options, attributes in forbidden:
        with pytest.raises(ConfigurationError, match=key):
            kind.middleware(key=key, **options)
        shop.visit("raw", scheme="https", line=f"{key}=by hand; {attributes}")
        assert shop.cookies() == []
        assert chromium.refusals() == ["InvalidPrefix"]
    seen(
        "__Host- without Secure, with a Path or with a Domain, __Secure- without Secure: "
        "never configured by us; made by hand it is dropped (InvalidPrefix)"
    )


def test_a_host_name_cannot_be_planted_from_a_neighbour(
    site: MakeSite, chromium: Chromium, seen: See
) -> None:
    shop = site(key="__Host-id", secure=True)
    shop.visit("put", name="Ada", scheme="https")
    cookie = shop.cookie()
    for domain in ("", f"; Domain={shop.name}"):
        shop.visit(
            "raw", host=f"evil.{shop.name}", scheme="https", line=f"__Host-id=x; Secure; Path=/{domain}"
        )
    assert chromium.refusals() == ["InvalidPrefix"]
    assert shop.visit("read", scheme="https").cookie == cookie.header
    seen("a neighbouring host sets the same name for the domain: dropped (InvalidPrefix); ours is sent alone")


def test_a_planted_cookie_of_the_same_name_does_not_hide_the_session(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    ours = shop.cookie()
    # A longer path is sent first, an older cookie before a younger.
    for plant in (f"{KEY}=early; Path=/deep", f"{KEY}=late; Path=/; Domain={shop.name}"):
        shop.visit("raw", line=plant, host=shop.host)
    received = shop.visit("deep/read")
    assert received.cookie == f"{KEY}=early; {ours.header}; {KEY}=late"
    assert received.session == {"name": "Ada"}
    seen("Chromium sends three cookies of the name, ours in the middle; the session is opened all the same")
