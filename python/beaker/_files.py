# ruff: noqa: A002, PTH100, PTH102, PTH112, PTH118, PTH120 - the signatures are the ones that applications use, and paths are text
"""Private files and folders, and the paths of things that are kept in them."""

import errno
import hashlib
import os
import re
from collections.abc import Iterable

from beaker import _core

__all__ = [
    "encoded_path",
    "file_path",
    "safe_write",
    "sync_folder",
    "sync_folders",
    "verify_directory",
    "write_file",
]

_FOLDER_MODE = 0o700
# The one that the file is in, the two above it, and that of the backend.
_FOLDERS_OF_AN_ID = 4

# The names below are the native store's too: both sides have to find the same file, and to know what a
# process that was killed has left behind.
_LONGEST_NAME = 255 - len(".cache")
_SEPARATOR_OR_CONTROL = re.compile("[/\x00-\x1f\x7f-\x9f]")
_HASHED_NAME = re.compile("~[0-9a-fA-F]{64}")


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
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), dir) from None


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

    The file is named after the SHA-1 of the identifiers, joined by ``_``, or without ``digest_filenames``
    after themselves with the dots left out. What a file cannot be named after, such as a path, an empty or
    a very long name, gets ``~`` and its SHA-256, so that no identifier leads out of ``root``.
    """
    path = file_path(root, identifiers, extension, depth, digest_filenames)
    verify_directory(os.path.dirname(path))
    return path


def _file_name(identifiers: Iterable[str | bytes], digest: bool) -> str:
    joined = "_".join(_as_text(identifier) for identifier in identifiers)
    # A lone surrogate or an undecodable byte has to have a hash too.
    encoded = joined.encode("utf-8", "surrogatepass")
    if digest:
        return hashlib.sha1(encoded, usedforsecurity=False).hexdigest()
    stem = joined.replace(".", "")
    return stem if _can_name_a_file(stem) else "~" + hashlib.sha256(encoded).hexdigest()


def _can_name_a_file(stem: str) -> bool:
    try:
        length = len(stem.encode("utf-8"))
    except UnicodeEncodeError:
        return False
    return (
        0 < length <= _LONGEST_NAME
        and not _SEPARATOR_OR_CONTROL.search(stem)
        and not _HASHED_NAME.fullmatch(stem)
    )


def _as_text(identifier: str | bytes) -> str:
    return identifier if isinstance(identifier, str) else identifier.decode("utf-8", "surrogateescape")


def safe_write(filepath: str, contents: bytes) -> None:
    """Replaces the file ``filepath`` by one that holds ``contents``, readable by the owner alone (mode 0600).

    Who reads meanwhile sees the old file or the new one, whole. The new one is written beside the old under
    a name that nobody can have guessed or prepared, and a link of the name ``filepath`` is replaced, not
    followed. Raises :class:`OSError`, and then the old file is as it was.
    """
    write_file(filepath, contents)


def write_file(filepath: str, contents: bytes, to_disk: bool = False) -> None:
    """Does what :func:`safe_write` does, and with ``to_disk`` returns when it survives a power cut."""
    _core.write_file(filepath, contents, to_disk)


def sync_folders(filepath: str) -> None:
    """Brings the name of an id's file to the disk, and those of the folders above, which may be new."""
    folder = os.path.dirname(os.path.abspath(filepath))
    for _ in range(_FOLDERS_OF_AN_ID):
        sync_folder(folder)
        folder = os.path.dirname(folder)


def sync_folder(path: str) -> None:
    """Brings the names in a folder to the disk."""
    _core.sync_folder(path)
