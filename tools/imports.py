"""Prints the imports between the Rust modules of the crate.

A module is a file. It imports another one if its code names something that the other one defines. A name that
a `mod.rs` re-exports counts for the file that defines it. So a `mod.rs` that only declares and re-exports its
children imports nothing, and nothing imports it. What a `mod.rs` defines itself is its own, and so is each
call that its own code makes. Code for tests is left out. Calls of methods are not names, and are not seen.

The output has the imports of each module, the circles (the strongly connected components of more than one
module), and the lines of each folder without tests.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Name = tuple[str, ...]

NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\bb?r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\\n])'""",
    re.DOTALL,
)
FOR_TESTS = re.compile(r"#\[cfg\((?:all\()?(?:test|shuttle)\b[^\]]*\)\]\s*(?:#\[[^\]]*\]\s*)*(?=[^\s#])")
USE = re.compile(r"(?P<public>pub(?:\([^)]*\))?\s+)?\buse\s+(?P<tree>[^;]+);")
MOD = re.compile(r"\bmod\s+(\w+)\s*;")
NAMED = re.compile(r"(?<![\w.:])\$?(?:::)?(\w+(?:::\w+)+)")
WORD = re.compile(r"\w+")


class Import(NamedTuple):
    """A name that a file brings into its scope."""

    name: str
    target: Name
    is_public: bool


class Module:
    """A file of the crate."""

    def __init__(self, path: Path, name: Name) -> None:
        source = path.read_text()
        self.path, self.name = path, name
        self.lines, code = without_tests(source)
        self.children = set(MOD.findall(code))
        self.imports = [item for use in USE.finditer(code) for item in imports(use)]
        self.code = USE.sub("", code)
        self.words = set(WORD.findall(self.code))


def without_tests(source: str) -> tuple[int, str]:
    """The number of lines of a source without tests, and its code without comments and strings."""
    code = NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), source)
    kept = code
    lines = len(source.splitlines())
    while found := FOR_TESTS.search(kept):
        end = end_of_item(kept, found.end())
        end += kept[end : end + 1] == "\n"
        lines -= kept.count("\n", found.start(), end)
        kept = kept[: found.start()] + kept[end:]
    return lines, kept


def end_of_item(code: str, start: int) -> int:
    """The end of the item at `start`: its semicolon, or the closing brace of its body."""
    depth = 0
    for at in range(start, len(code)):
        if code[at] in "{([":
            depth += 1
        elif code[at] in "})]":
            depth -= 1
            if depth == 0 and code[at] == "}":
                return at + 1
        elif code[at] in ";," and depth == 0:
            return at + 1
    return len(code)


def imports(use: re.Match[str]) -> Iterator[Import]:
    """The names that a `use` imports."""
    for path, name in flat(use["tree"]):
        yield Import(name, path, use["public"] is not None)


def flat(tree: str, before: Name = ()) -> Iterator[tuple[Name, str]]:
    """The paths of a `use` tree, each with its name in the scope."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    if brace:
        before += tuple(part for part in re.split(r"::|\s+", head) if part)
        for branch in split(rest[: rest.rindex("}")]):
            yield from flat(branch, before)
        return
    path, _, alias = (part.strip() for part in tree.partition(" as "))
    parts = before + tuple(part for part in path.split("::") if part)
    if parts and parts[-1] == "self":
        parts = parts[:-1]
    if parts:
        yield parts, alias or parts[-1]


def split(branches: str) -> Iterator[str]:
    """The branches between two braces."""
    depth, start = 0, 0
    for at, letter in enumerate(branches):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            yield branches[start:at]
            start = at + 1
    if branches[start:].strip():
        yield branches[start:]


class Crate:
    """The modules of a crate and the imports between them."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.modules: dict[Name, Module] = {}
        self.read(source / "lib.rs", ())
        self.edges = {name: self.imported_by(module) - {name} for name, module in self.modules.items()}

    def read(self, path: Path, name: Name) -> None:
        """Reads a file and its child modules."""
        module = self.modules[name] = Module(path, name)
        folder = path.parent if path.name in ("lib.rs", "mod.rs") else path.with_suffix("")
        for child in module.children:
            for found in (folder / f"{child}.rs", folder / child / "mod.rs"):
                if found.exists():
                    self.read(found, (*name, child))

    def absolute(self, module: Module, path: Name) -> Name | None:
        """The absolute path of a name, or nothing if it is outside the crate."""
        first = path[0]
        if first == "crate":
            return path[1:]
        if first in ("self", "super"):
            base = module.name
            for step, part in enumerate(path):
                if part == "super":
                    base = base[:-1]
                elif part != "self":
                    return base + path[step:]
            return base
        if first in module.children:
            return module.name + path
        for item in module.imports:
            if item.name == first and item.target[0] != first:
                target = self.absolute(module, item.target)
                return target if target is None else target + path[1:]
        return None

    def defining(self, path: Name, seen: frozenset[Name] = frozenset()) -> Name | None:
        """The module that defines the name at a path, or nothing for a folder."""
        name: Name = ()
        for step, part in enumerate(path):
            module = self.modules[name]
            if part in module.children and (*name, part) in self.modules:
                name = (*name, part)
                continue
            for item in module.imports:
                if item.is_public and item.name == part and path not in seen:
                    target = self.absolute(module, item.target)
                    if target is not None:
                        return self.defining(target + path[step + 1 :], seen | {path})
            return name
        return None if self.modules[name].children else name

    def imported_by(self, module: Module) -> set[Name]:
        """The modules that define the names in a module."""
        paths = [tuple(found.split("::")) for found in NAMED.findall(module.code)]
        paths += [item.target for item in module.imports if not item.is_public or item.name in module.words]
        targets = (self.absolute(module, path) for path in paths)
        found = {self.defining(target) for target in targets if target}
        return {name for name in found if name is not None}

    def circles(self) -> list[list[Name]]:
        """The strongly connected components of more than one module, the largest first (after Tarjan)."""
        index: dict[Name, int] = {}
        low: dict[Name, int] = {}
        stack: list[Name] = []
        found: list[list[Name]] = []

        def visit(name: Name) -> None:
            index[name] = low[name] = len(index)
            stack.append(name)
            for other in sorted(self.edges[name]):
                if other not in index:
                    visit(other)
                    low[name] = min(low[name], low[other])
                elif other in stack:
                    low[name] = min(low[name], index[other])
            if low[name] == index[name]:
                at = stack.index(name)
                if len(stack) - at > 1:
                    found.append(sorted(stack[at:]))
                del stack[at:]

        for name in self.modules:
            if name not in index:
                visit(name)
        return sorted(found, key=len, reverse=True)

    def folders(self) -> dict[str, tuple[int, int]]:
        """The files and lines of each folder, including its subfolders."""
        files: dict[str, int] = defaultdict(int)
        lines: dict[str, int] = defaultdict(int)
        for module in self.modules.values():
            folder = module.path.parent
            while folder != self.source.parent:
                name = str(folder.relative_to(self.source.parent))
                files[name] += 1
                lines[name] += module.lines
                folder = folder.parent
        return {name: (files[name], lines[name]) for name in sorted(files)}


def shown(name: Name) -> str:
    """The path of a module in Rust's notation."""
    return "::".join(name) or "lib"


def main() -> None:
    """Prints the imports of this crate, or of the checkout that the argument names."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    crate = Crate(root / "src")
    print("Imports")
    for name, others in sorted(crate.edges.items()):
        print(f"  {shown(name)}: {', '.join(map(shown, sorted(others))) or '-'}")
    circles = crate.circles()
    print(f"\nCircles: {len(circles)}")
    for circle in circles:
        print(f"  {len(circle)} modules: {', '.join(map(shown, circle))}")
        for name in circle:
            print(f"    {shown(name)} -> {', '.join(map(shown, sorted(crate.edges[name] & set(circle))))}")
    print("\nLines without tests")
    for folder, (files, lines) in crate.folders().items():
        print(f"  {lines:6} {files:4} files  {folder}")


if __name__ == "__main__":
    main()
