"""One Chromium and two servers, one of them by TLS, for all; an empty jar and a new site for each test."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.servers.browser.chromium import Chromium, running
from tests.servers.browser.kinds import KINDS, Kind
from tests.servers.browser.seen import Seen, sentence
from tests.servers.browser.sites import Ports, Site
from tests.support.environment import missing
from tests.support.running import recorded
from tools.serving import KINDS as SERVERS
from tools.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The sites of a test, in the order in which it makes them. Chromium begins a process for every site that it
# does not know yet, so tests share them.
NAMES = ("shop.test", "news.test", "blog.test")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if notes := recorded(terminalreporter, "chromium"):
        seen = Seen()
        for version, promise, saw, kind in notes:
            seen.version = version
            seen.note(promise, saw, kind)
        terminalreporter.section(f"seen in Chromium {seen.version}")
        for line in seen.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def sites_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sites")


@pytest.fixture(scope="session")
def ports(sites_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """The ports at which gunicorn serves the pages.

    By many threads: Chromium opens connections that it does not use, and over TLS each keeps one waiting.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("there is no openssl to make a certificate (./dev chromium)")
    folder = tmp_path_factory.mktemp("servers")
    subprocess.run(
        [
            *(
                openssl,
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ),
            *("-keyout", "key.pem", "-out", "certificate.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (threaded,) = (server for server in SERVERS if server.name == "gunicorn-gthread-2")
    plain = replace(threaded, arguments=(*threaded.arguments, "--threads", "100"))
    secure = replace(
        plain,
        name="gunicorn-tls",
        arguments=(*plain.arguments, "--certfile", "certificate.pem", "--keyfile", "key.pem"),
        listening=plain.listening.replace("http:", "https:"),
    )
    environment = {"SITES": str(sites_folder)}
    with ExitStack() as servers:
        http, https = (
            servers.enter_context(
                serving(server, "tests.servers.browser.pages:wsgi_app", folder, environment)
            )
            for server in (plain, secure)
        )
        yield Ports(http.port, https.port)


@pytest.fixture(scope="session")
def one_chromium(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    """Chromium, its jar empty."""
    one_chromium.empty_jar()
    return one_chromium


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Each kind of session, with a folder for it."""
    chosen: Kind = request.param
    return replace(chosen, options={**chosen.options, "data_dir": str(tmp_path / "sessions")})


class MakeSite(Protocol):
    """Makes sites."""

    def __call__(self, name: str | None = None, **options: object) -> Site:
        """A site with options beside those of the kind of session."""


@pytest.fixture
def site(chromium: Chromium, ports: Ports, sites_folder: Path, kind: Kind) -> Iterator[MakeSite]:
    """Makes sites with the kind of session."""
    names = iter(NAMES)
    with ExitStack() as ending:

        def make(name: str | None = None, **options: object) -> Site:
            made = Site(chromium, ports, sites_folder, name or next(names), kind.options)
            made.configure(**options)
            ending.callback(made.close)
            return made

        yield make


@pytest.fixture
def seen(
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
    one_chromium: Chromium,
    kind: Kind,
) -> Callable[[str], None]:
    """Notes what Chromium did about what the test's name promises."""
    promise = sentence(request.function.__name__)
    return lambda saw: record_property("chromium", (one_chromium.version, promise, saw, kind.name))
