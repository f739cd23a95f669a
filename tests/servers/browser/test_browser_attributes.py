"""To whom the browser shows the cookie: Path, Domain, Secure and HttpOnly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.browser.kinds import FEW
from tests.servers.browser.sites import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.browser.chromium import Chromium
    from tests.servers.browser.conftest import MakeSite

    See = Callable[[str], None]

pytestmark = pytest.mark.parametrize("kind", FEW, indirect=True, ids=str)


def test_the_cookie_is_sent_below_its_path_and_nowhere_else(site: MakeSite, seen: See) -> None:
    shop = site(cookie_path="/app")
    shop.visit("app/put", name="Ada")
    cookie = shop.cookie()
    assert cookie.path == "/app"
    for inside in ("app", "app/", "app/deeper/page"):
        assert shop.visit(inside).cookie == cookie.header
    for outside in ("", "application", "other/app"):
        assert shop.visit(outside).cookie == ""
    seen(f"kept {cookie}; sent to /app, /app/ and below, not to /, /application, /other/app")


def test_a_path_that_a_page_sets_moves_the_cookie_of_its_session(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("place", path="/app")
    cookie = shop.cookie()
    assert cookie.path == "/app"
    assert shop.visit("app/page").cookie == cookie.header
    assert shop.visit("page").cookie == ""
    seen(f"after session.path = '/app' it kept {cookie}")


def test_without_a_domain_the_cookie_is_for_its_host_alone(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    cookie = shop.cookie()
    assert cookie.domain == shop.host
    for host in (shop.name, f"deeper.{shop.host}", f"api.{shop.name}"):
        assert shop.visit("page", host=host).cookie == ""
    seen("sent to the host that set it; not to a host above, below or beside")


def test_with_a_domain_the_cookie_is_for_the_domain_and_below(site: MakeSite, seen: See) -> None:
    shop = site()
    other = site()
    shop.configure(cookie_domain=shop.name)
    shop.visit("put", name="Ada")
    cookie = shop.cookie()
    assert cookie.domain == f".{shop.name}"
    for host in (shop.name, shop.host, f"api.{shop.name}", f"deeper.api.{shop.name}"):
        assert shop.visit("read", host=host).session == {"name": "Ada"}
    assert other.visit("page").cookie == ""
    seen("one session on the domain and every host below it; not sent to another domain")


def test_a_domain_that_a_page_sets_widens_the_cookie_of_its_session(site: MakeSite, seen: See) -> None:
    shop = site()
    shop.visit("place", domain=shop.name)
    assert shop.cookie().domain == f".{shop.name}"
    assert shop.visit("page", host=f"api.{shop.name}").cookie == shop.cookie().header
    seen("after session.domain = … it is sent to the domain's other hosts too")


def test_the_browser_refuses_a_domain_of_another_site(site: MakeSite, chromium: Chromium, seen: See) -> None:
    for name, domain in ((None, "elsewhere.test"), ("shop.co.uk", "co.uk"), ("127.0.0.1", "0.0.1")):
        chromium.empty_jar()
        shop = site(name, cookie_domain=domain)
        shop.visit("put", name="Ada")
        assert chromium.jar() == []
        assert chromium.refusals() == ["InvalidDomain"]
    seen("another's domain, the public suffix co.uk and part of an address: nothing kept (InvalidDomain)")


def test_a_secure_cookie_is_kept_and_sent_over_https_only(
    site: MakeSite, chromium: Chromium, seen: See
) -> None:
    shop = site(secure=True)
    shop.visit("put", name="Ada", scheme="https")
    cookie = shop.cookie()
    assert cookie.secure
    assert shop.visit("page", scheme="https").cookie == cookie.header
    assert shop.visit("page", scheme="http").cookie == ""
    assert chromium.refusals() == []
    shop.visit("put", name="Eve", scheme="http")
    assert shop.cookie() == cookie
    assert "SecureOnly" in chromium.refusals()
    seen(f"kept {cookie}; sent over https, not over http; over http it is not kept (SecureOnly)")


def test_a_secure_cookie_is_not_overwritten_over_http(site: MakeSite, chromium: Chromium, seen: See) -> None:
    shop = site(secure=True)
    shop.visit("put", name="Ada", scheme="https")
    cookie = shop.cookie()
    shop.visit("raw", line=f"{KEY}=planted; Path=/")
    assert shop.cookie() == cookie
    assert chromium.refusals() == ["OverwriteSecure"]
    seen("a cookie of the same name set over http is dropped (OverwriteSecure)")


def test_a_secure_cookie_works_on_localhost_without_https(site: MakeSite, seen: See) -> None:
    shop = site("localhost", secure=True)
    shop.visit("put", name="Ada")
    assert shop.cookie().secure
    assert shop.visit("read").session == {"name": "Ada"}
    seen("http://localhost is trusted: the Secure cookie is kept and sent")


def test_an_httponly_cookie_is_hidden_from_scripts(site: MakeSite, chromium: Chromium, seen: See) -> None:
    shop = site(httponly=True)
    shop.visit("put", name="Ada")
    cookie = shop.cookie()
    assert cookie.http_only
    assert chromium.script("return document.cookie") == ""
    chromium.script(f"document.cookie = '{KEY}=planted; path=/'")
    chromium.script(f"document.cookie = '{KEY}=; path=/; max-age=0'")
    assert shop.cookie() == cookie
    assert shop.visit("read").cookie == cookie.header
    seen("document.cookie is empty, a script can neither overwrite nor delete it, the server receives it")


def test_a_cookie_that_is_not_httponly_is_shown_to_scripts(
    site: MakeSite, chromium: Chromium, seen: See
) -> None:
    shop = site()
    shop.visit("put", name="Ada")
    assert chromium.script("return document.cookie") == shop.cookie().header
    seen("document.cookie shows it: that is what httponly is for")
