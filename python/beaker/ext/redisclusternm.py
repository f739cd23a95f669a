# ruff: noqa: ARG002 - the signatures are the ones that applications use
"""The backend in a Redis Cluster, through redis-py."""

import importlib
from typing import Any

from beaker._option_keys import identity
from beaker.exceptions import InvalidCacheBackendError
from beaker.ext.redisnm import RedisNamespaceManager, RedisSynchronizer

__all__ = ["RedisClusterNamespaceManager", "RedisClusterSynchronizer"]

# What the middleware passes to every backend, and a client does not know.
_NOT_FOR_CLIENTS = frozenset({"data_dir", "digest_filenames", "url", "lock_dir", "session_class", "auto"})


def _cluster(urls: str, options: dict[str, Any]) -> Any:
    """A client for the cluster of some nodes, and the nodes."""
    try:
        redis: Any = importlib.import_module("redis")
        cluster: Any = importlib.import_module("redis.cluster")
    except ImportError as cause:
        raise InvalidCacheBackendError(
            "the backend ext:rediscluster needs the package redis: pip install beaker-rs[rediscluster]"
        ) from cause
    nodes, common = [], {}
    for url in urls.split(","):
        parts = dict(redis.connection.parse_url(url.strip()))
        if parts.pop("db", 0):
            raise redis.exceptions.RedisClusterException("a Redis Cluster has only the database 0")
        # The class says that there is TLS.
        if parts.pop("connection_class", None) is not None:
            parts["ssl"] = True
        nodes.append(cluster.ClusterNode(parts.pop("host", "localhost"), parts.pop("port", 6379)))
        common.update(parts)
    if not options.keys() & {"retry", "cluster_error_retry_attempts"}:
        # The client repeats any command whose reply is lost, also a change that must not be made twice.
        common["retry"] = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    return cluster.RedisCluster(startup_nodes=nodes, **{**common, **options})


class RedisClusterNamespaceManager(RedisNamespaceManager):
    """The values of one namespace in a Redis Cluster, each a pickle under a key of its own.

    ``urls`` are the URLs of some of its nodes, with commas between them, or a ``redis.RedisCluster`` object.
    They have no database. Other arguments are options of ``redis.RedisCluster``.
    """

    def __init__(
        self,
        namespace: str,
        urls: Any = None,
        timeout: float | None = None,
        *,
        key_prefix: str | None = None,
        connect_timeout: float | None = None,
        operation_timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        urls = kwargs.get("url") if urls is None else urls
        self.options = {name: value for name, value in kwargs.items() if name not in _NOT_FOR_CLIENTS}
        for name, seconds, default in (
            ("socket_connect_timeout", connect_timeout, 5),
            ("socket_timeout", operation_timeout, 5),
        ):
            self.options.setdefault(name, default if seconds is None else seconds)
        if isinstance(urls, str):
            known = (urls, *sorted((name, identity(value)) for name, value in self.options.items()))
            client = self.clients.get(known, _cluster, urls, self.options)
        else:
            client = urls
        super().__init__(namespace, client, timeout, key_prefix=key_prefix)

    def get_creation_lock(self, key: str) -> "RedisClusterSynchronizer":
        """The lock for making a value for ``key``, between all processes that use the cluster."""
        return RedisClusterSynchronizer(self._format_key(key), self.client)


class RedisClusterSynchronizer(RedisSynchronizer):
    """A lock between all threads and processes that use a Redis Cluster. A reader locks as a writer does."""

    def __init__(self, identifier: str, urls: Any, nodes: Any = None, **kwargs: Any) -> None:
        super().__init__(identifier, _cluster(urls, kwargs) if isinstance(urls, str) else urls)
