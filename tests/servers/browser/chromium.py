"""Debian's Chromium without a window, its jar of cookies, and what it says of cookies that it refuses."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.support.environment import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = 15.0
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The certificate is made for the occasion.
    "--ignore-certificate-errors",
    # Names for sites, which lead nowhere but here.
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.co.uk 127.0.0.1",
)
# Debian's Chromium refuses cookies inside other sites' pages unless its user says otherwise.
PREFERENCES = {
    "profile.cookie_controls_mode": 0,
    "profile.block_third_party_cookies": False,
    # No connection is made before there is a request for it.
    "net.network_prediction_options": 2,
}


@dataclass(frozen=True)
class Cookie:
    """A cookie in the jar."""

    name: str
    value: str
    domain: str
    path: str
    # Seconds since the epoch, or none: until the browser is closed.
    expires: float | None
    http_only: bool
    secure: bool
    same_site: str | None
    partition: str | None

    @property
    def size(self) -> int:
        """The size that browsers limit, in bytes."""
        return len(self.name) + len(self.value)

    @property
    def header(self) -> str:
        """The cookie in a Cookie header."""
        return f"{self.name}={self.value}"

    def __str__(self) -> str:
        """Its attributes, as Chromium keeps them."""
        parts = [
            f"Domain={self.domain}" if self.domain.startswith(".") else "for one host",
            f"Path={self.path}",
            f"SameSite={self.same_site}",
            *(["HttpOnly"] if self.http_only else []),
            *(["Secure"] if self.secure else []),
            *([f"Partitioned by {self.partition}"] if self.partition else []),
        ]
        return ", ".join(parts)


class Chromium:
    """A browser that runs."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.version: str = driver.capabilities["browserVersion"]

    def open(self, url: str) -> None:
        """Goes where a user goes who types the address."""
        self.driver.get(url)

    def script(self, code: str, *arguments: object) -> Any:
        """Runs a script in the page."""
        return self.driver.execute_script(code, *arguments)

    def jar(self) -> list[Cookie]:
        """The cookies that it keeps, of all sites."""
        kept = self.driver.execute_cdp_cmd("Storage.getCookies", {})["cookies"]
        return [
            Cookie(
                cookie["name"],
                cookie["value"],
                cookie["domain"],
                cookie["path"],
                None if cookie["session"] else cookie["expires"],
                cookie["httpOnly"],
                cookie["secure"],
                cookie.get("sameSite"),
                cookie.get("partitionKey", {}).get("topLevelSite"),
            )
            for cookie in kept
        ]

    def plant(self, **cookie: object) -> None:
        """Puts a cookie into the jar by hand, whatever its site would say."""
        self.driver.execute_cdp_cmd("Storage.setCookies", {"cookies": [cookie]})

    def empty_jar(self) -> None:
        """Forgets all cookies, and what was noted of them."""
        self.driver.execute_cdp_cmd("Storage.clearCookies", {})
        self.refusals()

    @contextmanager
    def third_parties_restricted(self) -> Iterator[None]:
        """Refuses cookies inside other sites' pages, as users of Chromium may."""
        try:
            self._restrict_third_parties(True)
            yield
        finally:
            self._restrict_third_parties(False)

    def _restrict_third_parties(self, restricted: bool) -> None:
        self.driver.execute_cdp_cmd(
            "Network.setCookieControls",
            {
                "enableThirdPartyCookieRestriction": restricted,
                "disableThirdPartyCookieMetadata": restricted,
                "disableThirdPartyCookieHeuristics": restricted,
            },
        )

    def refusals(self) -> list[str]:
        """Why cookies that responses set were refused, since this was last asked."""
        reasons = []
        for entry in self.driver.get_log("performance"):  # type: ignore[no-untyped-call]
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.responseReceivedExtraInfo":
                for blocked in message["params"]["blockedCookies"]:
                    reasons += blocked["blockedReasons"]
        return reasons


def eventually(condition: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def running(profile: Path) -> Iterator[Chromium]:
    """Runs Chromium with a folder for what it keeps, and closes it as a user would."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        missing("there is no Chromium with its driver (./dev chromium)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    options.add_experimental_option("perfLoggingPrefs", {"enablePage": False})
    options.add_experimental_option("prefs", PREFERENCES)
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    started = webdriver.Chrome(options=options, service=Service(driver))
    try:
        started.set_page_load_timeout(SECONDS)
        yield Chromium(started)
    finally:
        started.quit()
