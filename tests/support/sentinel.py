"""A Redis server, its replica, and a Sentinel that puts the replica in its place."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import redis
from redis.sentinel import Sentinel

from tests.support.redis_server import START_LIMIT, RedisServer
from tests.support.watched import Watched, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "shop"
CONFIGURATION = """port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {name} 127.0.0.1 {master} 1
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 2000
"""


def client_of(port: int) -> Any:
    """A client of redis-py that asks the Sentinel which server it is to use."""
    make: Any = Sentinel
    return make([("127.0.0.1", port)], socket_timeout=5).master_for(NAME, socket_timeout=5)


class SentinelServers:
    """Two servers, one of which has a copy of the other's data, and the Sentinel."""

    def __init__(self) -> None:
        self.servers = [RedisServer()]
        self.servers.append(RedisServer(["--replicaof", "127.0.0.1", str(self.servers[0].port)]))
        self.port = free_port()
        folder = self.servers[0].folder
        self._log, file = folder / "sentinel.log", folder / "sentinel.conf"
        file.write_text(
            CONFIGURATION.format(port=self.port, folder=folder, name=NAME, master=self.servers[0].port)
        )
        with self._log.open("wb") as log:
            self._process = Watched(["redis-server", str(file), "--sentinel"], stdout=log, stderr=log)
        self._sentinel = redis.Redis(port=self.port)
        self._wait(self._has_copy)

    def master(self) -> RedisServer:
        """The server that the Sentinel names."""
        named: Any = self._sentinel.sentinel_get_master_addr_by_name(NAME)
        (found,) = (server for server in self.servers if server.port == named[1])
        return found

    def _has_copy(self) -> bool:
        # The one copies the other, and the Sentinel knows of both.
        with redis.Redis(port=self.master().port) as master:
            known: Any = self._sentinel.sentinel_master(NAME)
            return bool(master.wait(1, 100) == 1 and known["num-slaves"] == 1)

    def fail_over(self) -> None:
        """Kills the server in use once its data is copied; the other one takes its place."""
        self._wait(self._has_copy)
        killed = self.master()
        killed.kill()
        self._wait(lambda: self.master() is not killed and self._is_writable(self.master()))

    def repair(self) -> None:
        """Starts the server that was killed, which becomes the copy."""
        for server in self.servers:
            if server is not self.master():
                server.start()
        self._wait(self._has_copy)

    @staticmethod
    def _is_writable(server: RedisServer) -> bool:
        with redis.Redis(port=server.port) as client:
            return bool(client.info("replication")["role"] == "master")

    def _wait(self, condition: Callable[[], bool]) -> None:
        begin = time.monotonic()
        while not self._holds(condition):
            if time.monotonic() - begin > START_LIMIT:
                raise RuntimeError(self._log.read_text()[-2000:])
            time.sleep(0.02)

    @staticmethod
    def _holds(condition: Callable[[], bool]) -> bool:
        try:
            return condition()
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """Kills everything, and removes the folders."""
        self._process.kill()
        self._sentinel.close()
        for server in self.servers:
            server.stop()
