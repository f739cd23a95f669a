"""A lock between machines: a lease in a store that compares and changes in one step.

The lease is a text: a random token, and how often the holder renewed it. A process that sees the same text
for :data:`LEASE` seconds of its own time takes the lease over, so no two clocks are compared.
"""

import contextlib
import os
import threading
import time
import uuid
from typing import Protocol

from beaker._locks import SynchronizerImpl, Waiting
from beaker._registry import ProcessLock
from beaker.exceptions import BeakerException, OutcomeUnknownError

__all__ = ["LEASE", "LeaseLock", "Place", "renewals"]

LEASE = 10.0
"""In seconds."""

# A lease is renewed this often in its time.
_RENEWALS = 4
_MOST_SEEN = 4096


class Place(Protocol):
    """Where a text is stored."""

    @property
    def server(self) -> object:
        """What stores the texts of this place and others."""

    def look(self) -> str | None:
        """The text, if there is one."""

    def swap(self, expected: str | None, text: str | None) -> bool:
        """Changes the text from the expected one in one step. Returns whether it did."""


class LeaseLock(SynchronizerImpl):
    """A lock for one writer. Readers are not locked out: they read in one step."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def acquire_read_lock(self, wait: bool = True) -> bool:  # noqa: ARG002 - the signature is the base's
        """Does nothing; ``True``."""
        return True

    def release_read_lock(self) -> None:
        """Does nothing."""

    def do_acquire_write_lock(self, wait: bool) -> bool:
        """Takes the lease, or that of a holder that does not renew it."""
        waiting: Waiting | None = None
        while not self._try(self.state):
            if not wait:
                return False
            waiting = waiting or Waiting()
            waiting.pause()
        return True

    def do_release_write_lock(self) -> None:
        """Ends the lease."""
        self._let_go(self.state)

    def _try(self, state: SynchronizerImpl.SyncState) -> bool:
        found = self._place.look()
        if found is not None and not _sightings.has_lapsed(found):
            return False
        # It is recorded before it is taken, so that an interruption ends it.
        state.held = lease = _Lease(self._place)
        if not lease.take(found):
            state.held = None
            return False
        renewals.add(lease)
        return True

    def _let_go(self, state: SynchronizerImpl.SyncState) -> None:
        lease, state.held = state.held, None
        if lease is not None:
            renewals.discard(lease)
            lease.end()


class _Sightings:
    """Since when this process sees each lease of others unchanged, whichever of its locks looks.

    So a lease lapses also where each look is made by another lock.
    """

    def __init__(self) -> None:
        self._mutex = ProcessLock()
        self._since: dict[str, tuple[str, float]] = {}

    def has_lapsed(self, text: str) -> bool:
        token, now = text.partition(" ")[0], time.monotonic()
        with self._mutex:
            seen, since = self._since.pop(token, (text, now))
            # The one that was looked at last is the last one.
            self._since[token] = text, (since if seen == text else now)
            if len(self._since) > _MOST_SEEN:
                del self._since[next(iter(self._since))]
            return now - self._since[token][1] >= LEASE


_sightings = _Sightings()


class _Lease:
    """The lease of one holder, while it has a text."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._process = os.getpid()
        self._mutex = threading.Lock()
        self._text: str | None = None

    @property
    def server(self) -> object:
        """What stores it."""
        return self._place.server

    def take(self, lapsed: str | None) -> bool:
        """Stores the lease in the place of none, or of one that has lapsed."""
        self._text = text = f"{uuid.uuid4().hex} 0"
        try:
            is_taken = self._place.swap(lapsed, text)
        except OutcomeUnknownError:
            is_taken = self._place.look() == text
        if not is_taken:
            self._text = None
        return is_taken

    def renew(self) -> None:
        """Renews the lease, if nobody has taken it over."""
        with self._mutex:
            if self._text is None:
                return
            token, _, count = self._text.partition(" ")
            renewed = f"{token} {int(count) + 1}"
            # If the store is down, the next renewal may come in time.
            with contextlib.suppress(BeakerException):
                self._text = renewed if self._change(self._text, renewed) else None

    def end(self) -> None:
        """Removes the lease. If that fails, it lapses."""
        if os.getpid() != self._process:
            # The parent still has it.
            return
        with self._mutex:
            text, self._text = self._text, None
            if text is not None:
                with contextlib.suppress(BeakerException):
                    self._change(text, None)

    def _change(self, text: str, new: str | None) -> bool:
        """Changes the text, also from that of a renewal whose reply was lost."""
        with contextlib.suppress(OutcomeUnknownError):
            if self._place.swap(text, new):
                return True
        found = self._place.look()
        if found == new:
            return True
        is_ours = found is not None and found.partition(" ")[0] == text.partition(" ")[0]
        return is_ours and self._place.swap(found, new)


class Lease(Protocol):
    """The lease of one holder."""

    @property
    def server(self) -> object:
        """What stores it."""

    def renew(self) -> None:
        """Renews the lease, unless it is over."""


class _Renewals:
    """The leases of this process, and for each server a thread that renews them while there are any.

    A server that hangs does not keep the leases on others from being renewed.
    """

    def __init__(self) -> None:
        self._mutex = ProcessLock()
        self._leases: dict[int, set[Lease]] = {}

    def add(self, lease: Lease) -> None:
        server = id(lease.server)
        with self._mutex:
            if server not in self._leases:
                thread = threading.Thread(target=self._run, args=(server,), name="beaker-leases", daemon=True)
                thread.start()
            self._leases.setdefault(server, set()).add(lease)

    def discard(self, lease: Lease) -> None:
        with self._mutex:
            self._leases.get(id(lease.server), set()).discard(lease)

    def forget_all(self) -> None:
        self._leases.clear()

    def _run(self, server: int) -> None:
        while True:
            time.sleep(LEASE / _RENEWALS)
            with self._mutex:
                leases = list(self._leases[server])
                if not leases:
                    del self._leases[server]
                    return
            for lease in leases:
                # The next renewal may come in time, and so may those of the others.
                with contextlib.suppress(Exception):
                    lease.renew()


renewals = _Renewals()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renewals.forget_all)
