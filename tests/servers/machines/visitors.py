"""Visitors who ask the machines by turns, each with a session. Prints what they saw, as JSON.

Run on the machine of the stores: `python -m tests.servers.machines.visitors VISITORS SECONDS ADDRESS...`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.error import HTTPError
from urllib.request import Request, urlopen

LONGEST_ANSWER = 30.0


@dataclass
class Visitor:
    """A visitor, the cookie, and what has been seen."""

    addresses: list[str]
    cookie: str = ""
    visits: int = 0
    doubtful: int = 0
    """The failed visits since the last one that was answered. Each may have been counted."""
    seen: Counter[str] = field(default_factory=Counter)
    processes: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    failed_seconds: list[float] = field(default_factory=list)

    def visit_until(self, end: float) -> None:
        """Visits the machines by turns."""
        turn = 0
        while time.monotonic() < end:
            self.visit(self.addresses[turn % len(self.addresses)])
            turn += 1

    def visit(self, address: str) -> None:
        """Visits once, and compares the answer with what is known."""
        request = Request(f"http://{address}/", headers={"Cookie": self.cookie} if self.cookie else {})
        begin = time.monotonic()
        try:
            with urlopen(request, timeout=LONGEST_ANSWER) as response:
                number, process = response.read().decode().split()
                cookie = response.headers["Set-Cookie"]
        except OSError as error:
            self.failed_seconds.append(time.monotonic() - begin)
            self.seen[f"failed {error.code if isinstance(error, HTTPError) else type(error).__name__}"] += 1
            self.doubtful += 1
            return
        self.seconds.append(time.monotonic() - begin)
        self.processes.add(process)
        self.seen["answered"] += 1
        if self.cookie and cookie is not None:
            self.seen["logged out"] += 1
        if cookie is not None:
            self.cookie = cookie.partition(";")[0]
        if int(number) <= self.visits:
            self.seen["lost"] += 1
        if int(number) > self.visits + self.doubtful + 1:
            self.seen["counted twice"] += 1
        self.visits, self.doubtful = int(number), 0


def quantile(values: list[float], part: float) -> float:
    """The value that the given part of the values does not exceed, in milliseconds."""
    ordered = sorted(values)
    return round(1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2) if ordered else 0.0


def main() -> None:
    """Lets all visit, and prints the sums."""
    number, seconds, *addresses = sys.argv[1:]
    visitors = [Visitor(addresses) for _ in range(int(number))]
    end = time.monotonic() + float(seconds)
    threads = [threading.Thread(target=visitor.visit_until, args=(end,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Every session is asked for once more when all is well again.
    for visitor in visitors:
        for address in addresses * 2:
            visitor.visit(address)
    seen = sum((visitor.seen for visitor in visitors), Counter[str]())
    times = [second for visitor in visitors for second in visitor.seconds]
    failed = [second for visitor in visitors for second in visitor.failed_seconds]
    shown = {
        "seen": dict(seen),
        "processes": len(set().union(*(visitor.processes for visitor in visitors))),
        "milliseconds": {"median": quantile(times, 0.5), "p99": quantile(times, 0.99)},
        "slowest failure": quantile(failed, 1.0),
    }
    sys.stdout.write(json.dumps(shown))


if __name__ == "__main__":
    main()
