# ruff: noqa: A002, PTH100, PTH102, PTH105, PTH108, PTH112, PTH118, PTH120, PTH123 - the signatures are the ones that applications use, and paths are text
"""Private files and folders, and the paths of things that are kept in them."""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterable

__all__ = ["encoded_path", "file_path", "safe_write", "verify_directory"]

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600

# File systems take names of 255 bytes; this leaves room for extensions and for the name of a temporary.
_LONGEST_NAME = 200


def verify_directory(dir: str) -> None:
    """Makes the folder ``dir`` and those above it, where they do not exist, for the owner alone (mode 0700).

    Another thread or process may be making them at the same time. Raises :class:`OSError` if a folder
    cannot be made, :class:`NotADirectoryError` if something else has its name.
    """
    if os.path.isdir(dir):
        return
    parent = os.path.dirname(os.path.abspath(dir)) if dir else ""
    if parent and parent != os.path.abspath(dir):
        verify_directory(parent)
    try:
        os.mkdir(dir, _FOLDER_MODE)
    except FileExistsError:
        if not os.path.isdir(dir):
            raise NotADirectoryError(f"{dir} exists and is not a folder") from None


def file_path(
    root: str,
    identifiers: Iterable[str | bytes],
    extension: str = ".enc",
    depth: int = 3,
    digest_filenames: bool = True,
) -> str:
    """Where :func:`encoded_path` keeps ``identifiers``; nothing is made in the file system."""
    name = _file_name(identifiers, digest_filenames)
    folders = [name[:length] for length in range(1, depth)]
    return os.path.join(root, *folders, name + extension)


def encoded_path(
    root: str,
    identifiers: Iterable[str | bytes],
    extension: str = ".enc",
    depth: int = 3,
    digest_filenames: bool = True,
) -> str:
    """The path of the file for ``identifiers`` below ``root``, in ``depth - 1`` levels of folders.

    The folders are made; the file is not.

    The file is named after the SHA-1 of the identifiers, joined by ``_``, or after themselves without
    ``digest_filenames``. Then their dots are dropped; what a file cannot be named after, such as a path, an
    empty or a very long name, is named after its SHA-1 all the same, so that no identifier leads anywhere
    but to a file of its own.
    """
    path = file_path(root, identifiers, extension, depth, digest_filenames)
    verify_directory(os.path.dirname(path))
    return path


def _file_name(identifiers: Iterable[str | bytes], digest: bool) -> str:
    joined = b"_".join(_as_bytes(identifier) for identifier in identifiers)
    if not digest:
        plain = joined.replace(b".", b"")
        if _can_name_a_file(plain):
            return os.fsdecode(plain)
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def _can_name_a_file(name: bytes) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and not any(char < 0x20 or char in b"/\\\x7f" for char in name)


def _as_bytes(identifier: str | bytes) -> bytes:
    return identifier.encode("utf-8", "surrogatepass") if isinstance(identifier, str) else identifier


def safe_write(filepath: str, contents: bytes) -> None:
    """Replaces the file ``filepath`` by one that holds ``contents``, readable by the owner alone (mode 0600).

    Who reads meanwhile sees the old file or the new one, whole. The new one is written beside the old under
    a name that nobody can have guessed or prepared, and a link of the name ``filepath`` is replaced, not
    followed. Raises :class:`OSError`, and then the old file is as it was.
    """
    temporary = f"{filepath}.{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, _FILE_MODE)
    try:
        with open(descriptor, "wb") as file:
            file.write(contents)
        os.replace(temporary, filepath)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
