"""The smallest example on every server."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.client import cookie_of, get

if TYPE_CHECKING:
    from tests.servers.processes.conftest import Serve
    from tools.serving import Kind, Serving

EXAMPLE = "examples.logged_in:wsgi_app"
BODY = b"logged in: False\n"
SET_COOKIE = ("set-cookie", "beaker.session.id=ID; Path=/; SameSite=Lax")
OTHER_HEADERS = [("content-type", "text/plain"), ("vary", "Cookie")]


def test_every_server_answers_the_first_visit_with_the_same_bytes(kind: Kind, serve: Serve) -> None:
    server = serve(kind, application=EXAMPLE)
    response = get(server.port)
    assert response.status == "200 OK"
    assert response.body == BODY
    assert response.of_the_application == sorted([*OTHER_HEADERS, SET_COOKIE])


def test_a_visitor_who_returns_keeps_the_cookie_and_gets_no_other(kind: Kind, serve: Serve) -> None:
    server = serve(kind, application=EXAMPLE)
    cookie = cookie_of(get(server.port))
    for _ in range(3):
        response = get(server.port, cookie=cookie)
        assert (response.status, response.body) == ("200 OK", BODY)
        assert response.of_the_application == OTHER_HEADERS


def test_without_a_folder_sessions_go_to_a_private_one_with_a_warning(
    kind: Kind, serve: Serve, tmp_path: Path
) -> None:
    server = serve(kind, application=EXAMPLE)
    get(server.port)
    folder = folder_named_in_the_warning(server, tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (session,) = folder.rglob("*.cache")
    assert stat.S_IMODE(session.stat().st_mode) == 0o600


def folder_named_in_the_warning(server: Serving, above: Path) -> Path:
    log = server.log.read_text()
    warnings = [line for line in log.splitlines() if "BeakerWarning" in line]
    named = {path for line in warnings for path in re.findall(rf"{re.escape(str(above))}/[\w./-]*\w", line)}
    assert len(named) == 1, log
    return Path(named.pop())
