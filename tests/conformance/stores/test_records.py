"""The laws of every store, through sessions with program-chosen ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beaker.container import MemoryNamespaceManager
from tests.support.sessions import Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]


def test_clearing_the_memory_backend_ends_every_session_in_memory(memory: Backend) -> None:
    visitor = Browser(memory.options)
    visitor.put(name="Ada")
    MemoryNamespaceManager.namespaces.clear()
    assert visitor.read() == {}
    assert memory.texts() == {}


def test_the_memory_type_is_served_by_the_memory_manager(memory: Backend) -> None:
    assert opened(memory, "chosen").namespace_class is MemoryNamespaceManager


def test_a_backend_may_be_registered_under_a_name(written_in_python: Backend) -> None:
    from beaker.cache import clsmap

    clsmap["ext:own"] = written_in_python.options["namespace_class"]
    try:
        visitor = Browser(type="ext:own", prefix="p")
        visitor.put(name="Ada")
        assert visitor.read() == {"name": "Ada"}
        assert visitor.visit(lambda session: session.namespace.arguments["prefix"]).result == "p"
    finally:
        del clsmap["ext:own"]
    assert list(written_in_python.texts()) == [visitor.id]
