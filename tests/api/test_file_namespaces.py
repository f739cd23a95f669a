"""Backends in files: where they are, what is in them, and that Beaker reads them too."""

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beaker import _core
from beaker.container import (
    DBMNamespaceManager,
    FileNamespaceManager,
)
from beaker.exceptions import (
    BeakerException,
    CorruptSessionError,
    LockError,
    MissingCacheParameter,
    StoreUnavailableError,
)
from tests.api.namespaces import AN_ID, contents, files, put
from tests.support.folders import EXPIRY

FOR_EVER = {EXPIRY: float("inf")}


def test_a_file_is_where_beaker_has_it(tmp_path: Path) -> None:
    namespace = FileNamespaceManager(AN_ID, data_dir=str(tmp_path), digest_filenames=False)
    put(namespace, session="text")
    path = tmp_path / "container_file" / "c" / "c0" / f"{AN_ID}.cache"
    assert namespace.file == str(path)
    assert pickle.loads(path.read_bytes()) == {"session": "text", **FOR_EVER}
    assert _core.read_envelope(path.read_bytes()) == ("text", None, float("inf"))


def test_a_session_whose_id_has_dots_says_whose_it_is(tmp_path: Path) -> None:
    def open_one(name: str) -> FileNamespaceManager:
        return FileNamespaceManager(name, data_dir=str(tmp_path), digest_filenames=False)

    dotted, other, plain = open_one("ab.c.d"), open_one("a.bcd"), open_one("abcd")
    put(dotted, session="text")
    path = tmp_path / "container_file" / "a" / "ab" / "abcd.cache"
    assert dotted.file == plain.file == str(path)
    assert pickle.loads(path.read_bytes()) == {"session": "text", "id": "ab.c.d", **FOR_EVER}
    for allowed in (True, False):
        for namespace in (dotted, other, plain):
            namespace.allow_pickle = allowed
        assert contents(dotted) == {"session": "text"}
        for namespace in (other, plain):
            assert contents(namespace) == {}
            namespace.remove()
    for namespace in (other, plain, dotted):
        put(namespace, session=namespace.namespace)
    for namespace in (other, plain, dotted):
        assert contents(namespace) == {"session": namespace.namespace}
    assert plain.file == str(path)
    assert pickle.loads(path.read_bytes())["session"] == "abcd"
    assert len({dotted.file, other.file, plain.file}) == 3
    for namespace in (plain, dotted, other):
        namespace.remove()
        assert contents(namespace) == {}
    assert not [file for file in files(tmp_path) if file.suffix == ".cache"]


def test_a_key_called_id_is_an_ordinary_key_with_digest_names(tmp_path: Path) -> None:
    put(FileNamespaceManager("n", data_dir=str(tmp_path)), session="text", id="mine")
    assert contents(FileNamespaceManager("n", data_dir=str(tmp_path))) == {"session": "text", "id": "mine"}


def test_an_id_that_could_lead_elsewhere_has_a_hash_for_a_name(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("a/b", data_dir=str(tmp_path), digest_filenames=False)
    put(namespace, session="text")
    name = "~" + hashlib.sha256(b"a/b").hexdigest()
    assert namespace.file == str(tmp_path / "container_file" / "~" / name[:2] / f"{name}.cache")
    assert pickle.loads(Path(namespace.file).read_bytes()) == {"session": "text", "id": "a/b", **FOR_EVER}
    posing = FileNamespaceManager(name, data_dir=str(tmp_path), digest_filenames=False)
    assert posing.file != namespace.file


def test_a_missing_namespace_leaves_no_lock_file(tmp_path: Path) -> None:
    for kind in (FileNamespaceManager, DBMNamespaceManager):
        namespace = kind("unknown", data_dir=str(tmp_path), digest_filenames=False)
        assert contents(namespace) == {}
        assert files(tmp_path) == []
        put(namespace, session="text")
        assert files(tmp_path) != []
        namespace.remove()
        assert files(tmp_path) == []


def test_other_folders_can_be_given(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("n", file_dir=str(tmp_path / "f"), lock_dir=str(tmp_path / "l"))
    put(namespace, session="text")
    assert {path.relative_to(tmp_path).parts[0] for path in files(tmp_path)} == {"f", "l"}
    for kind in (FileNamespaceManager, DBMNamespaceManager):
        with pytest.raises(MissingCacheParameter):
            kind("n")
        with pytest.raises(MissingCacheParameter):
            kind("n", lock_dir=str(tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "~" + "0" * 64,
        "\x85",
        "\ud800",
        "é",
        "../../../escape",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b",
        "a\\b",
        "a\x00b",
        "x" * 3000,
        "a\nb",
    ],
)
def test_an_id_decides_no_path_but_its_own(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    namespace = FileNamespaceManager(name, data_dir=str(folder), digest_filenames=False)
    put(namespace, session=f"of {name}")
    for other in ("b", "escape", "passwd", "ab"):
        put(FileNamespaceManager(other, data_dir=str(folder), digest_filenames=False), session="another")
    assert contents(FileNamespaceManager(name, data_dir=str(folder), digest_filenames=False)) == {
        "session": f"of {name}"
    }
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    parts = Path(namespace.file).relative_to(folder / "container_file").parts
    assert len(parts) == 3
    assert parts[2].startswith(parts[1])
    assert parts[1].startswith(parts[0])


def test_a_write_that_replaces_all_does_not_read(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path))
    put(namespace, session="old", other=1)
    Path(namespace.file).write_bytes(b"damaged")
    namespace.acquire_write_lock(replace=True)
    namespace["session"] = "new"
    namespace.release_write_lock()
    assert contents(namespace) == {"session": "new"}


@pytest.mark.parametrize(
    "data", [b"", b"damaged", pickle.dumps({"a": 1})[:-2], pickle.dumps([1]), b"cos\nnothing\n."]
)
def test_a_damaged_file_is_corrupt_and_the_lock_is_given_back(tmp_path: Path, data: bytes) -> None:
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path))
    put(namespace, session="text")
    Path(namespace.file).write_bytes(data)
    for _ in range(2):
        with pytest.raises(CorruptSessionError):
            namespace.acquire_read_lock()
    namespace.remove()
    assert contents(namespace) == {}


class Boom:
    def __reduce__(self) -> Any:
        return (os.putenv, ("BEAKER_BOOM", "1"))


def test_where_pickle_is_not_allowed_none_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path))
    namespace.allow_pickle = False
    put(namespace, session="text")
    monkeypatch.setattr(pickle, "loads", lambda data: pytest.fail("a pickle was loaded"))
    assert contents(namespace) == {"session": "text"}
    Path(namespace.file).write_bytes(pickle.dumps({"session": Boom()}))
    with pytest.raises(CorruptSessionError):
        namespace.acquire_read_lock()
    namespace.acquire_write_lock(replace=True)
    namespace["other"] = 1
    with pytest.raises(BeakerException, match="allow_pickle is false"):
        namespace.release_write_lock()
    assert namespace.access_lock.acquire_write_lock(wait=False)
    namespace.access_lock.release_write_lock()


def test_where_pickle_is_not_allowed_a_dbm_gives_plain_values_only(tmp_path: Path) -> None:
    namespace = DBMNamespaceManager("n", data_dir=str(tmp_path))
    namespace.allow_pickle = False
    put(namespace, session="text", bad=Boom())
    namespace.acquire_read_lock()
    assert namespace["session"] == "text"
    with pytest.raises(CorruptSessionError):
        namespace["bad"]
    namespace.release_read_lock()


def test_a_link_in_the_place_of_a_file_is_neither_read_nor_written(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(pickle.dumps({"session": "theirs"}))
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path / "data"))
    Path(namespace.file).parent.mkdir(parents=True)
    Path(namespace.file).symlink_to(target)
    with pytest.raises(StoreUnavailableError):
        namespace.acquire_read_lock()
    namespace.acquire_write_lock(replace=True)
    namespace["session"] = "ours"
    namespace.release_write_lock()
    assert not Path(namespace.file).is_symlink()
    assert pickle.loads(target.read_bytes()) == {"session": "theirs"}
    assert contents(namespace) == {"session": "ours"}


def test_a_store_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    namespace = FileNamespaceManager("n", data_dir=str(tmp_path))
    Path(namespace.file).mkdir(parents=True)
    with pytest.raises(StoreUnavailableError):
        namespace.acquire_read_lock()
    namespace.acquire_write_lock(replace=True)
    namespace["session"] = "text"
    with pytest.raises(StoreUnavailableError):
        namespace.release_write_lock()
    with pytest.raises(StoreUnavailableError):
        namespace.remove()
    assert not [path for path in files(tmp_path) if path.suffix == ".tmp"]
    blocked = tmp_path / "file"
    blocked.write_text("")
    for kind in (FileNamespaceManager, DBMNamespaceManager):
        with pytest.raises(StoreUnavailableError):
            kind("n", data_dir=str(blocked))


def test_a_dbm_is_used_under_a_lock(tmp_path: Path) -> None:
    with pytest.raises(LockError):
        DBMNamespaceManager("n", data_dir=str(tmp_path))["a"]


WRITES = """
import sys
from beaker import container
ns = getattr(container, sys.argv[1])(sys.argv[3], data_dir=sys.argv[2], digest_filenames=False)
ns.acquire_write_lock()
ns['session'] = 'theirs'
len(sys.argv) > 4 and ns.__setitem__('other', [1, 2])
ns.release_write_lock()
print(ns.file)
"""


READS = """
import sys
from beaker import container
ns = getattr(container, sys.argv[1])(sys.argv[3], data_dir=sys.argv[2], digest_filenames=False)
ns.acquire_read_lock()
print(sorted((k.decode() if isinstance(k, bytes) else k, ns[k]) for k in ns.keys()))
ns.release_read_lock()
"""


@pytest.mark.parametrize("kind", [FileNamespaceManager, DBMNamespaceManager])
@pytest.mark.parametrize("name", [AN_ID, "ab.progress.c"])
def test_beaker_and_we_read_each_other(
    tmp_path: Path, in_beaker: Callable[..., str], kind: Any, name: str
) -> None:
    where = in_beaker(WRITES, kind.__name__, str(tmp_path), name)
    namespace = kind(name, data_dir=str(tmp_path), digest_filenames=False)
    assert namespace.file == where
    assert contents(namespace) == {"session": "theirs"}
    put(namespace, session="ours")
    assert "('session', 'ours')" in in_beaker(READS, kind.__name__, str(tmp_path), name)
    in_beaker(WRITES, kind.__name__, str(tmp_path), name, "more")
    assert contents(namespace) == {"session": "theirs", "other": [1, 2]}
    put(namespace, other={"a": 1})
    seen = in_beaker(READS, kind.__name__, str(tmp_path), name)
    # A dbm that two ids could have says whose it is.
    assert seen.replace(f"('beaker session id', '{name}'), ", "") == (
        "[('other', {'a': 1}), ('session', 'theirs')]"
    )


@pytest.mark.parametrize("text", ["", "text", "x" * 70_000])
@pytest.mark.parametrize("owner", [None, "a.b", "schlüssel"])
@pytest.mark.parametrize("expires_at", [None, 1.7e9, float("inf")])
def test_a_record_is_the_pickle_that_python_makes(
    text: str, owner: str | None, expires_at: float | None
) -> None:
    expected: dict[str, Any] = {EXPIRY: expires_at, "session": text, "id": owner}
    expected = {key: value for key, value in expected.items() if value is not None}
    record = _core.write_envelope(text, owner, expires_at)
    assert record == pickle.dumps(expected, 2)
    # Protocol 0 writes numbers as text, which cannot be renewed in place; such a record carries no expiry.
    for protocol in range(1, pickle.HIGHEST_PROTOCOL + 1):
        assert _core.read_envelope(pickle.dumps(expected, protocol)) == (text, owner, expires_at)
