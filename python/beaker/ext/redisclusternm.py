# ruff: noqa: ARG002 - the signatures are the ones that applications use
"""The backend in a Redis Cluster, through redis-py."""

import importlib
from typing import Any

from beaker._option_keys import identity
from beaker.exceptions import ConfigurationError, InvalidCacheBackendError, MissingCacheParameter
from beaker.ext.redisnm import RedisNamespaceManager, RedisSynchronizer

__all__ = ["RedisClusterNamespaceManager", "RedisClusterSynchronizer"]

# What the middleware passes to every backend, and a client does not know.
_NOT_FOR_CLIENTS = frozenset({"data_dir", "digest_filenames", "url", "lock_dir", "session_class", "auto"})


def _import_redis() -> Any:
    try:
        importlib.import_module("redis.cluster")
        return importlib.import_module("redis")
    except ImportError as cause:
        raise InvalidCacheBackendError(
            "the backend ext:rediscluster needs the package redis: pip install beaker-rs[rediscluster]"
        ) from cause


def _nodes(urls: str) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """The hosts and ports of some nodes, and the options in their URLs."""
    redis = _import_redis()
    nodes, common = [], {}
    for number, url in enumerate(urls.split(","), 1):
        trouble = None
        try:
            parts = dict(redis.connection.parse_url(url.strip()))
        except ValueError:
            trouble = ConfigurationError(
                f"urls must be addresses of nodes, as in redis://host:port, with commas between them: number "
                f"{number} is none, or an option in it is wrong"
            )
        if trouble is not None:
            # The cause may show the password.
            raise trouble
        if parts.pop("db", 0):
            raise redis.exceptions.RedisClusterException("a Redis Cluster has only the database 0")
        # The class says that there is TLS.
        if parts.pop("connection_class", None) is not None:
            parts["ssl"] = True
        nodes.append((parts.pop("host", "localhost"), parts.pop("port", 6379)))
        common.update(parts)
    return nodes, common


def _cluster(urls: str, options: dict[str, Any]) -> Any:
    """A client for the cluster of some nodes."""
    redis = _import_redis()
    cluster = redis.cluster
    named, common = _nodes(urls)
    nodes = [cluster.ClusterNode(host, port) for host, port in named]
    if not options.keys() & {"retry", "cluster_error_retry_attempts"}:
        # The client repeats any command whose reply is lost, also a change that must not be made twice.
        common["retry"] = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    return cluster.RedisCluster(startup_nodes=nodes, **{**common, **options})


def _needed(urls: Any, url: Any) -> Any:
    urls = url if urls is None else urls
    if urls is None or urls == "":
        raise MissingCacheParameter(
            "urls is missing: set it to nodes of the cluster, as in redis://host:port"
        )
    return urls


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
        urls = _needed(urls, kwargs.get("url"))
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

    @classmethod
    def _check_options(cls, urls: Any = None, url: Any = None, **_options: Any) -> None:
        """Judges the options of sessions, without a connection."""
        urls = _needed(urls, url)
        if isinstance(urls, str):
            _nodes(urls)

    def get_creation_lock(self, key: str) -> "RedisClusterSynchronizer":
        """The lock for making a value for ``key``, between all processes that use the cluster."""
        return RedisClusterSynchronizer(self._format_key(key), self.client)


class RedisClusterSynchronizer(RedisSynchronizer):
    """A lock between all threads and processes that use a Redis Cluster. A reader locks as a writer does."""

    def __init__(self, identifier: str, urls: Any, nodes: Any = None, **kwargs: Any) -> None:
        super().__init__(identifier, _cluster(urls, kwargs) if isinstance(urls, str) else urls)
