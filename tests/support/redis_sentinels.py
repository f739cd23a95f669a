"""A Redis with a replica, and three sentinels that watch over them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from tests.support.redis_server import START_LIMIT, RedisServer
from tests.support.watched import Watched, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = "shop"
SENTINELS = 3
_CONFIGURATION = """
port {port}
bind 127.0.0.1
sentinel monitor {service} 127.0.0.1 {primary} 2
sentinel down-after-milliseconds {service} 1500
sentinel failover-timeout {service} 3000
"""


class WatchedRedis:
    """The servers and the sentinels. `servers[0]` is the first primary."""

    def __init__(self) -> None:
        first = RedisServer(["--repl-diskless-sync-delay", "0"])
        self.servers = [first, RedisServer(["--replicaof", f"127.0.0.1 {first.port}"])]
        _wait_until(self._is_replicated, "the replica has no copy")
        self._folder = Path(tempfile.mkdtemp(prefix="beaker-sentinels-"))
        self.ports = [free_port() for _ in range(SENTINELS)]
        self._sentinels = [self._sentinel(port) for port in self.ports]
        _wait_until(lambda: all(map(self._knows_all, self.ports)), "the sentinels do not find each other")
        places = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        self.url = f"redis+sentinel://{places}/0?service_name={SERVICE}"

    def _sentinel(self, port: int) -> Watched:
        # A sentinel writes its own configuration anew.
        file = self._folder / f"{port}.conf"
        file.write_text(
            _CONFIGURATION.format(port=port, service=SERVICE, primary=self.servers[0].port), encoding="utf-8"
        )
        command = ["redis-server", str(file), "--sentinel"]
        return Watched(command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _is_replicated(self) -> bool:
        with redis.Redis(port=self.servers[1].port, socket_timeout=1) as replica:
            return bool(replica.info("replication")["master_link_status"] == "up")

    def _knows_all(self, port: int) -> bool:
        try:
            with redis.Redis(port=port, socket_timeout=1) as sentinel:
                state = sentinel.sentinel_master(SERVICE)
        except (redis.exceptions.ConnectionError, redis.exceptions.ResponseError):
            return False
        return bool(state["num-other-sentinels"] == SENTINELS - 1 and state["num-slaves"] == 1)

    def primary(self) -> int:
        """The port of the primary, as the sentinels say."""
        with redis.Redis(port=self.ports[0], socket_timeout=1) as sentinel:
            return int(sentinel.sentinel_get_master_addr_by_name(SERVICE)[1])

    def fail_over(self) -> None:
        """Kills the primary once the replica has a copy. Returns when the replica has its place."""
        old = self._at(self.primary())
        _wait_until(self._is_copied, "the replica has no copy")
        old.kill()
        _wait_until(lambda: self.primary() != old.port and self._is_primary(), "no failover")

    def repair(self) -> None:
        """Starts the server that was killed, which becomes the replica."""
        for server in self.servers:
            if server.port != self.primary():
                server.start()
        _wait_until(self._is_copied, "the replica has no copy")

    def _is_copied(self) -> bool:
        """Whether the replica has all of the primary, which may still be a replica itself for a moment."""
        try:
            with redis.Redis(port=self.primary()) as client:
                return bool(client.wait(1, 100) == 1)
        except redis.exceptions.ResponseError:
            return False

    def _at(self, port: int) -> RedisServer:
        (found,) = (server for server in self.servers if server.port == port)
        return found

    def _is_primary(self) -> bool:
        with redis.Redis(port=self.primary()) as client:
            return bool(client.info("replication")["role"] == "master")

    def stop(self) -> None:
        """Kills everything, and removes the folders."""
        for sentinel in self._sentinels:
            sentinel.kill()
        for server in self.servers:
            server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + START_LIMIT
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError(otherwise)
        time.sleep(0.05)
