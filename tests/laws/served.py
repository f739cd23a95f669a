"""A backend on a server behind a proxy, which can be down."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from beaker.testing import Backend
from tests.support.proxy import Proxy, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator


def proxy_of(port: int) -> Proxy:
    """A proxy before a server of this machine."""
    return Proxy("127.0.0.1", port, Trouble())


class Served(Backend):
    """A backend that other processes use by the same options, and that is down when its proxies are."""

    def __init__(self, options: dict[str, Any], *proxies: Proxy) -> None:
        super().__init__(options)
        self._proxies = proxies

    @contextmanager
    def down(self) -> Iterator[None]:
        with ExitStack() as stack:
            for proxy in self._proxies:
                stack.enter_context(proxy.down())
            yield

    def __getstate__(self) -> dict[str, Any]:
        """The options, for another process."""
        return {"options": self.options}
