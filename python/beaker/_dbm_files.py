# ruff: noqa: PTH100, PTH104, PTH105, PTH108, PTH110, PTH116, PTH118, PTH119, PTH120, PTH123 - paths are text, as applications use them
"""Small dbms that are read and written whole. A killed process leaves the old dbm or the new one.

Most implementations have one file for a dbm: the new file is made beside the old one and renamed over it.
``dbm.dumb`` has two: the values, and an index of their positions. The index is replaced atomically, and new
values are written only where the old index has none.
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

# The extensions that the implementations add to the name of a dbm. Of two files, the one with the values is
# the last.
_EXTENSIONS = ("", ".bak", ".dir", ".db", ".dat", ".pag")
_FILE_MODE = 0o600
# `dbm.dumb` starts each value at a multiple of this size.
_BLOCK = 512

Contents = dict[bytes, bytes]
_Index = dict[bytes, tuple[int, int]]


def names(file: str) -> list[str]:
    """The names of the files that a dbm may have, in the order of their removal."""
    return [file + extension for extension in _EXTENSIONS]


def read(module: ModuleType, file: str) -> Contents:
    """All keys and values. Raises the errors of the implementation, or :class:`OSError`."""
    module = _implementation(module, file)
    if _is_dumb(module):
        return _read_dumb(file)
    opened = module.open(file, "r")
    try:
        return {key: opened[key] for key in opened.keys()}  # noqa: SIM118 - a dbm need not be iterable
    finally:
        opened.close()


def write(module: ModuleType, file: str, contents: Contents, to_disk: bool) -> None:
    """Replaces the dbm by one with these contents. With ``to_disk`` it survives a power cut afterwards."""
    module = _implementation(module, file)
    if _is_dumb(module):
        _write_dumb(file, contents, to_disk)
        return
    # The name depends on the dbm only, so that repeated kills leave one file.
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
    """Makes a new dbm of ``dbm.dumb`` that will be changed in place. Other implementations make their own.

    If ``dbm.dumb`` is interrupted while it makes one, it writes an empty index when it is collected, over
    records that were stored since.
    """
    if not _is_dumb(_implementation(module, file)) or os.path.lexists(file + ".dir"):
        return
    _core.write_part(file + ".dat", 0, b"", False)
    try:
        # A process was killed while it replaced the index.
        os.rename(file + ".bak", file + ".dir")
    except FileNotFoundError:
        _core.write_file(file + ".dir", b"", False)


def _remove(file: str) -> None:
    # Berkeley DB leaves this where it cannot finish a new dbm.
    unfinished = os.path.join(os.path.dirname(file), f"__db.{os.path.basename(file)}.db")
    for name in [*names(file), unfinished]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _implementation(module: ModuleType, file: str) -> ModuleType:
    """The module with which the package ``dbm`` opens this dbm. Any other module is used itself."""
    whichdb = getattr(module, "whichdb", None)
    if whichdb is None:
        return module
    found = whichdb(file)
    if found is None:
        return anydbm
    # The package refuses an unknown dbm itself.
    return importlib.import_module(found) if found else module


def _is_dumb(module: ModuleType) -> bool:
    return getattr(module, "__name__", "") == "dbm.dumb"


def _index_of_dumb(file: str) -> _Index:
    # A process that was killed while `dbm.dumb` replaced the index has left the old one as `.bak`.
    for name in (file + ".dir", file + ".bak"):
        try:
            lines = _core.read_file(name).decode("latin-1").splitlines()
            break
        except FileNotFoundError:
            continue
    else:
        # There is a file of values without an index, or a dbm of another kind.
        os.stat(file + ".dat")
        return {}
    try:
        entries = [ast.literal_eval(line) for line in lines]
        return {key.encode("latin-1"): (int(start), int(size)) for key, (start, size) in entries}
    except (ValueError, SyntaxError, TypeError, AttributeError) as cause:
        raise CorruptSessionError("cannot read the index of a dbm.dumb") from cause


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
    # Before the current values if there is room, or else behind them.
    start = 0 if sum(sizes) <= first else max(_whole_blocks(at + size) for at, size in used) if used else 0
    at, index = start, ""
    for (key, value), size in zip(contents.items(), sizes, strict=True):
        index += f"{key.decode('latin-1')!r}, {(at, len(value))!r}\n"
        at += size
    values = b"".join(value.ljust(size, b"\0") for value, size in zip(contents.values(), sizes, strict=True))
    _core.write_part(file + ".dat", start, values, to_disk)
    _core.write_file(file + ".dir", index.encode("latin-1"), to_disk)
    with contextlib.suppress(FileNotFoundError):
        # It is older than the new index, and must not be read.
        os.unlink(file + ".bak")


def _whole_blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
