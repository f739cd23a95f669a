"""Runs a block of a document, given on standard input: `run_block DOCUMENT LINE`.

If the block makes a WSGI application, it is visited once, under the eyes of a validator.
"""

from __future__ import annotations

import sys
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator


def main() -> None:
    path, line = sys.argv[1:]
    block: dict[str, Any] = {"__name__": "__main__"}
    # The empty lines make a traceback point into the document.
    exec(compile("\n" * int(line) + sys.stdin.read(), path, "exec"), block)
    if "wsgi_app" in block:
        visit(block["wsgi_app"])


def visit(wsgi_app: Any) -> None:
    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    seen: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        seen.append(status)
        return lambda data: None

    body: Any = validator(wsgi_app)(environ, start_response)
    try:
        assert b"".join(body)
    finally:
        body.close()
    assert seen == ["200 OK"]


if __name__ == "__main__":
    main()
