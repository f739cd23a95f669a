"""Starts a real WSGI server on a free port of the loopback interface, and stops it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 4.0


@dataclass(frozen=True)
class Kind:
    """A server and how it is run."""

    name: str
    distribution: str
    arguments: tuple[str, ...]
    # Matches the output of a listening server; the group is the port. The system chooses the port, so that
    # no two servers want the same one.
    listening: str
    processes: int = 1

    def command(self, application: str) -> list[str]:
        """The command that serves an application, named `module:variable`."""
        return [part.format(bin=Path(sys.executable).parent, app=application) for part in self.arguments]


def _gunicorn(variant: str, *arguments: str, processes: int = 1) -> Kind:
    return Kind(
        f"gunicorn-{variant}",
        "gunicorn",
        (
            *("{bin}/gunicorn", "--bind", "127.0.0.1:0", "--workers", str(processes), "--no-control-socket"),
            # A worker does not notice a stop while it starts; this limits the wait for it.
            *("--graceful-timeout", "1", *arguments, "{app}"),
        ),
        r"Listening at: http://127\.0\.0\.1:(\d+)",
        processes,
    )


GUNICORN = _gunicorn("sync-3", "--worker-class", "sync", processes=3)
KINDS = (
    _gunicorn("sync", "--worker-class", "sync"),
    GUNICORN,
    _gunicorn("gthread-2", "--worker-class", "gthread", "--threads", "4", processes=2),
    _gunicorn("gevent-2", "--worker-class", "gevent", processes=2),
    Kind(
        "uwsgi-3",
        "pyuwsgi",
        (
            *("{bin}/uwsgi", "--http-socket", "127.0.0.1:0", "--master", "--processes", "3"),
            *("--enable-threads", "--need-app", "--die-on-term", "--module", "{app}"),
        ),
        r"bound to TCP address 127\.0\.0\.1:(\d+)",
        processes=3,
    ),
    Kind(
        "waitress",
        "waitress",
        ("{bin}/waitress-serve", "--listen=127.0.0.1:0", "--threads=4", "{app}"),
        r"Serving on http://127\.0\.0\.1:(\d+)",
    ),
)

# The master of these loads the application and then forks.
SYNC_PRELOADED = _gunicorn("sync-3-preloaded", "--worker-class", "sync", "--preload", processes=3)
GTHREAD_PRELOADED = _gunicorn(
    "gthread-2-preloaded", "--worker-class", "gthread", "--threads", "4", "--preload", processes=2
)
GEVENT_PRELOADED = _gunicorn("gevent-2-preloaded", "--worker-class", "gevent", "--preload", processes=2)
UWSGI_THREADS = Kind(
    "uwsgi-2-threads-4",
    "pyuwsgi",
    (
        *("{bin}/uwsgi", "--http-socket", "127.0.0.1:0", "--master", "--processes", "2", "--threads", "4"),
        *("--need-app", "--die-on-term", "--module", "{app}"),
    ),
    r"bound to TCP address 127\.0\.0\.1:(\d+)",
    processes=2,
)


@dataclass(frozen=True)
class Serving:
    """A server that listens."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}/"


@contextlib.contextmanager
def serving(kind: Kind, application: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Serving]:
    """Serves an application in a working folder, with additions to the environment, and stops at the end.

    Raises:
        RuntimeError: the server ended, or did not listen in time. The message has its output.
    """
    log = folder / f"{kind.name}.log"
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(
            kind.command(application),
            cwd=folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Serving(_port(kind, process, log), log)
    finally:
        _stop(process)


def _port(kind: Kind, process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        if found := re.search(kind.listening, log.read_text(errors="replace")):
            return int(found[1])
        if ended:
            break
        time.sleep(0.02)
    raise RuntimeError(f"{kind.name} does not listen:\n{log.read_text(errors='replace')}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # A worker whose master was killed would otherwise live on.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
