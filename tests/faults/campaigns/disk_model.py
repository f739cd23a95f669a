"""The possible contents of a disk after a power cut, from a trace of the system calls before it.

The model is that of a file system with a journal for names and none for data (XFS, or ext4 at its least):

* What `fsync` of a file has returned for, of that file's bytes, is there. What `fsync` of a folder has
  returned for, of the names in that folder, is there. Syncing a file says nothing about its name, nor a
  folder about its own.
* Every other change of a name (made, renamed, exchanged, removed) is there or not, whatever became of the
  others, but is done as a whole, and only if the changes of the same names before it are there.
* Of bytes written to a file and not synced, each sector of 512 is there or reads as it did before: as
  zeros, where the file was shorter. The length is the old, the new or anything between. A sector is never
  torn, and never reads as what some other file once had (which `data=writeback` of ext4 could do, and
  nothing survives).

`ext4` is the same with that file system's defaults (`data=ordered,auto_da_alloc`): a file's bytes are
written before its length says so, from the front, and a rename over a file that is there writes all bytes
of the new one first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from tests.faults.campaigns.disk_trace import ByteChange, NameChange, Trace

SECTOR = 512
PAGE = 4096

Tree = dict[str, bytes]
"""The bytes of every file, by its path."""


@dataclass(frozen=True)
class Cut:
    """One way in which a cut may go: how likely it is that something unsynced is there."""

    names: float
    bytes: float
    ext4: bool = False


def after_cut(trace: Trace, moment: int, cut: Cut, chance: random.Random) -> Tree:
    """A tree of files that may be there when the power fails after `moment` changes and syncs."""
    kept = _kept(trace, moment, cut, chance)
    written = {change.inode for change in kept if cut.ext4 and change.replaces}
    tree: dict[str, int] = {}
    folders: set[str] = set()
    for change in kept:
        _apply(change, tree, folders)
    reachable = {path: inode for path, inode in tree.items() if _is_reachable(path, folders)}
    contents = {}
    for inode in sorted(set(reachable.values())):
        fate = replace(cut, bytes=1.0) if inode in written else cut
        contents[inode] = _content(trace, moment, inode, fate, chance)
    return {path: contents[inode] for path, inode in reachable.items()}


def _kept(trace: Trace, moment: int, cut: Cut, chance: random.Random) -> list[NameChange]:
    kept = []
    lost: set[str] = set()
    for change in trace.names:
        if change.at > moment:
            break
        is_synced = change.synced is not None and change.synced <= moment
        builds_on_lost = any(path in lost for path in change.paths)
        if is_synced or (not builds_on_lost and chance.random() < cut.names):
            kept.append(change)
        else:
            lost.update(change.paths)
    return kept


def _apply(change: NameChange, tree: dict[str, int], folders: set[str]) -> None:
    if change.kind == "folder":
        folders.add(change.paths[0])
    elif change.kind == "make":
        tree[change.paths[0]] = change.inode
    elif change.kind == "remove":
        tree.pop(change.paths[0], None)
    elif change.kind == "rename":
        tree[change.paths[1]] = tree.pop(change.paths[0])
    else:
        one, other = change.paths
        tree[one], tree[other] = tree[other], tree[one]


def _is_reachable(path: str, folders: set[str]) -> bool:
    parents = [str(parent) for parent in PurePosixPath(path).parents]
    made = [parent for parent in parents if parent in folders]
    # The folder that all is in was there before.
    return len(made) >= 3


def _content(trace: Trace, moment: int, inode: int, cut: Cut, chance: random.Random) -> bytes:
    content = bytearray()
    for change in trace.bytes:
        if change.inode == inode and change.at <= moment:
            if change.synced is not None and change.synced <= moment:
                _put(content, change.offset, change.data)
            else:
                _put_some(content, change, cut, chance)
    return bytes(content)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset + len(data):
        content.extend(b"\0" * (offset + len(data) - len(content)))
    content[offset : offset + len(data)] = data


def _put_some(content: bytearray, change: ByteChange, cut: Cut, chance: random.Random) -> None:
    """Puts in what reached the disk of bytes that were not synced."""
    old, offset, end = len(content), change.offset, change.end
    if cut.bytes >= 1:
        _put(content, offset, change.data)
        return
    if end > old and cut.ext4:
        # Whole pages from the front; a length that is not reached is not there.
        reached = chance.choice([old, min(end, PAGE * chance.randint(0, end // PAGE + 1)), end])
        if reached > offset:
            _put(content, offset, change.data[: reached - offset])
        return
    if end > old:
        length = chance.choice([old, end, chance.randint(old, end)])
        content.extend(b"\0" * (length - old))
    for start, stop in _sectors(offset, min(end, len(content))):
        if chance.random() < cut.bytes:
            content[start:stop] = change.data[start - offset : stop - offset]


def _sectors(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = min((start // SECTOR + 1) * SECTOR, end)
        yield start, stop
        start = stop
