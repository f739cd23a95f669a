"""Key files: one key a line, the newest first."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from beaker import _core
from beaker._commands._command import Failure

__all__ = ["create", "rotate"]

_PRIVATE: Final = 0o600
# Far more than any key file has, so that another file is refused.
_MOST_BYTES: Final = 65536


def create(path: Path, key: str) -> None:
    """Makes a file with one key that only its owner may read. An existing file is not changed."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    except FileExistsError:
        raise Failure(f"{path} already exists and is not changed; use --rotate to add a key to it") from None
    except OSError as error:
        _fail("make", path, error)
    try:
        _fill(descriptor, _text([key.encode()]), _PRIVATE)
        _core.sync_folder(str(path.parent))
    except OSError as error:
        path.unlink(missing_ok=True)
        _fail("write", path, error)


def rotate(path: Path, key: str, keep: int | None) -> list[str]:
    """Adds a key at the top of a file, and keeps ``keep`` older keys, by default all. Returns notes.

    The file is replaced atomically by one with the same owner: readers see the old keys or the new ones.
    Concurrent rotations are all kept.
    """
    # A link is kept, and its target is replaced.
    target = Path(os.path.realpath(path))
    try:
        with _locked(target) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Failure(f"{path} is not a regular file")
            older = _keys(path, _content(descriptor))
            _replace(target, _text([key.encode(), *older[:keep]]), status)
    except OSError as error:
        _fail("rotate the keys in", path, error)
    if stat.S_IMODE(status.st_mode) & ~_PRIVATE:
        return [f"other users could read {path}; now only its owner can"]
    return []


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Opens and locks the file that is at the path once it is locked."""
    while True:
        # Without `O_NONBLOCK`, opening a pipe would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _content(descriptor: int) -> bytes:
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(_MOST_BYTES + 1)


def _keys(path: Path, content: bytes) -> list[bytes]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if len(content) > _MOST_BYTES or "\0" in text:
        raise Failure(f"{path} is not a key file with one key a line")
    # White space around a key stays: readers strip it.
    return [line.rstrip(b"\r") for line in content.split(b"\n") if line.strip()]


def _text(keys: list[bytes]) -> bytes:
    return b"".join(key + b"\n" for key in keys)


def _replace(path: Path, content: bytes, status: os.stat_result) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        # The application must still be able to read the file that its administrator rotated.
        os.fchown(descriptor, status.st_uid, status.st_gid)
        _fill(descriptor, content, stat.S_IMODE(status.st_mode) & _PRIVATE)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _core.sync_folder(str(path.parent))


def _fill(descriptor: int, content: bytes, mode: int) -> None:
    """Writes and flushes the content, and closes the file."""
    with open(descriptor, "wb") as file:
        # The umask may have removed permissions.
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _fail(verb: str, path: Path, error: OSError) -> NoReturn:
    raise Failure(f"cannot {verb} {path}: {error.strerror or type(error).__name__}") from None
