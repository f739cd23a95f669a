"""The laws of a visit that met a failure, whatever the failure was."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from tests.faults.campaigns.expected import BEFORE, BYSTANDER, LOGIN, NEW_VALUE, OLD

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITTEN = {**BEFORE, "value": NEW_VALUE}
LOADS_A_SESSION = ("read", "touch", "write", "logout", "invalidate", "rotate", "merge")
OUR_ERRORS = {"StoreUnavailableError", "LockError"}

Case = dict[str, Any]


def broken(
    case: Case, result: dict[str, Any], verdict: dict[str, Any], ours: bool, misled: bool = False
) -> Iterator[str]:
    """The laws that one case broke.

    `result` is what the visit came to, with nothing told where its process was killed; `verdict` is what
    another process found afterwards. A visit is misled that was told of a file which is there that it is not:
    whoever believes that the session is gone is right to, and has to leave alone what is stored.
    """
    if result["signal"] == signal.SIGALRM:
        yield "a visit hangs"
        return
    told = result["told"]
    if told is None:
        if result["signal"] != signal.SIGKILL:
            yield f"a process ended by signal {result['signal']}"
    elif "trouble" in told:
        yield f"the campaign itself failed: {told['trouble']}"
        return
    else:
        yield from _of_the_visit(case["operation"], told, ours, misled)
    yield from _of_the_store(case, None if misled else told, verdict)
    yield from _of_what_follows(verdict)


def _of_the_visit(operation: str, told: dict[str, Any], ours: bool, misled: bool) -> Iterator[str]:
    error = told["error"]
    if error is not None:
        if told["began"] and operation != "sweep":
            yield "a response began although its session could not be saved"
        if ours and not OUR_ERRORS & set(told["kinds"]):
            yield f"an error is no StoreUnavailableError but {told['kinds'][0]}"
    if not misled and operation in LOADS_A_SESSION and told["seen"] not in (BEFORE, "nothing"):
        yield "a silent logout: the page saw another session"


def _of_the_store(case: Case, told: dict[str, Any] | None, verdict: dict[str, Any]) -> Iterator[str]:
    found = verdict["found"]
    for name, content in found.items():
        if isinstance(content, str):
            yield f"a record cannot be read afterwards ({name.split()[0]}): {content[:60]}"
    if any(isinstance(content, str) for content in found.values()):
        return
    if found.get("bystander", BYSTANDER) != BYSTANDER:
        yield "a session that was not visited changed"
    acknowledged = told is not None and told["error"] is None
    yield from _STORED[case["operation"]](case, told, verdict, acknowledged)
    made = LOGIN if case["operation"] == "login" else WRITTEN
    began = {"value": NEW_VALUE}
    for name, content in found.items():
        if name.startswith("unknown") and content not in (made, began, None):
            yield "a record holds what was never saved"


def _of_what_follows(verdict: dict[str, Any]) -> Iterator[str]:
    if verdict["served"] is not None:
        yield f"the next visit is refused: {verdict['served'][:80]}"
    if verdict["left"]:
        yield f"left after a sweep: {sorted(set(verdict['left']))}"


def _kept(case: Case, told: Any, verdict: dict[str, Any], acknowledged: bool) -> Iterator[str]:
    if verdict["found"]["cookie"] != BEFORE:
        yield "a visit that only reads changed the session or lost it"
    elif (
        case["operation"] == "touch"
        and acknowledged
        and not told["said"]
        and verdict["accessed"] <= case["accessed"]
    ):
        yield "an access time was not kept and nobody said so"


def _written(_case: Case, _told: Any, verdict: dict[str, Any], acknowledged: bool) -> Iterator[str]:
    stored = verdict["found"]["cookie"]
    if acknowledged and stored != WRITTEN:
        yield "a save that was acknowledged is lost"
    elif stored not in (BEFORE, WRITTEN):
        yield "what was saved before is lost"


def _merged(_case: Case, told: Any, verdict: dict[str, Any], acknowledged: bool) -> Iterator[str]:
    stored = dict(verdict["found"]["cookie"] or {})
    theirs = stored.pop("theirs", None) == "theirs"
    others = told.get("others") if told else None
    if others and others["error"] is None and not theirs:
        yield "a save that was acknowledged is lost (of the one that came between)"
    if acknowledged and stored != WRITTEN:
        yield "a save that was acknowledged is lost"
    elif stored not in (BEFORE, WRITTEN):
        yield "what was saved before is lost"


def _logged_in(_case: Case, told: Any, verdict: dict[str, Any], acknowledged: bool) -> Iterator[str]:
    if acknowledged:
        if not told["cookie"]:
            yield "a login was acknowledged without a cookie"
        elif verdict["found"]["new"] != LOGIN:
            yield "a login that was acknowledged is lost"


def _ended(_case: Case, _told: Any, verdict: dict[str, Any], acknowledged: bool) -> Iterator[str]:
    stored = verdict["found"]["cookie"]
    if acknowledged and stored:
        yield "a logout that was acknowledged did not happen"
    elif stored and stored != BEFORE:
        yield "what was saved before is lost"


def _rotated(case: Case, told: Any, verdict: dict[str, Any], acknowledged: bool) -> Iterator[str]:
    found = verdict["found"]
    moved = [content for name, content in found.items() if name == "new" or name.startswith("unknown")]
    if acknowledged:
        if found["cookie"]:
            yield "a rotation that was acknowledged left the session under its old id"
        if found.get("new") != WRITTEN:
            yield "a rotation that was acknowledged lost the session"
    elif told is None:
        # Killed or misled: the session has the old id, the new one, or both.
        if found["cookie"] != BEFORE and WRITTEN not in moved:
            yield "a rotation that was killed lost the session"
    elif found["cookie"] != BEFORE:
        yield "a rotation that failed took the session from its old id"
    elif WRITTEN in moved and not case.get("lasts"):
        # Where the fault lasts, the new record may be one that nothing can remove.
        yield "a rotation that failed left the session under a second id"


def _swept(_case: Case, _told: Any, verdict: dict[str, Any], _acknowledged: bool) -> Iterator[str]:
    if verdict["found"]["cookie"] != BEFORE:
        yield "a sweep removed a session that lives"
    if verdict["found"]["old"] not in (OLD, None):
        yield "a sweep changed a session"


_STORED = {
    "read": _kept,
    "touch": _kept,
    "write": _written,
    "merge": _merged,
    "login": _logged_in,
    "logout": _ended,
    "invalidate": _ended,
    "rotate": _rotated,
    "sweep": _swept,
}
