"""`destroy_old = grace:30`: for half a minute the id that a session had before leads to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, ConfigurationError
from beaker.session import Session
from tests.conformance.session.grace import GRACE, KEPT, POINTER, Pair, name, put, rotate
from tests.support.folders import lifetime
from tests.support.sessions import COOKIE, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


@pytest.fixture
def pair(browser: Browsers, clock: Clock) -> Pair:
    return Pair(browser(timeout=600, **KEPT))


def test_a_chain_that_is_too_long_leads_nowhere(browser: Browsers, clock: Clock) -> None:
    visitor = browser(**KEPT)
    visitor.put(name="Ada")
    first = visitor.jar
    for _ in range(9):
        visitor.visit(rotate)
    now = visitor.jar
    assert visitor.visit(name, cookie=first).result[0] is None
    visitor.jar = now
    assert visitor.read() == {"name": "Ada"}


def test_the_store_shows_neither_id_nor_session_under_the_old_one(pair: Pair, backend: Backend) -> None:
    texts = backend.texts()
    assert set(texts) == {pair.old, pair.new}
    assert texts[pair.old].startswith(POINTER)
    assert pair.new not in texts[pair.old]
    assert len(texts[pair.old]) < 200


def test_a_new_session_after_a_logout_by_the_old_id_has_its_cookie(pair: Pair) -> None:
    def work(session: Any) -> str:
        session.invalidate()
        put(name="Grace")(session)
        began: str = session.id
        return began

    visit = pair.late(work)
    assert visit.value == visit.result
    assert visit.result not in (pair.old, pair.new)


def test_the_options_of_the_request_that_comes_later_do_not_matter(
    backend: Backend, browser: Browsers, clock: Clock
) -> None:
    pair = Pair(browser(**KEPT))
    other = Browser(backend.options)
    assert other.visit(name, cookie=pair.before).result[:2] == ("Ada", pair.new)


def test_a_forged_pointer_leads_nowhere(browser: Browsers, backend: Backend, clock: Clock) -> None:
    pair = Pair(browser(**KEPT))
    stranger = "0" * 32
    for text in (backend.texts()[pair.old], POINTER, f"{POINTER}AAAA", f"{POINTER}{'é'}"):
        backend.plant(stranger, text)
        visit = pair.visitor.visit(name, cookie=f"beaker.session.id={stranger}")
        assert visit.result[0] is None
        assert visit.result[1] not in (stranger, pair.new)


def test_by_default_nothing_is_under_the_old_id(browser: Browsers, backend: Backend, clock: Clock) -> None:
    for options in ({}, {"destroy_old": True}, {"destroy_old": "true"}, {"profile": "compatible"}):
        pair = Pair(browser(**options))
        assert pair.old not in backend.texts()
        assert pair.late(name).result[0] is None


@pytest.mark.parametrize(
    "refused", [False, 30, "30", "grace", "grace:0", "grace:-5", "grace:301", "never", [30]]
)
def test_any_other_word_is_refused_when_the_middleware_is_built(refused: object) -> None:
    with pytest.raises(ConfigurationError, match="destroy_old"):
        Browser({"type": "memory", "destroy_old": refused})


def test_a_session_in_a_cookie_has_no_old_id_that_anybody_comes_with() -> None:
    with pytest.raises(BeakerException, match="destroy_old"):
        Browser(COOKIE, KEPT)
    visitor = Browser(COOKIE, destroy_old=True)
    visitor.put(name="Ada")
    visitor.visit(rotate)
    assert visitor.read() == {"name": "Ada"}


def test_a_subclass_that_makes_its_own_ids_keeps_its_word(memory: Backend, clock: Clock) -> None:
    class Own(Session):
        def _create_id(self, set_new: bool = True) -> None:
            super()._create_id(set_new)
            made.append(self.id)

    made: list[str] = []
    pair = Pair(Browser(memory.options, KEPT, session_class=Own))
    count = len(made)
    assert pair.late(rotate).result == pair.new
    assert len(made) == count


def test_a_file_that_leads_on_is_swept_long_before_a_session_is(files: Backend) -> None:
    options = {"timeout": 3600, **KEPT}
    session = opened(files, "a", **options)
    session.save()
    new = rotate(session)
    kept = {file.stem: lifetime(file) for file in files.files()}
    assert kept["a"] == pytest.approx(GRACE, abs=20)
    assert kept[new] == pytest.approx(3720, abs=20)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files.files())


def test_a_backend_in_python_gets_the_lifetime_of_the_redirect(written_in_python: Backend) -> None:
    told: list[Any] = []
    base = written_in_python.options["namespace_class"]

    class Telling(base):  # type: ignore[misc, valid-type]
        def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
            told.append((value[: len(POINTER)] == POINTER, expiretime))
            self[key] = value

    Pair(Browser({"namespace_class": Telling, "timeout": 600}, KEPT))
    assert told == [(True, GRACE)]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("record_format", [1, 2])
def test_a_redirect_works_between_hashed_and_plain_ids(
    backend: Backend, clock: Clock, before: bool, after: bool, record_format: int
) -> None:
    options = {**backend.options, **KEPT, "record_format": record_format}
    visitor = Browser(options, hash_ids=before)
    visitor.put(name="Ada")
    old = visitor.jar
    rotating = Browser(options, hash_ids=after)
    new = rotating.visit(rotate, cookie=old).result
    for late in (visitor, rotating):
        assert late.visit(name, cookie=old).result[:2] == ("Ada", new)
    if after:
        assert all(session_id.endswith("-sha256") for session_id in backend.texts())
    assert len(backend.texts()) == 2
    visitor.visit(lambda session: session.delete(), cookie=old)
    assert rotating.visit(name, cookie=old).result[0] is None
    assert backend.texts() == {}
