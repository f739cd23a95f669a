"""A serializer that lets another thread save the session first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tests.support.sessions import Literals

if TYPE_CHECKING:
    from collections.abc import Callable


class Overtaken(Literals):
    """Lets a rival save the session each time that the victim's thread reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.victim: int | None = None
        self.rival: Callable[[], None] = lambda: None
        self.rivals: list[threading.Thread] = []

    def loads(self, data: bytes) -> Any:
        if threading.get_ident() == self.victim:
            self.rivals.append(threading.Thread(target=self.rival))
            self.rivals[-1].start()
            self.rivals[-1].join(0.05)
        return super().loads(data)
