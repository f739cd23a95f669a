"""Serves the examples by gunicorn, with several processes and file sessions, and visits them like a browser.

Run it from the top of the project: `python -m examples.visit`.
"""

from __future__ import annotations

import http.cookiejar
import re
import tempfile
import urllib.request
from importlib.metadata import version
from pathlib import Path

from tools.serving import GUNICORN, Serving, serving

VISITS = 5


def visit(server: Serving, times: int) -> None:
    """Visits with one cookie jar and prints what comes back: the body, and the cookie when one is set."""
    jar = http.cookiejar.CookieJar()
    client = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    for number in range(1, times + 1):
        with client.open(server.url, timeout=10) as response:
            body = response.read().decode().strip()
            cookies = response.headers.get_all("Set-Cookie") or []
        print(f"  {number}. {response.status}  {body}")
        for cookie in cookies:
            print(f"       Set-Cookie: {abbreviated(cookie)}")
    for kept in jar:
        print(f"  the jar holds: {kept.name}={abbreviated(kept.value or '')}")


def abbreviated(text: str) -> str:
    """The text with shortened ids, because a whole id opens its session."""
    return re.sub(r"([0-9a-f]{6})[0-9a-f]{26,}", r"\1…", text)


def main() -> None:
    """Visits both examples."""
    workers = f"gunicorn {version('gunicorn')}, {GUNICORN.processes} worker processes"
    with tempfile.TemporaryDirectory(prefix="beaker-example-") as scratch:
        folder = Path(scratch)
        # The first example names no folder for its sessions, so the temporary directory decides; this one
        # leaves nothing behind.
        environment = {"TMPDIR": scratch, "SESSIONS": str(folder / "sessions")}

        print(f"examples/logged_in.py, {workers}")
        with serving(GUNICORN, "examples.logged_in:wsgi_app", folder, environment) as server:
            visit(server, 2)
            warnings = {line for line in server.log.read_text().splitlines() if "BeakerWarning" in line}
        for warning in sorted(warnings):
            print(f"  the server's log: {warning}")

        print(f"\nexamples/counter.py, {workers}, beaker-rs {version('beaker-rs')}")
        with serving(GUNICORN, "examples.counter:wsgi_app", folder, environment) as server:
            visit(server, VISITS)
        stored = sum(1 for _ in (folder / "sessions").rglob("*.cache"))
        print(f"  sessions stored in the folder: {stored}")


if __name__ == "__main__":
    main()
