"""`./dev imports` finds the imports and the circles of a crate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.imports import Crate

if TYPE_CHECKING:
    from pathlib import Path


def crate(root: Path, **files: str) -> Crate:
    """A crate of these files; `a__b` is the file `a/b.rs`."""
    source = root / "src"
    for name, code in files.items():
        path = source / f"{name.replace('__', '/')}.rs"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    return Crate(source)


def test_a_use_and_a_path_in_the_code_are_imports(tmp_path: Path) -> None:
    found = crate(
        tmp_path,
        lib="mod a; mod b; mod c; mod d;",
        a="use crate::{b::{self, Used}, c as other};\nfn f() { d::g(other::h(), super::d::g()) }",
        b="pub struct Used;",
        c="pub fn h() {}",
        d="pub fn g() {}",
    )
    assert found.edges["a",] == {("b",), ("c",), ("d",)}


def test_a_re_exported_name_counts_for_its_defining_file(tmp_path: Path) -> None:
    found = crate(
        tmp_path,
        lib="mod a; mod user;",
        a__mod="mod inner; pub use inner::Thing as Renamed; pub struct Own;",
        a__inner="pub struct Thing;",
        user="use crate::a::{Own, Renamed};",
    )
    assert found.edges["user",] == {("a",), ("a", "inner")}
    assert found.edges["a",] == set()


def test_a_circle_over_three_files_is_found(tmp_path: Path) -> None:
    found = crate(
        tmp_path,
        lib="mod a; mod b; mod c; mod d;",
        a="use crate::b::B;",
        b="use crate::c::C;",
        c="fn c() { crate::a::a() }",
        d="use crate::a::A;",
    )
    assert found.circles() == [[("a",), ("b",), ("c",)]]


def test_a_child_that_uses_what_its_parent_defines_makes_a_circle(tmp_path: Path) -> None:
    found = crate(
        tmp_path,
        lib="mod a;",
        a__mod="mod child; pub struct Own; fn f() { child::g() }",
        a__child="use super::Own;",
    )
    assert found.circles() == [[("a",), ("a", "child")]]


def test_comments_texts_and_tests_import_nothing(tmp_path: Path) -> None:
    found = crate(
        tmp_path,
        lib="mod a; mod b;",
        a='// crate::b::one()\nconst T: &str = "crate::b::two()";\n'
        "#[cfg(test)]\nmod tests {\n    use crate::b;\n}\n",
        b="pub fn one() {}",
    )
    assert found.edges["a",] == set()
    assert found.folders()["src"] == (3, 4)
