# ruff: noqa: PTH100, PTH104, PTH105, PTH108, PTH110, PTH116, PTH118, PTH119, PTH120, PTH123 - paths are text, as applications use them
"""Small dbms that are read and written whole: a process that is killed leaves the old one or the new.

Most implementations keep a dbm in one file: a new one is made beside it and takes its name. ``dbm.dumb``
has two. Of them the index, which says where in the other the values are, is replaced in one step, and no
value is written where the index of before has one.
"""

import ast
import contextlib
import hashlib
import importlib
import os
from types import ModuleType

from beaker import _core
from beaker._compat import anydbm
from beaker.exceptions import CorruptSessionError

__all__ = ["make", "names", "read", "write"]

# The files that the implementations make beside, or instead of, the one that they were told to open. Where
# one has two, that with the values comes last.
_EXTENSIONS = ("", ".bak", ".dir", ".db", ".dat", ".pag")
_FILE_MODE = 0o600
# What `dbm.dumb` lets each value begin at a multiple of.
_BLOCK = 512

Contents = dict[bytes, bytes]
_Index = dict[bytes, tuple[int, int]]


def names(file: str) -> list[str]:
    """The names that a dbm may have in the file system, in the order in which they are removed."""
    return [file + extension for extension in _EXTENSIONS]


def read(module: ModuleType, file: str) -> Contents:
    """All keys and values. Raises what the implementation raises, or :class:`OSError`."""
    module = _implementation(module, file)
    if _is_dumb(module):
        return _read_dumb(file)
    opened = module.open(file, "r")
    try:
        return {key: opened[key] for key in opened.keys()}  # noqa: SIM118 - a dbm need not be iterable
    finally:
        opened.close()


def write(module: ModuleType, file: str, contents: Contents, to_disk: bool) -> None:
    """Replaces the dbm by one of these contents; with ``to_disk`` returns when that survives a power cut."""
    module = _implementation(module, file)
    if _is_dumb(module):
        _write_dumb(file, contents, to_disk)
        return
    # One name for each dbm, so that whoever is killed again and again leaves one file.
    digest = hashlib.sha256(os.path.basename(file).encode("utf-8", "surrogatepass")).hexdigest()
    temporary = os.path.join(os.path.dirname(file), f".beaker-{digest[:16]}.tmp")
    _remove(temporary)
    try:
        opened = module.open(temporary, "n", _FILE_MODE)
        try:
            for key, value in contents.items():
                opened[key] = value
        finally:
            opened.close()
        for extension in _EXTENSIONS:
            if os.path.exists(temporary + extension):
                if to_disk:
                    _core.sync_file(temporary + extension)
                os.replace(temporary + extension, file + extension)
    except BaseException:
        with contextlib.suppress(OSError):
            _remove(temporary)
        raise
    if to_disk:
        _core.sync_names(os.path.dirname(os.path.abspath(file)))


def make(module: ModuleType, file: str) -> None:
    """Makes a new dbm of ``dbm.dumb``, which is to be changed in place; others make themselves.

    Interrupted at that, it writes an empty index when it is collected, over what others have stored since.
    """
    if not _is_dumb(_implementation(module, file)) or os.path.lexists(file + ".dir"):
        return
    _core.write_part(file + ".dat", 0, b"", False)
    try:
        # It was killed while it replaced the index.
        os.rename(file + ".bak", file + ".dir")
    except FileNotFoundError:
        _core.write_file(file + ".dir", b"", False)


def _remove(file: str) -> None:
    for name in names(file):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _implementation(module: ModuleType, file: str) -> ModuleType:
    """What the package ``dbm`` reads this dbm by, or is to make it by; any other module is one itself."""
    whichdb = getattr(module, "whichdb", None)
    if whichdb is None:
        return module
    found = whichdb(file)
    if found is None:
        return anydbm
    # What it does not know is for the package to refuse.
    return importlib.import_module(found) if found else module


def _is_dumb(module: ModuleType) -> bool:
    return getattr(module, "__name__", "") == "dbm.dumb"


def _index_of_dumb(file: str) -> _Index:
    # Who was killed while it replaced the index, as `dbm.dumb` does, has left the one of before as `.bak`.
    for name in (file + ".dir", file + ".bak"):
        try:
            lines = _core.read_file(name).decode("latin-1").splitlines()
            break
        except FileNotFoundError:
            continue
    else:
        # It has made the file of values and not come to an index, or there is a dbm of another kind.
        os.stat(file + ".dat")
        return {}
    try:
        entries = [ast.literal_eval(line) for line in lines]
        return {key.encode("latin-1"): (int(start), int(size)) for key, (start, size) in entries}
    except (ValueError, SyntaxError, TypeError, AttributeError) as cause:
        raise CorruptSessionError("the index of a dbm cannot be read") from cause


def _read_dumb(file: str) -> Contents:
    index = _index_of_dumb(file)
    if not index:
        return {}
    contents = {}
    with open(file + ".dat", "rb") as values:
        for key, (start, size) in index.items():
            values.seek(start)
            contents[key] = values.read(size)
    return contents


def _write_dumb(file: str, contents: Contents, to_disk: bool) -> None:
    try:
        used = _index_of_dumb(file).values()
    except (FileNotFoundError, CorruptSessionError):
        used = {}.values()
    sizes = [_whole_blocks(len(value)) for value in contents.values()]
    first = min((start for start, _ in used), default=0)
    # Before the values of now if there is room, or else behind them.
    start = 0 if sum(sizes) <= first else max(_whole_blocks(at + size) for at, size in used) if used else 0
    at, index = start, ""
    for (key, value), size in zip(contents.items(), sizes, strict=True):
        index += f"{key.decode('latin-1')!r}, {(at, len(value))!r}\n"
        at += size
    values = b"".join(value.ljust(size, b"\0") for value, size in zip(contents.values(), sizes, strict=True))
    _core.write_part(file + ".dat", start, values, to_disk)
    _core.write_file(file + ".dir", index.encode("latin-1"), to_disk)
    with contextlib.suppress(FileNotFoundError):
        # It is older than what is there now, and nobody is to find it.
        os.unlink(file + ".bak")


def _whole_blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
