"""A Redis server that the tests start themselves, and the sessions in it."""

from __future__ import annotations

import atexit
import itertools
import pickle
import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from tests.support.environment import LackingError, skipped_where_impossible
from tests.support.sessions import Backend
from tests.support.watched import Watched, free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

START_LIMIT = 60
DATABASES = 20_000
PREFIX = "beaker_cache:"


class RedisServer:
    """A server on a free port, with a folder of its own. It keeps what it has when it is killed."""

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise LackingError("redis-server is not installed (./dev servers)")
        self.folder = Path(tempfile.mkdtemp(prefix="beaker-redis-")).resolve()
        self.port = free_port()
        self._command = [
            *(program, "--bind", "127.0.0.1", "--databases", str(DATABASES)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
            *arguments,
        ]
        self._process: Watched | None = None
        self.start()

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        log = self.folder / "server.log"
        with log.open("wb") as output:
            self._process = Watched(
                [*self._command, "--port", str(self.port)], cwd=self.folder, stdout=output, stderr=output
            )
        begin = time.monotonic()
        while not self._answers():
            if "Address already in use" in log.read_text():
                # Another process was faster.
                self.kill()
                self.port = free_port()
                self.start()
                return
            if time.monotonic() - begin > START_LIMIT:
                raise RuntimeError(log.read_text())
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=1) as client:
                # It may be another server that was given the same port.
                return bool(client.config_get("dir")["dir"] == str(self.folder))
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
            # Also while it loads its data.
            return False

    def kill(self) -> None:
        """Kills the server."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """Kills the server, and removes its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: int = 0) -> str:
        """The URL of one of its databases."""
        return f"redis://127.0.0.1:{self.port}/{database}"


class RedisCluster:
    """Three servers that share the keys."""

    NODES = 3

    def __init__(self) -> None:
        self.servers = [
            RedisServer(
                [
                    *("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
                    *("--cluster-node-timeout", "5000", "--databases", "16"),
                ]
            )
            for _ in range(self.NODES)
        ]
        nodes = [f"127.0.0.1:{server.port}" for server in self.servers]
        subprocess.run(
            ["redis-cli", "--cluster", "create", *nodes, "--cluster-yes"],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        self.wait()
        self.urls = ",".join(f"redis://{node}" for node in nodes)

    def wait(self) -> None:
        """Waits until the cluster answers."""
        begin = time.monotonic()
        while not all(self._is_ready(server) for server in self.servers):
            if time.monotonic() - begin > START_LIMIT:
                raise RuntimeError("the cluster does not come up")
            time.sleep(0.05)

    @staticmethod
    def _is_ready(server: RedisServer) -> bool:
        with redis.Redis(port=server.port) as client:
            return bool(client.cluster("info")["cluster_state"] == "ok")

    def stop(self) -> None:
        """Kills all servers, and removes their folders."""
        for server in self.servers:
            server.stop()


@cache
def shared() -> RedisServer:
    """The server that the tests of a process share."""
    server = RedisServer(["--appendonly", "no"])
    atexit.register(server.stop)
    return server


_DATABASES = itertools.cycle(range(DATABASES))


def new_url() -> str:
    """The URL of an empty database of the shared server. Ends the test if there is no server."""
    with skipped_where_impossible():
        url = shared().url(next(_DATABASES))
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url
    raise AssertionError


class RedisBackend(Backend):
    """Sessions in Redis, and a look at them by redis-py."""

    def texts(self) -> dict[str, str]:
        """The stored texts, by id."""
        with redis.Redis.from_url(self.options["url"]) as client:
            keys = [key.decode() for key in client.keys(f"{PREFIX}*")]
            values = {key: client.get(key) for key in keys}
        return {key.split(":")[1]: pickle.loads(value) for key, value in values.items() if value is not None}

    def plant(self, session_id: str, text: str) -> None:
        """Stores a text as another process would."""
        with redis.Redis.from_url(self.options["url"]) as client:
            client.set(f"{PREFIX}{session_id}:session", pickle.dumps(text))


def make_redis_backend() -> RedisBackend:
    """Sessions in an empty database."""
    return RedisBackend("redis", {"type": "ext:redis", "url": new_url()})
