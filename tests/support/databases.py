"""Database servers, each in a temporary folder and on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.environment import LackingError
from tests.support.watched import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 90
_DEBIANS_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass
class Server:
    """A server that runs, its command, its address, and the signal that ends it as a power cut would.

    Processes of PostgreSQL outlive a SIGKILL of the first one for a moment; SIGQUIT makes it kill them.
    """

    command: list[str]
    url: str
    port: int
    folder: Path
    user: str | None
    death: signal.Signals
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, user=self.user, cwd=self.folder, start_new_session=True
            )
        end = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether somebody can log in."""
        import sqlalchemy

        engine = sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.pool.NullPool)
        try:
            with engine.connect():
                return True
        except sqlalchemy.exc.OperationalError:
            return False

    def kill(self) -> None:
        """Kills the server, as a power cut would."""
        os.killpg(self.process.pid, self.death)
        self.process.wait()

    def stop(self) -> None:
        """Ends the server and removes its folder."""
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def program(name: str, package: str, *folders: Path) -> str:
    """The path of a program of Debian's package."""
    places = os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        raise LackingError(f"{name} of {package} is not installed (./dev servers)")
    return found


def _folder_of(user: str | None) -> Path:
    # Memory is fast, and pytest's own folders are closed to other users.
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="beaker-rs-", dir=shared if shared.is_dir() else None))
    if user is not None:
        shutil.chown(folder, user)
    return folder


@contextmanager
def postgresql(*options: str) -> Iterator[Server]:
    """PostgreSQL. It refuses to run as root, so then its own user runs it."""
    initdb = program("initdb", "postgresql", *_DEBIANS_POSTGRESQL[-1:])
    postgres = program("postgres", "postgresql", *_DEBIANS_POSTGRESQL[-1:])
    user = "postgres" if os.geteuid() == 0 else None
    folder, port = _folder_of(user), free_port()
    subprocess.run(
        [initdb, "-D", folder / "data", "-U", "beaker", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    command = [postgres, "-D", str(folder / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    command += ["-c", "unix_socket_directories=", *options]
    server = Server(
        command, f"postgresql+psycopg://beaker@127.0.0.1:{port}/postgres", port, folder, user, signal.SIGQUIT
    )
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def mariadb(*options: str) -> Iterator[Server]:
    """MariaDB."""
    install = program("mariadb-install-db", "mariadb-server")
    mariadbd = program("mariadbd", "mariadb-server")
    user = "mysql" if os.geteuid() == 0 else None
    folder, port = _folder_of(user), free_port()
    where = ["--no-defaults", f"--datadir={folder / 'data'}"]
    subprocess.run(
        [
            install,
            *where,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    command = [
        mariadbd,
        *where,
        f"--port={port}",
        "--bind-address=127.0.0.1",
        f"--socket={folder / 'socket'}",
    ]
    command += [f"--pid-file={folder / 'pid'}", "--skip-name-resolve", *options]
    server = Server(
        command, f"mysql+pymysql://root@127.0.0.1:{port}/mysql", port, folder, user, signal.SIGKILL
    )
    try:
        yield server
    finally:
        server.stop()


SERVERS = {"postgresql": postgresql, "mariadb": mariadb}
QUICK = {
    "postgresql": ("-c", "fsync=off"),
    "mariadb": ("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"),
}
"""Options of servers whose data need not outlive the machine."""
