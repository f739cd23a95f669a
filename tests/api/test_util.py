"""Helpers: converters, options, files, shared maps."""

import gc
import hashlib
import linecache
import os
import stat
import threading
import time
import unittest
import warnings
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from beaker import util
from beaker._compat import bytes_
from beaker.converters import asbool, aslist
from beaker.exceptions import BeakerWarning, ConfigurationError
from tests.support.threads import in_threads, together


@pytest.mark.parametrize("word", ["true", "YES", " on ", "y", "t", "1"])
def test_words_for_true_are_true(word: str) -> None:
    assert asbool(word) is True


@pytest.mark.parametrize("word", ["false", "No", " off ", "n", "f", "0"])
def test_words_for_false_are_false(word: str) -> None:
    assert asbool(word) is False


def test_other_words_are_neither_and_objects_are_what_they_are() -> None:
    for word in ("", "maybe", "2"):
        with pytest.raises(ValueError, match="must be a word for true or false"):
            asbool(word)
    assert [asbool(None), asbool(2), asbool([])] == [False, True, False]


def test_lists_come_of_text_and_of_anything() -> None:
    assert aslist("a  b") == ["a", "b"]
    assert aslist("a, b", ",") == ["a", "b"]
    assert aslist("a, b", ",", strip=False) == ["a", " b"]
    assert aslist(("a",)) == ("a",)
    assert aslist(None) == []
    assert aslist(7) == [7]


def test_options_are_coerced_to_the_first_type_that_fits() -> None:
    both = (bool, int)
    assert util.verify_options("true", both, "e") is True
    assert util.verify_options("25", both, "e") == 25
    assert util.verify_options("a, b", (list, tuple), "e") == ["a", "b"]
    assert util.verify_options(5, (str, type(None)), "e") == "5"
    assert util.verify_options(None, (str, type(None)), "e") is None
    assert util.verify_options(timedelta(1), timedelta, "e") == timedelta(1)


@pytest.mark.parametrize(
    ("value", "types"), [("x", (bool, int)), ("", str), (" ", (str,)), ("-1", int), ("1", timedelta)]
)
def test_an_option_of_no_valid_type_is_refused_with_its_rule(value: Any, types: Any) -> None:
    with pytest.raises(ConfigurationError, match="in these words"):
        util.verify_options(value, types, "in these words")


def test_rules_change_the_options_that_they_are_given() -> None:
    params = {"expire": "30", "enabled": "off", "other": "x"}
    assert util.coerce_cache_params(params) is params
    assert params == {"expire": 30, "enabled": False, "other": "x"}


def test_cache_options_are_found_under_both_beginnings() -> None:
    options = util.parse_cache_config_options(
        {"beaker.cache.type": "file", "cache.expire": "9", "session.type": "x"}
    )
    assert options == {"type": "file", "expire": 9, "data_dir": None, "log_file": None, "enabled": True}
    assert util.parse_cache_config_options({"cache.expire": "9"}, include_defaults=False) == {"expire": 9}


def test_regions_take_what_they_do_not_say_from_the_whole() -> None:
    options = util.parse_cache_config_options(
        {
            "cache.regions": "short, long",
            "cache.data_dir": "/d",
            "cache.long.expire": "600",
            "cache.long.type": "file",
        }
    )
    regions = options["cache_regions"]
    assert (regions["short"]["type"], regions["short"]["expire"]) == ("memory", None)
    assert (regions["long"]["type"], regions["long"]["expire"], regions["long"]["data_dir"]) == (
        "file",
        600,
        "/d",
    )
    assert regions["long"]["key_length"] == util.DEFAULT_CACHE_KEY_LENGTH
    assert "long.expire" not in options


def test_folders_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        util.verify_directory(str(tmp_path / "a" / "b"))
    finally:
        os.umask(old)
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    util.verify_directory(str(tmp_path / "a" / "b"))
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        util.verify_directory(str(tmp_path / "file"))
    with pytest.raises(FileNotFoundError):
        util.verify_directory("")


def test_relative_folders_are_made_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    util.verify_directory("r/s")
    assert (tmp_path / "r" / "s").is_dir()


def test_threads_may_make_the_same_folder_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c" / "d"
    in_threads(*[lambda: util.verify_directory(str(folder))] * 8)
    assert folder.is_dir()


def test_a_path_is_named_after_the_digest_or_the_identifier(tmp_path: Path) -> None:
    digest = hashlib.sha1(b"a_b").hexdigest()
    assert util.encoded_path(str(tmp_path), ["a", "b"]) == str(
        tmp_path / digest[0] / digest[:2] / f"{digest}.enc"
    )
    plain = util.encoded_path(str(tmp_path), ["x.yz"], extension=".c", depth=2, digest_filenames=False)
    assert plain == str(tmp_path / "x" / "xyz.c")
    assert (tmp_path / "x").is_dir()


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o666)
    util.safe_write(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        util.safe_write(str(path), b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_map_makes_a_value_once(tmp_path: Path) -> None:
    made: list[int] = []
    registry: util.SyncDict[str, int] = util.SyncDict()

    def create(value: int) -> int:
        time.sleep(0.01)
        made.append(value)
        return value

    together(partial(registry.get, "k", create), 5)
    assert len(made) == 1
    assert registry["k"] == made[0]
    assert "k" in registry
    assert registry.has_key("k")
    registry["k"] = 9
    assert registry.sync_get("k", create, 1) == 9
    del registry["k"]
    assert "k" not in registry


def test_making_a_value_may_need_another_of_the_same_map() -> None:
    registry: util.SyncDict[str, int] = util.SyncDict()
    assert registry.get("a", lambda: registry.get("b", lambda: 2) + 1) == 3
    registry.clear()
    assert "a" not in registry


def test_a_failure_to_make_a_value_is_not_remembered() -> None:
    registry: util.SyncDict[str, int] = util.SyncDict()

    def fail() -> int:
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        registry.get("a", fail)
    assert registry.get("a", lambda: 1) == 1


def test_an_error_of_a_function_that_makes_a_value_does_not_show_the_key() -> None:
    registry: util.SyncDict[str, int] = util.SyncDict()

    def fail() -> int:
        raise ValueError("inside")

    for get in (registry.get, registry.sync_get):
        with pytest.raises(ValueError, match="inside") as caught:
            get("redis://:hunter2@host", fail)
        assert caught.value.__context__ is None


class Thing:
    pass


def test_a_weak_map_keeps_what_somebody_holds() -> None:
    registry: util.WeakValuedRegistry[str, Thing] = util.WeakValuedRegistry()
    held = registry.get("a", Thing)
    assert registry.get("a", Thing) is held
    del held
    gc.collect()
    assert "a" not in registry


def test_each_thread_has_a_value_of_its_own() -> None:
    local = util.ThreadLocal()
    assert (local.has(), local.get(), local.get(5)) == (False, None, 5)
    local.put(1)
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(local.get()))
    thread.start()
    thread.join()
    assert (local.get(), seen) == (1, [None])
    local.remove()
    assert not local.has()


@pytest.mark.parametrize("method", ["json", "pickle"])
def test_a_serialized_value_comes_back(method: str) -> None:
    value = {"a": [1, None, "é"]}
    assert util.deserialize(util.serialize(value, method), method) == value


def test_a_test_is_skipped_when_the_predicate_says_so() -> None:
    def never() -> bool:
        return False

    @util.skip_if(never)
    def runs() -> int:
        return 1

    @util.skip_if(lambda: True, "for a reason")
    def skipped() -> None:
        raise AssertionError

    assert runs.__name__ == "runs"
    try:
        assert runs() == 1
    except unittest.SkipTest:
        # pytest would skip this test.
        pytest.fail("the test was skipped")
    with pytest.raises(unittest.SkipTest, match="for a reason"):
        skipped()


def test_an_assertion_about_exceptions_fails_without_one() -> None:
    util.assert_raises(ValueError, int, "x")
    util.assert_raises(AssertionError, util.assert_raises, ValueError, int, "1")
    with pytest.raises(TypeError):
        util.assert_raises(ValueError, int, None)


def test_warnings_are_of_their_kind() -> None:
    with pytest.warns(BeakerWarning, match="text"):
        util.warn("text")
    with pytest.warns(UserWarning, match="mine"):
        util.warn(UserWarning("mine"))


def test_a_warning_names_the_caller_of_the_function_that_warns() -> None:
    def outdated() -> None:
        util.warn("text")

    with pytest.warns(BeakerWarning) as caught:
        outdated()
    assert linecache.getline(caught[0].filename, caught[0].lineno).strip() == "outdated()"


def test_text_becomes_ascii_and_bytes_stay_as_they_are() -> None:
    assert (bytes_("text"), bytes_(7), bytes_(b"\xff")) == (b"text", b"7", b"\xff")


def test_a_deprecated_function_warns_and_works() -> None:
    @util.deprecated("use another")
    def old(value: int) -> int:
        """The old one."""
        return value

    with pytest.warns(DeprecationWarning, match="use another") as caught:
        assert old(3) == 3
    assert caught[0].filename == __file__
    assert old.__name__ == "old"
    assert old.__doc__ == "use another\n\nThe old one."


class Owner:
    def method(self) -> None: ...


def test_functions_have_a_namespace() -> None:
    assert util.func_namespace(Owner().method) == f"{__name__}.Owner"
    assert util.func_namespace(Owner.method) == f"{__file__}|method"
    assert util.has_self_arg(Owner.method)
    assert not util.has_self_arg(lambda: None)


def test_the_machine_has_a_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(util.machine_identifier()) == 32
