"""Serves an application with the standard library alone: the environments of the original have no server."""

from __future__ import annotations

import importlib
import sys
from wsgiref.simple_server import make_server


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    application = getattr(importlib.import_module(module), name)
    with make_server("127.0.0.1", 0, application) as server:
        sys.stdout.write(f"listening on {server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
