# ruff: noqa: A002, PTH118, PTH120 - the signatures are the ones that applications use, and paths are text
"""Private files and folders, and the paths of the files that hold namespaces and locks.

The work is done in Rust, which names, writes and locks the files of the native store in the same way.
"""

import os
from collections.abc import Iterable

from beaker import _core

__all__ = ["encoded_path", "file_path", "own_file_path", "safe_write", "verify_directory"]


def verify_directory(dir: str) -> None:
    """Makes the folder ``dir`` and those above it for the owner alone (mode 0700), unless they exist.

    Another thread or process may make them at the same time. Raises :class:`OSError` if a folder cannot be
    made, :class:`NotADirectoryError` if a file has its name.
    """
    _core.make_folder(dir)


def file_path(
    root: str,
    identifiers: Iterable[str | bytes],
    extension: str = ".enc",
    depth: int = 3,
    digest_filenames: bool = True,
) -> str:
    """The path that :func:`encoded_path` gives to ``identifiers``. No folder is made."""
    return _below(root, _core.file_name(_joined(identifiers), digest_filenames), extension, depth)


def own_file_path(root: str, identifier: str, extension: str) -> str:
    """The path of the file that no other identifier shares."""
    return _below(root, _core.own_file_name(_joined([identifier])), extension)


def encoded_path(
    root: str,
    identifiers: Iterable[str | bytes],
    extension: str = ".enc",
    depth: int = 3,
    digest_filenames: bool = True,
) -> str:
    """The path of the file for ``identifiers`` below ``root``, in ``depth - 1`` levels of folders.

    The folders are made; the file is not.

    The file is named after the SHA-1 of the identifiers, joined by ``_``. Without ``digest_filenames`` the
    name is the identifiers without their dots. A path, an empty text or a very long one cannot name a file:
    it gets ``~`` and its SHA-256, so that no identifier leads out of ``root``.
    """
    path = file_path(root, identifiers, extension, depth, digest_filenames)
    verify_directory(os.path.dirname(path))
    return path


def _below(root: str, name: str, extension: str, depth: int = 3) -> str:
    folders = [name[:length] for length in range(1, depth)]
    return os.path.join(root, *folders, name + extension)


def _joined(identifiers: Iterable[str | bytes]) -> bytes:
    # Neither a lone surrogate nor a byte that is no UTF-8 stops a file from being named.
    texts = (
        identifier if isinstance(identifier, str) else identifier.decode("utf-8", "surrogateescape")
        for identifier in identifiers
    )
    return "_".join(texts).encode("utf-8", "surrogatepass")


def safe_write(filepath: str, contents: bytes) -> None:
    """Replaces the file ``filepath`` by one that holds ``contents``, readable by the owner alone (mode 0600).

    A reader sees the old file or the new one, whole. The new file is written under a random name beside the
    old one; a link called ``filepath`` is replaced, not followed. Raises :class:`OSError`, and then the old
    file is unchanged.
    """
    _core.write_file(filepath, contents, False)
