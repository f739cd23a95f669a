"""Sessions that move from one store to another while they are used: `moves_to` and `read_also`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import ConfigurationError, StoreUnavailableError
from beaker.session import Session
from tests.support.dict_namespace import namespace_class
from tests.support.sessions import Browser

if TYPE_CHECKING:
    from pathlib import Path

STORES = ["file", "dbm", "python", "sqlite"]


@pytest.fixture
def former(tmp_path: Path) -> dict[str, Any]:
    """The options of the store that the sessions are in."""
    return {"type": "file", "data_dir": str(tmp_path / "former")}


@pytest.fixture(params=STORES)
def main(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The options of the store that they move to."""
    folder = str(tmp_path / "main")
    options: dict[str, dict[str, Any]] = {
        "file": {"type": "file", "data_dir": folder},
        "dbm": {"type": "dbm", "data_dir": folder},
        "python": {"namespace_class": namespace_class()},
        "sqlite": {"type": "sqlite", "url": f"sqlite:///{tmp_path}/main.sqlite"},
    }
    return options[request.param]


def address(options: dict[str, Any]) -> str:
    """The address of a store."""
    return str(options["url"]) if "url" in options else f"{options['type']}:{options['data_dir']}"


def moved(browser: Browser, options: dict[str, Any], **more: Any) -> Browser:
    """The same browser, after the application got other options."""
    after = Browser(options, more)
    after.jar = browser.jar
    return after


def is_there(options: dict[str, Any], session_id: str) -> bool:
    return not Session({}, id=session_id, use_cookies=False, **options).is_new


@pytest.mark.parametrize("more", [{}, {"hash_ids": True}, {"concurrency": "lock"}, {"timeout": 600}])
def test_a_session_of_the_former_store_is_found_and_moves(
    main: dict[str, Any], former: dict[str, Any], more: dict[str, Any]
) -> None:
    browser = Browser(former, more)
    browser.visit(lambda session: session.update(name="value") or session.save())
    after = moved(browser, main, read_also=address(former), **more)
    seen = after.visit(lambda session: (session.id, session["name"]))
    assert seen.result == (browser.id, "value")
    assert not is_there({**former, **more}, seen.result[0])
    assert is_there({**main, **more}, seen.result[0])
    assert after.visit(lambda session: session["name"]).result == "value"


def test_a_save_a_login_and_a_logout_reach_a_session_of_the_former_store(
    main: dict[str, Any], former: dict[str, Any]
) -> None:
    for act, left in (("save", True), ("regenerate_id", True), ("invalidate", False), ("delete", False)):
        browser = Browser(former, {})
        browser.visit(lambda session: session.update(name="value") or session.save())
        old = browser.id

        def visit(session: Any, act: str = act) -> None:
            session["more"] = 1
            getattr(session, act)()
            if act == "regenerate_id":
                session.save()

        after = moved(browser, main, read_also=address(former))
        after.visit(visit)
        found = after.visit(lambda session: (session.get("name"), session.get("more"))).result
        assert found == (("value", 1) if left else (None, None)), act
        assert not is_there(former, old), act
        assert is_there(main, old) == (act == "save"), act


def test_processes_that_prepare_and_processes_that_move_serve_one_session(
    main: dict[str, Any], former: dict[str, Any], tmp_path: Path
) -> None:
    if "namespace_class" in main:
        pytest.skip("a class has no address")
    preparing = Browser(former, {"moves_to": address(main)})
    preparing.visit(lambda session: session.update(count=0) or session.save())

    def count(session: Any) -> int:
        session["count"] += 1
        session.save()
        return int(session["count"])

    assert preparing.visit(count).result == 1
    assert is_there(former, preparing.id)
    moving = moved(preparing, main, read_also=address(former))
    for expected in range(2, 12):
        seen = (moving if expected % 2 else preparing).visit(count)
        assert seen.result == expected
    assert not is_there(former, preparing.id)
    preparing.visit(lambda session: session.invalidate())
    assert moving.visit(lambda session: session.get("count")).result is None
    begun = Browser(former, {"moves_to": address(main)})
    begun.visit(lambda session: session.save())
    assert is_there(former, begun.id)


def test_a_logged_out_cookie_begins_a_new_session_after_the_move_too(tmp_path: Path) -> None:
    one = {"type": "file", "data_dir": str(tmp_path / "one")}
    two = {"type": "file", "data_dir": str(tmp_path / "two")}
    browser = Browser(one, {})
    browser.visit(lambda session: session.update(name="value") or session.save())
    kept, session_id = browser.jar, browser.id
    moved(browser, two, read_also=address(one)).visit(lambda session: session.invalidate())
    # The pointer that the end left is dead to a process that knows nothing of the move.
    after = Browser(two, {})
    after.jar = kept
    assert after.visit(lambda session: session.get("name")).result is None
    assert not is_there(two, session_id)


def test_an_unknown_id_makes_nothing_in_either_store(tmp_path: Path, former: dict[str, Any]) -> None:
    main = {"type": "file", "data_dir": str(tmp_path / "main")}
    after = Browser(main, {"read_also": address(former)})
    after.jar = "beaker.session.id=" + "0" * 32
    assert after.visit(dict).result is not None
    assert list(tmp_path.rglob("*.*")) == []


def test_a_former_store_that_does_not_answer_logs_nobody_out(
    main: dict[str, Any], former: dict[str, Any], tmp_path: Path
) -> None:
    browser = Browser(former, {})
    browser.visit(lambda session: session.update(name="value") or session.save())
    folder = tmp_path / "former" / "container_file"
    hidden = folder.rename(tmp_path / "hidden")
    folder.write_text("no folder")
    after = moved(browser, main, read_also=address(former))
    with pytest.raises(StoreUnavailableError):
        after.visit(lambda session: session["name"])
    folder.unlink()
    hidden.rename(folder)
    assert after.visit(lambda session: session["name"]).result == "value"


@pytest.mark.parametrize("option", ["read_also", "moves_to"])
@pytest.mark.parametrize(
    "wrong", ["nonsense", "ftp://user:secret@host", "file:", "ext:no-such thing", "memory"]
)
def test_an_address_that_is_none_is_refused_without_showing_it(
    former: dict[str, Any], option: str, wrong: str
) -> None:
    with pytest.raises((ConfigurationError, KeyError)) as caught:
        Session({}, **{**former, option: wrong})
    assert "secret" not in str(caught.value)


def test_sessions_move_to_another_place_that_outlives_the_process(tmp_path: Path) -> None:
    folder = {"type": "file", "data_dir": str(tmp_path)}
    with pytest.raises(ConfigurationError, match="address of another store"):
        Session({}, **folder, read_also=f"file:{tmp_path}")
    with pytest.raises(ConfigurationError, match="in memory cannot move"):
        Session({}, type="memory", read_also=f"file:{tmp_path}")
    with pytest.raises(ConfigurationError, match="in memory cannot move"):
        Session({}, read_also=f"file:{tmp_path}")
    with pytest.raises(ConfigurationError, match="address of another store"):
        Session({}, data_dir=f"{tmp_path}/", read_also=f"file:{tmp_path}")
    with pytest.raises(ConfigurationError, match="different folders for their locks"):
        Session({}, **folder, lock_dir="/l", read_also="file:/other?lock_dir=/l")
    with pytest.raises(ConfigurationError, match="exclude each other"):
        Session({}, **folder, read_also="file:/a", moves_to="file:/b")


def test_an_address_may_name_the_folders_one_by_one(tmp_path: Path) -> None:
    one = {"type": "file", "file_dir": str(tmp_path / "files"), "lock_dir": str(tmp_path / "locks")}
    browser = Browser(one, {})
    browser.visit(lambda session: session.update(name="value") or session.save())
    two = {"type": "file", "data_dir": str(tmp_path / "two")}
    at = f"file:{tmp_path}/none?file_dir={one['file_dir']}&lock_dir={one['lock_dir']}"
    assert moved(browser, two, read_also=at).visit(lambda session: session["name"]).result == "value"
    assert not (tmp_path / "none").exists()


def test_a_session_in_its_cookie_ignores_the_option() -> None:
    options = {"type": "cookie", "validate_key": "x" * 40, "read_also": "file:/nowhere"}
    browser = Browser(options, {})
    browser.visit(lambda session: session.update(name="value") or session.save())
    assert browser.visit(lambda session: session["name"]).result == "value"


def test_changes_in_place_and_merges_work_while_a_session_moves(
    main: dict[str, Any], former: dict[str, Any]
) -> None:
    browser = Browser(former, {})
    browser.visit(lambda session: session.update(cart=[]) or session.save())
    after = moved(browser, main, read_also=address(former))
    after.visit(lambda session: session["cart"].append(1))
    assert after.visit(lambda session: session["cart"]).result == [1]
