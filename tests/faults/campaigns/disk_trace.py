"""The changes to a disk in a trace of system calls, and when each was synced."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.campaigns.tracing import Call

STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r"^(\d+)<")
RESULT = re.compile(r"\) += (-?\d+)")


@dataclass
class NameChange:
    """A change of names in folders. `before` are the paths whose changes it builds on."""

    kind: str
    paths: tuple[str, ...]
    inode: int = -1
    replaces: bool = False
    at: int = 0
    synced: int | None = None

    @property
    def folders(self) -> set[str]:
        """The folders of the names."""
        return {str(PurePosixPath(path).parent) for path in self.paths}


@dataclass
class ByteChange:
    """Bytes that were written to a file."""

    inode: int
    offset: int
    data: bytes
    at: int = 0
    synced: int | None = None

    @property
    def end(self) -> int:
        """The least length of the file."""
        return self.offset + len(self.data)


@dataclass
class Trace:
    """All changes in turn, and after how many of the calls each acknowledgement came."""

    names: list[NameChange] = field(default_factory=list)
    bytes: list[ByteChange] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    length: int = 0
    syncs: int = 0


def traced(calls: Iterable[Call], root: str, mark: str) -> Trace:
    """The changes below `root` that the calls made."""
    return _Reader(root, mark).read(calls)


class _Reader:
    def __init__(self, root: str, mark: str) -> None:
        self.root = root
        self.mark = mark
        self.trace = Trace()
        self.inodes: dict[str, int] = {}
        self.open: dict[int, tuple[str, int, int]] = {}
        """Paths, inodes and positions by descriptor."""
        self.next_inode = 0

    def read(self, calls: Iterable[Call]) -> Trace:
        for call in calls:
            result = RESULT.search(call.rest)
            strings = [bytes.fromhex(text.replace("\\x", "")) for text in STRING.findall(call.rest)]
            if any(string.startswith(self.mark.encode()) for string in strings):
                self.trace.acknowledged.append(self.trace.length)
            elif result and int(result[1]) >= 0 and hasattr(self, f"_{call.name}"):
                getattr(self, f"_{call.name}")(call.rest, strings, int(result[1]))
        return self.trace

    def _is_ours(self, path: str) -> bool:
        return path == self.root or path.startswith(f"{self.root}/")

    def _change(self, change: NameChange | ByteChange) -> None:
        self.trace.length += 1
        change.at = self.trace.length
        if isinstance(change, NameChange):
            self.trace.names.append(change)
        else:
            self.trace.bytes.append(change)

    def _openat(self, rest: str, strings: list[bytes], result: int) -> None:
        path = strings[0].decode()
        if not self._is_ours(path):
            return
        if path not in self.inodes and "O_CREAT" in rest:
            self.inodes[path] = self.next_inode
            self._change(NameChange("make", (path,), self.next_inode))
            self.next_inode += 1
        self.open[result] = (path, self.inodes.get(path, -1), 0)

    def _close(self, rest: str, _strings: list[bytes], _result: int) -> None:
        self.open.pop(self._descriptor(rest), None)

    @staticmethod
    def _descriptor(rest: str) -> int:
        found = DESCRIPTOR.match(rest)
        return int(found[1]) if found else -1

    def _mkdir(self, _rest: str, strings: list[bytes], _result: int) -> None:
        path = strings[0].decode()
        if self._is_ours(path):
            self._change(NameChange("folder", (path,)))

    def _write(self, rest: str, strings: list[bytes], result: int) -> None:
        path, inode, position = self.open.get(self._descriptor(rest), ("", -1, 0))
        if inode >= 0:
            self._change(ByteChange(inode, position, strings[0][:result]))
            self.open[self._descriptor(rest)] = (path, inode, position + result)

    def _pwrite64(self, rest: str, strings: list[bytes], result: int) -> None:
        _, inode, _ = self.open.get(self._descriptor(rest), ("", -1, 0))
        offset = re.search(r", (\d+)\) += ", rest)
        if inode >= 0 and offset:
            self._change(ByteChange(inode, int(offset[1]), strings[0][:result]))

    def _fsync(self, rest: str, _strings: list[bytes], _result: int) -> None:
        found = self.open.get(self._descriptor(rest))
        if found is None:
            return
        self.trace.length += 1
        self.trace.syncs += 1
        path, inode, _ = found
        if inode >= 0:
            for change in self.trace.bytes:
                if change.inode == inode and change.synced is None:
                    change.synced = self.trace.length
        else:
            for name in self.trace.names:
                if name.synced is None and name.folders == {path}:
                    name.synced = self.trace.length

    _fdatasync = _fsync

    def _rename(self, _rest: str, strings: list[bytes], _result: int) -> None:
        one, other = (string.decode() for string in strings[:2])
        if self._is_ours(one):
            replaces = other in self.inodes
            inode = self.inodes.pop(one)
            self.inodes[other] = inode
            self._change(NameChange("rename", (one, other), inode, replaces))

    def _renameat2(self, rest: str, strings: list[bytes], result: int) -> None:
        if "RENAME_EXCHANGE" not in rest:
            self._rename(rest, strings, result)
            return
        one, other = (string.decode() for string in strings[:2])
        self.inodes[one], self.inodes[other] = self.inodes[other], self.inodes[one]
        self._change(NameChange("exchange", (one, other), self.inodes[other]))

    def _unlink(self, _rest: str, strings: list[bytes], _result: int) -> None:
        path = strings[0].decode()
        if self._is_ours(path):
            del self.inodes[path]
            self._change(NameChange("remove", (path,)))

    def _unlinkat(self, rest: str, strings: list[bytes], result: int) -> None:
        self._unlink(rest, strings, result)
