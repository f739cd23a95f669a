"""Of several cookies of our name the last one whose session exists counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import StoreUnavailableError
from beaker.session import Session
from tests.support.dict_namespace import DictNamespace
from tests.support.fixtures import COOKIES, SECRETS, make_backend
from tests.support.sessions import KEY, Browser, is_free, name, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.support.sessions import Backend, Clock

SECRET = "a secret of some length, for all of these applications"
STORES = ["memory", "file", "python", "hashed memory", "hashed file", "hashed python"]
SIGNED: dict[str, dict[str, Any]] = {
    "unsigned": {},
    "signed": {"secret": SECRET},
    "format 2": {"secret": SECRET, "cookie_format": 2},
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> Backend:
    """Each place where sessions are kept, under their ids and under hashes of them."""
    return make_backend(request.param, tmp_path)


@pytest.fixture(params=SIGNED)
def signing(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options of each way to sign an id."""
    return SIGNED[request.param]


@pytest.fixture(params=[*STORES, "dbm", *COOKIES])
def application(
    request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None, clock: Clock
) -> Callable[..., Browser]:
    """Makes browsers of an application with a timeout, on each store and with sessions in cookies."""
    if request.param in COOKIES:
        options = COOKIES[request.param]
    elif request.param == "dbm":
        options = {"type": "dbm", "data_dir": str(tmp_path / "dbm"), "secret": SECRET}
    else:
        options = {**make_backend(request.param, tmp_path).options, "secret": SECRET}
    return lambda **more: Browser({**options, "timeout": 60}, more)


def stored(options: dict[str, Any], value: str, **more: Any) -> Browser:
    """A browser with a session of its own."""
    browser = Browser(options, more)
    browser.put(name=value)
    return browser


def joined(browsers: Iterable[Browser]) -> str:
    """A Cookie header with the cookies of browsers."""
    return "; ".join(browser.cookie for browser in browsers)


def end(browser: Browser) -> None:
    """Ends the session of a browser, which keeps the cookie."""
    kept = browser.jar
    browser.visit(lambda session: session.delete())
    browser.jar = kept


class Counted(DictNamespace):
    """Notes which ids are asked about."""

    asked: list[str]

    def __getitem__(self, key: str) -> Any:
        # What a store has under the hash of an id is looked for too, where it has nothing under the id.
        if not self.namespace.endswith("-sha256"):
            self.asked.append(self.namespace)
        return super().__getitem__(key)


def counted() -> Any:
    return type("Namespace", (Counted,), {"contents": {}, "calls": [], "asked": []})


def test_a_login_does_not_go_in_circles(application: Callable[..., Browser], clock: Clock) -> None:
    old = application(cookie_path="/")
    old.put(name="of last week")
    clock.advance(61)
    # The browser has both from now on, and sends the longer path first.
    moved = application(cookie_path="/app")
    for header in (old.cookie, None):
        visit = moved.visit(name, cookie=header)
        assert visit.result is None
    moved.jar = None
    moved.put(name="Ada")
    both = f"{moved.cookie}; {old.cookie}"
    for _ in range(3):
        visit = moved.visit(lambda session: (session.get("name"), session.is_new), cookie=both)
        assert visit.result == ("Ada", False)


@pytest.mark.parametrize("ended", ["deleted", "emptied", "corrupt", "over"])
def test_a_session_that_is_there_counts_before_one_that_is_not(
    store: Backend, signing: dict[str, Any], clock: Clock, ended: str
) -> None:
    options = {**store.options, **signing, "timeout": 60}
    living, dead = Browser(options), stored(options, "dead")
    if ended == "over":
        clock.advance(61)
    elif ended == "deleted":
        end(dead)
    else:
        text = "this is no session" if ended == "corrupt" else "gAJ9cQAu"
        store.plant(store.name_of(dead.id), text)
    living.put(name="Ada")
    for header in (f"{living.cookie}; {dead.cookie}", f"{dead.cookie}; {living.cookie}"):
        visit = living.visit(name, cookie=header)
        assert visit.result == "Ada"
        assert visit.cookies == []


def test_of_several_sessions_that_are_there_the_last_counts(store: Backend, signing: dict[str, Any]) -> None:
    options = {**store.options, **signing}
    first, second, gone = stored(options, "first"), stored(options, "second"), stored(options, "gone")
    end(gone)
    for header, found in (
        ([first, second], "second"),
        ([second, first], "first"),
        ([first, second, gone], "second"),
        ([second, gone, first], "first"),
        ([gone, second, first, gone], "first"),
    ):
        assert first.visit(name, cookie=joined(header)).result == found


def test_where_none_is_there_a_new_session_begins_as_with_one(
    store: Backend, signing: dict[str, Any]
) -> None:
    options = {**store.options, **signing}
    gone = [stored(options, "gone") for _ in range(7)]
    for browser in gone:
        end(browser)
    ids = [browser.id for browser in gone]
    before = store.traces()
    visit = gone[0].visit(
        lambda session: (session.is_new, session.was_invalidated, session.id in ids, name(session)),
        cookie=joined(gone),
    )
    assert visit.result == (True, False, False, None)
    assert visit.cookies == []
    assert store.traces() == before


def test_where_all_are_over_the_last_is_ended_as_if_it_were_alone(store: Backend, clock: Clock) -> None:
    options = {**store.options, "timeout": 60}
    first, second = stored(options, "first"), stored(options, "second")
    clock.advance(61)
    visit = first.visit(
        lambda session: (session.is_new, session.was_invalidated), cookie=f"{first.cookie}; {second.cookie}"
    )
    assert visit.result == (True, True)
    assert len(visit.cookies) == 1


def test_if_all_candidates_are_corrupt_the_warning_names_the_last(store: Backend) -> None:
    options = {**store.options, "invalidate_corrupt": True}
    first, second = stored(options, "first"), stored(options, "second")
    for browser in (first, second):
        store.plant(store.name_of(browser.id), "this is no session")
    with pytest.warns(match=second.id[:4]) as warned:
        assert first.visit(name, cookie=f"{first.cookie}; {second.cookie}").result is None
    assert len(warned) == 1


def test_the_store_is_asked_about_a_handful_and_about_each_once(clock: Clock) -> None:
    options = {"namespace_class": counted(), "secret": SECRET}
    asked = options["namespace_class"].asked
    gone = [stored(options, "gone") for _ in range(9)]
    for browser in gone:
        end(browser)
    asked.clear()
    header = "; ".join(browser.cookie for browser in gone for _ in range(3))
    gone[0].visit(name, cookie=header)
    assert asked == [browser.id for browser in reversed(gone)][:5]


@pytest.mark.parametrize("others", [0, 1, 8])
def test_a_session_that_is_there_is_asked_about_alone(others: int) -> None:
    options = {"namespace_class": counted(), "secret": SECRET}
    asked = options["namespace_class"].asked
    browsers = [stored(options, "other") for _ in range(others)]
    living = stored(options, "Ada")
    asked.clear()
    header = joined([*browsers, living])
    living.visit(name, cookie=header)
    with_others = list(asked)
    asked.clear()
    living.visit(name)
    assert with_others == asked
    assert set(asked) == {living.id}


def test_a_request_that_uses_no_session_asks_about_none() -> None:
    options = {"namespace_class": counted(), "secret": SECRET}
    browser = stored(options, "Ada")
    end(browser)
    options["namespace_class"].asked.clear()
    browser.visit(cookie=f"{browser.cookie}; {browser.cookie}")
    assert options["namespace_class"].asked == []


def test_nothing_but_a_signature_has_the_store_asked() -> None:
    options = {"namespace_class": counted(), "secret": SECRET}
    browser = stored(options, "Ada")
    end(browser)
    options["namespace_class"].asked.clear()
    forged = [f"{KEY}={'0' * 40}{index:032x}" for index in range(100)]
    browser.visit(name, cookie="; ".join([*forged, browser.cookie, *forged]))
    assert options["namespace_class"].asked == [browser.id]


def test_a_store_that_does_not_answer_is_no_reason_to_take_another(store: Backend) -> None:
    class Down(DictNamespace):
        def __getitem__(self, key: str) -> Any:
            if self.namespace == unlucky:
                raise OSError("down")
            return super().__getitem__(key)

        def __contains__(self, key: object) -> bool:
            if self.namespace == unlucky:
                raise OSError("down")
            return super().__contains__(key)

    unlucky = ""
    options = {"namespace_class": type("Namespace", (Down,), {"contents": {}, "calls": []})}
    first, second, gone = stored(options, "first"), stored(options, "second"), stored(options, "gone")
    end(gone)
    unlucky = second.id
    for header in ([first, second], [first, second, gone]):
        with pytest.raises(StoreUnavailableError):
            first.visit(name, cookie=joined(header))


def test_a_session_that_ends_in_a_request_gets_no_substitute(store: Backend) -> None:
    other, own = stored(store.options, "other"), stored(store.options, "own")

    def work(session: Any) -> tuple[Any, ...]:
        assert name(session) == "own"
        opened(store, session.id).delete()
        session.load()
        return name(session), session.is_new

    assert own.visit(work, cookie=f"{other.cookie}; {own.cookie}").result == (None, True)


def test_the_session_that_counts_is_locked_and_no_other(backend: Backend) -> None:
    options = {**backend.options, "concurrency": "lock"}
    living, gone = stored(options, "Ada"), stored(options, "gone")
    end(gone)

    def work(session: Any) -> tuple[Any, ...]:
        return name(session), is_free(backend, living.id), is_free(backend, gone.id)

    assert living.visit(work, cookie=f"{living.cookie}; {gone.cookie}").result == ("Ada", False, True)
    assert is_free(backend, living.id)


def test_a_subclass_with_its_own_load_gets_the_right_candidate(store: Backend) -> None:
    class Own(Session):
        loads = 0

        def load(self) -> None:
            type(self).loads += 1
            super().load()

    options = {**store.options, "secret": SECRET}
    living, gone = stored(options, "Ada"), stored(options, "gone")
    end(gone)
    both = f"{living.cookie}; {gone.cookie}"
    assert Browser(options, session_class=Own).visit(name, cookie=both).result == "Ada"
    assert Own.loads == 1


def test_the_morsel_of_a_session_is_that_of_the_session_that_counts(
    store: Backend, signing: dict[str, Any]
) -> None:
    options = {**store.options, **signing}
    living, gone = stored(options, "Ada"), stored(options, "gone")
    end(gone)

    def work(session: Any) -> tuple[Any, ...]:
        return session.cookie[session.key].value == session.id, session.id

    both = f"{living.cookie}; {gone.cookie}"
    assert living.visit(work, cookie=both).result == (True, living.id)


def test_a_session_under_an_older_name_counts_before_none(store: Backend) -> None:
    options = {**store.options, "secret": SECRET}
    older, gone = stored(options, "Ada", key="older"), stored(options, "gone")
    end(gone)
    moved = Browser(options, key_fallbacks="older")
    visit = moved.visit(name, cookie=f"{older.cookie}; {gone.cookie}")
    assert visit.result == "Ada"
    # It is sent under the name of today, and the older one is taken away.
    assert [cookie.partition("=")[0].strip() for cookie in visit.cookies] == [KEY, "older"]


def test_two_applications_at_two_paths_with_one_secret_keep_apart(tmp_path: Path, empty_memory: None) -> None:
    root = Browser(type="file", data_dir=str(tmp_path / "root"), secret=SECRET, cookie_path="/")
    below = Browser(type="file", data_dir=str(tmp_path / "b"), secret=SECRET, cookie_path="/b")
    root.put(name="root")
    for login in ("first", "second"):
        # Under /b the browser sends both; what is set there takes the place of the one for /b alone.
        below.put(name=login)
        both = f"{below.cookie}; {root.cookie}"
        visit = below.visit(name, cookie=both)
        assert visit.result == login
        # The cookie of / is not ours to take away: to the application there it is alive.
        assert visit.cookies == []
        assert root.visit(name).result == "root"


@pytest.mark.parametrize("format_", COOKIES)
class TestSessionsInCookies:
    """There is no store to ask: what the cookie says decides."""

    def test_of_several_that_may_go_on_the_last_counts(self, format_: str) -> None:
        first, second = stored(COOKIES[format_], "first"), stored(COOKIES[format_], "second")
        visitor, (one, two) = Browser(COOKIES[format_]), (first.cookie, second.cookie)
        assert visitor.visit(name, cookie=f"{one}; {two}").result == "second"
        assert visitor.visit(name, cookie=f"{two}; {one}").result == "first"

    def test_an_undecodable_candidate_gives_way(self, format_: str, clock: Clock) -> None:
        keys = {**SECRETS, "type": "cookie"}
        plain = {**COOKIES[format_], "validate_key": keys["validate_key"]}
        foreign = Browser(plain, data_serializer="json")
        foreign.put(name="of another serializer")
        own = stored(plain, "own", data_serializer="pickle")
        assert own.visit(name, cookie=f"{own.cookie}; {foreign.cookie}").result == "own"
        with pytest.warns(match="cannot be decoded"):
            assert own.visit(name, cookie=foreign.cookie).result is None

    def test_where_all_are_over_a_new_one_begins(self, format_: str, clock: Clock) -> None:
        options = {**COOKIES[format_], "timeout": 60}
        first, second = stored(options, "first"), stored(options, "second")
        clock.advance(61)
        visit = first.visit(
            lambda session: (session.was_invalidated, name(session)),
            cookie=f"{first.cookie}; {second.cookie}",
        )
        assert visit.result == (True, None)

    @pytest.mark.parametrize(("over", "read"), [(False, 1), (True, 5)])
    def test_a_candidate_that_is_not_needed_is_not_decoded(
        self, format_: str, clock: Clock, over: bool, read: int
    ) -> None:
        decoded: list[bytes] = []

        class Counting:
            """Counts what it reads."""

            def loads(self, data: bytes) -> Any:
                decoded.append(data)
                times = dict.fromkeys(["_accessed_time", "_creation_time"], clock.now - 100 * over)
                return {"name": data.decode(), **times}

            def dumps(self, data: Any) -> bytes:
                return str(data.get("name")).encode()

        options = {**COOKIES[format_], "data_serializer": Counting(), "timeout": 60}
        header = joined(stored(options, f"name {index}") for index in range(9) for _ in range(2))
        decoded.clear()
        found = Browser(options).visit(name, cookie=header).result
        assert found == (None if over else "name 8")
        assert len(decoded) == read
