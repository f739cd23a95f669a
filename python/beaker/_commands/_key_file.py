"""Files of keys: one key a line, the newest first."""

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
# Far more than any file of keys has; whoever names another file by mistake is told so.
_MOST_BYTES: Final = 65536


def create(path: Path, key: str) -> None:
    """Makes a file with one key that only its owner may read. What is there already is left alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    except FileExistsError:
        raise Failure(
            f"{path} is there already and is left as it is; --rotate puts a new key into it"
        ) from None
    except OSError as error:
        _fail("make", path, error)
    try:
        _fill(descriptor, _text([key.encode()]), _PRIVATE)
        _core.sync_folder(str(path.parent))
    except OSError as error:
        path.unlink(missing_ok=True)
        _fail("write", path, error)


def rotate(path: Path, key: str, keep: int | None) -> list[str]:
    """Puts a key on top of those in a file, of which ``keep`` are kept, or all. What the user should know.

    The file is replaced in one step by one with the same owner, so that whoever reads it sees the old keys or
    the new ones. Of rotations at the same time none is lost.
    """
    # A link stays one: what it leads to is replaced.
    target = Path(os.path.realpath(path))
    try:
        with _locked(target) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Failure(f"{path} is no file")
            older = _keys(path, _content(descriptor))
            _replace(target, _text([key.encode(), *older[:keep]]), status)
    except OSError as error:
        _fail("rotate the keys in", path, error)
    if stat.S_IMODE(status.st_mode) & ~_PRIVATE:
        return [f"{path} could be read by others than its owner, and now cannot"]
    return []


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, opened and locked, and still the one at its path."""
    while True:
        # Without `O_NONBLOCK` a pipe would wait for its other end.
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
        raise Failure(f"{path} is no file of keys, one a line")
    # As they stand: whoever reads the file takes the space around a key off.
    return [line.rstrip(b"\r") for line in content.split(b"\n") if line.strip()]


def _text(keys: list[bytes]) -> bytes:
    return b"".join(key + b"\n" for key in keys)


def _replace(path: Path, content: bytes, status: os.stat_result) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        # Otherwise an application could no longer read what its administrator rotated.
        os.fchown(descriptor, status.st_uid, status.st_gid)
        _fill(descriptor, content, stat.S_IMODE(status.st_mode) & _PRIVATE)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _core.sync_folder(str(path.parent))


def _fill(descriptor: int, content: bytes, mode: int) -> None:
    """Writes the whole content to the disk, and closes the file."""
    with open(descriptor, "wb") as file:
        # The mode that a file is made with is what the umask leaves of it.
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _fail(verb: str, path: Path, error: OSError) -> NoReturn:
    raise Failure(f"cannot {verb} {path}: {error.strerror or type(error).__name__}") from None
