"""Replies of servers that are cut at every byte, swallowed or late, and requests that come late."""

from __future__ import annotations

import itertools
import random
import threading
from typing import TYPE_CHECKING

from beaker.exceptions import OutcomeUnknownError, StoreUnavailableError
from tests.faults.campaigns.report import Report, Size
from tests.faults.campaigns.troubled_visits import KINDS, STORES, Visited, site
from tests.support.sessions import Browser

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.faults.campaigns.troubled_visits import Kind, Site

LONGEST = 30.0
"""In seconds. A visit that takes longer hangs."""
STORMS = {Size.SHORT: (4, 12), Size.FULL: (8, 500)}
"""Browsers at once, and the visits of each."""
STEPS = {"postgresql": 5}
"""Replies are cut behind every byte, and the long ones of PostgreSQL behind every fifth."""
CHANCE = 0.1
"""Of a reply to be cut in a storm."""


def _cut(number: int, place: int) -> Callable[[bytes], int | None]:
    """Cuts the reply of that number, beginning with 0, behind so many bytes."""
    numbers = itertools.count()
    return lambda _reply: place if next(numbers) == number else None


def _keep(number: int) -> Callable[[bytes], bool]:
    """Keeps back the request of that number."""
    numbers = itertools.count()
    return lambda _request: next(numbers) == number


def learnt(where: Site, kind: Kind) -> tuple[list[int], int]:
    """The lengths of the replies to a visit, and the number of its requests."""
    lengths: list[int] = []
    requests: list[int] = []

    def hear(reply: bytes) -> None:
        lengths.append(len(reply))

    def say(request: bytes) -> bool:
        requests.append(len(request))
        return False

    visited = Visited(where, kind)
    where.trouble.cut, where.trouble.keep = hear, say
    visited.go()
    where.calm()
    if visited.error is not None:
        raise visited.error
    return lengths, len(requests)


def judge(visited: Visited, what: str, report: Report) -> None:
    """Notes what broke, and that the next visit is served."""
    laws = list(visited.broken())
    if visited.seconds > LONGEST:
        laws.append(f"a visit took {visited.seconds:.0f} s")
    try:
        visited.browser.visit(lambda session: session.get("count"))
    except StoreUnavailableError as error:
        laws.append(f"the next visit fails: {error!r}")
    for law in laws:
        report.breaks(f"{visited.site.store}, {visited.kind.name}, {what}: {law}")
    report.count("answered by an exception", visited.error is not None)
    report.count("of them in doubt", visited.is_in_doubt)


def cut_replies(where: Site, kind: Kind, size: Size, report: Report) -> None:
    """Cuts each reply of a visit behind its bytes."""
    for number, length in enumerate(learnt(where, kind)[0]):
        places = [0, length // 2, length]
        if size is Size.FULL:
            places = [*range(0, length, STEPS.get(where.store, 1)), length]
        for place in sorted(set(places)):
            visited = Visited(where, kind)
            where.trouble.cut = _cut(number, place)
            visited.go()
            where.calm()
            report.count("replies cut")
            judge(visited, f"reply {number} cut behind {place} bytes", report)


def delay_requests(where: Site, kind: Kind, report: Report) -> None:
    """Keeps each request of a visit back until the visit is over, and then delivers it."""
    for number in range(learnt(where, kind)[1]):
        visited = Visited(where, kind)
        where.trouble.keep = _keep(number)
        visited.go()
        where.calm()
        where.trouble.deliver()
        report.count("requests late")
        judge(visited, f"request {number} late", report)


class Stormy(threading.Thread):
    """A browser that counts its visits in its session, and remembers what it was told."""

    def __init__(self, where: Site, visits: int, seed: int) -> None:
        super().__init__()
        self.where, self.visits = where, visits
        self.chance = random.Random(seed)
        self.browser = Browser(where.through)
        self.least = self.most = 0
        self.may_have_ended = False
        self.ended: list[str] = []
        self.acknowledged = self.failed = self.unknown = 0
        self.broken: list[str] = []

    def run(self) -> None:
        for _ in range(self.visits):
            self.visit(self.chance.choices(("save", "read", "login", "logout"), (6, 3, 2, 1))[0])

    def visit(self, what: str) -> None:
        """One visit."""
        cookie = self.browser.jar

        def page(session: Any) -> int | None:
            seen: int | None = session.get("count")
            if what == "logout":
                session.delete()
            elif what != "read" or seen is None:
                session["count"] = (seen or 0) + 1
                if what == "login" and seen is not None:
                    session.regenerate_id()
                session.save()
            return seen

        changes = what in {"login", "logout"}
        try:
            seen = self.browser.visit(page).result
        except OutcomeUnknownError:
            self.unknown += 1
            self.failed += 1
            self.most += what != "logout"
            self.may_have_ended |= changes
        except StoreUnavailableError:
            self.failed += 1
        else:
            self.acknowledged += 1
            self._compare(seen, cookie)
            self.least = self.most = (seen or 0) + (what in {"save", "login"} or seen is None)
            self.may_have_ended = False
            if what == "logout":
                self.browser.jar = None
                self.least = self.most = 0
                self.ended += [] if cookie is None else [cookie]

    def _compare(self, seen: int | None, cookie: str | None) -> None:
        if seen is None:
            if cookie is not None and not self.may_have_ended:
                self.broken.append("a silent logout")
        elif not self.least <= seen <= self.most:
            self.broken.append(f"the counter is {seen}, and not from {self.least} to {self.most}")


def storm(where: Site, size: Size, report: Report) -> None:
    """Visits of several browsers at once, where any reply may be cut."""
    browsers, visits = STORMS[size]
    chance, cuts = random.Random(1), [0]

    def cut(reply: bytes) -> int | None:
        if chance.random() >= CHANCE:
            return None
        cuts[0] += 1
        return chance.randrange(len(reply) + 1)

    stormy = [Stormy(where, visits, seed) for seed in range(browsers)]
    where.trouble.cut = cut
    for one in stormy:
        one.start()
    for one in stormy:
        one.join()
    where.calm()
    report.count("replies cut", cuts[0])
    for one in stormy:
        one.visit("read")
        report.count("visits in storms", one.visits)
        report.count("of those by an exception", one.failed)
        report.count("of these in doubt", one.unknown)
        for cookie in one.ended:
            if where.kept(cookie) is not None:
                one.broken.append("a session that was ended is back")
        for law in one.broken:
            report.breaks(f"{where.store}, in a storm: {law}")


def campaign(size: Size) -> Report:
    """Tries all of it on each store."""
    report = Report("cuts")
    for what in ("replies cut", "requests late", "answered by an exception", "of them in doubt"):
        report.count(what, 0)
    for store in STORES:
        with site(store) as where:
            for kind in KINDS:
                cut_replies(where, kind, size, report)
                # A lock that is taken late lapses, for which the next visit waits.
                if size is Size.FULL or not kind.locks:
                    delay_requests(where, kind, report)
            storm(where, size, report)
    return report
