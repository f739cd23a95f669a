"""Helpers of the tests of `destroy_old = grace:30`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Browser, Visit

GRACE = 30
KEPT: dict[str, Any] = {"destroy_old": f"grace:{GRACE}"}
POINTER = "move1."


def rotate(session: Any) -> str:
    session.regenerate_id()
    session.save()
    new: str = session.id
    return new


def put(**values: Any) -> Callable[[Any], None]:
    def work(session: Any) -> None:
        session.update(values)
        session.save()

    return work


class Pair:
    """A browser, and a request that still comes with the cookie which the browser had before."""

    def __init__(self, visitor: Browser) -> None:
        self.visitor = visitor
        visitor.put(name="Ada")
        self.before = visitor.jar
        self.old = visitor.id
        visitor.visit(rotate)
        self.now = visitor.jar
        self.new = visitor.id
        assert self.old != self.new

    def late(self, work: Callable[[Any], Any] | None = None) -> Visit:
        """A request with the cookie of before."""
        visit = self.visitor.visit(work, cookie=self.before)
        self.visitor.jar = self.now
        return visit

    def content(self) -> dict[str, Any]:
        self.visitor.jar = self.now
        return self.visitor.read()


def name(session: Any) -> tuple[Any, ...]:
    return session.get("name"), session.id, session.is_new, session.was_invalidated
