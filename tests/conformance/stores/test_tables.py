"""Sessions in a table: what its rows have, and what a database does that other stores do not."""

from __future__ import annotations

import gc
import os
import pickle
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _lease
from beaker._row_sweep import MARGIN, sweep
from beaker._timed_sweep import TimedSweep
from beaker.exceptions import CorruptSessionError, LockError, StoreUnavailableError
from beaker.session import Session
from tests.support.sessions import ID, START, Browser, opened, remembered, stored
from tests.support.tables import TABLES, namespace_of, table_backend
from tests.support.threads import in_thread

if TYPE_CHECKING:
    from tests.support.sessions import Clock
    from tests.support.tables import TableBackend

TIMEOUT = 600
NOW = datetime.fromtimestamp(START, timezone.utc).replace(tzinfo=None)


@pytest.fixture(params=TABLES)
def table(request: pytest.FixtureRequest) -> TableBackend:
    """Sessions in each kind of table."""
    return table_backend(request, request.param)


def times(table: TableBackend, session_id: str = ID) -> tuple[datetime, datetime]:
    """When a row was made and when it was accessed."""
    where = f"SELECT created, accessed FROM {table.table} WHERE namespace = :name"
    ((created, accessed),) = table.execute(where, {"name": session_id})
    as_time = datetime.fromisoformat
    return tuple(as_time(one) if isinstance(one, str) else one for one in (created, accessed))  # type: ignore[return-value]


def test_a_row_has_the_shape_and_the_times_of_beaker_in_utc(table: TableBackend, clock: Clock) -> None:
    stored(table, name="Ada")
    assert set(table.rows()) == {ID}
    assert set(table.rows()[ID]) == {"session"}
    assert times(table) == (NOW, NOW)
    clock.advance(60)
    opened(table, ID).save(accessed_only=True)
    assert times(table) == (NOW, NOW + timedelta(seconds=60))


def test_what_a_program_put_beside_a_session_stays(table: TableBackend) -> None:
    stored(table, name="Ada")
    namespace = opened(table, ID).namespace
    namespace.acquire_write_lock()
    namespace["note"] = {"of": ["a", "program"]}
    namespace.release_write_lock()
    stored(table, name="Grace")
    assert table.rows()[ID]["note"] == {"of": ["a", "program"]}
    assert opened(table, ID)["name"] == "Grace"
    opened(table, ID).delete()
    assert set(table.rows()[ID]) == {"note"}


def test_a_session_that_ended_leaves_no_row(table: TableBackend) -> None:
    stored(table, name="Ada")
    session = opened(table, ID)
    session.lock()
    session.delete()
    session.unlock()
    assert table.rows() == {}


def test_a_large_session_is_stored_whole(table: TableBackend) -> None:
    stored(table, text="x" * 300_000)
    assert opened(table, ID)["text"] == "x" * 300_000


@pytest.mark.parametrize("name", ["a" * 256, "zero\0"])
def test_a_name_that_no_row_can_have_is_an_unknown_session(table: TableBackend, name: str) -> None:
    session = opened(table, name)
    assert session.is_new
    with pytest.raises(StoreUnavailableError):
        session.save()


def test_names_that_the_database_may_take_for_one_are_two(table: TableBackend) -> None:
    stored(table, name="Ada")
    for alike in (ID.upper(), f"{ID} "):
        assert opened(table, alike).is_new
        other = opened(table, alike)
        other["name"] = "Grace"
        try:
            other.save()
        except StoreUnavailableError:
            # MySQL pads names, and refuses the second.
            assert table.name == "mariadb"
        assert opened(table, ID)["name"] == "Ada"


def test_a_pickle_in_a_row_runs_no_code_where_sessions_are_json(table: TableBackend, tmp_path: Any) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "exploded"),))

    table.plant_data(ID, pickle.dumps({"other": Bomb()}))
    assert opened(table, ID, data_serializer="json").is_new
    table.plant_data(ID, pickle.dumps(["no session", Bomb()]))
    with pytest.raises(CorruptSessionError):
        opened(table, ID, data_serializer="json")
    with pytest.raises(CorruptSessionError):
        opened(table, ID, pickle="allowlist")
    assert not (tmp_path / "exploded").exists()


def test_a_row_that_is_no_pickle_can_be_replaced(table: TableBackend) -> None:
    table.plant_data(ID, b"no pickle")
    with pytest.raises(CorruptSessionError):
        opened(table, ID)
    with pytest.warns(match="cannot be decoded"):
        opened(table, ID, invalidate_corrupt=True).save()


def test_sessions_of_one_url_share_an_engine(table: TableBackend) -> None:
    assert opened(table, ID).namespace.bind is opened(table, "another").namespace.bind


# Sweeps.


def sweeping(table: TableBackend, now: float) -> int:
    """Sweeps as a process does whose sessions have the timeout."""
    return sweep(namespace_of(table)._rows, now - TIMEOUT - MARGIN)


def test_a_sweep_removes_sessions_that_expired_a_day_ago(table: TableBackend, clock: Clock) -> None:
    for number in range(250):
        table.plant_data(f"old {number}", pickle.dumps({"session": "text"}))
    table.execute(f"UPDATE {table.table} SET accessed = :then", {"then": NOW})
    clock.advance(TIMEOUT + MARGIN)
    stored(table, name="Ada")
    assert sweeping(table, clock() - 1) == 0
    assert sweeping(table, clock() + 1) == 250
    assert set(table.rows()) == {ID}


def test_a_sweep_leaves_caches_and_what_it_cannot_read(table: TableBackend, clock: Clock) -> None:
    table.plant_data("a cache", pickle.dumps({"key": (1.0, None, "value")}))
    table.plant_data("a cache of sessions", pickle.dumps({"session": (1.0, None, "value")}))
    table.plant_data("damaged", b"no pickle")
    table.plant_data("a lock", pickle.dumps({"lock": "of a process that died"}))
    table.execute(f"UPDATE {table.table} SET accessed = :then", {"then": NOW})
    assert sweeping(table, clock() + 10 * MARGIN) == 1
    left = table.execute(f"SELECT namespace FROM {table.table} ORDER BY namespace")
    assert [name for (name,) in left] == ["a cache", "a cache of sessions", "damaged"]


def test_a_sweep_leaves_a_session_for_as_long_as_it_is_remembered(table: TableBackend, clock: Clock) -> None:
    browser = Browser(table.options, timeout=TIMEOUT - 120)
    browser.visit(remembered(10 * TIMEOUT, name="Ada"))
    assert sweeping(table, clock() + 10 * TIMEOUT + MARGIN) == 0
    assert sweeping(table, clock() + 10 * TIMEOUT + MARGIN + 121) == 1


def test_a_sweep_leaves_a_session_that_is_used_meanwhile(
    table: TableBackend, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(table, name="Ada")
    rows = namespace_of(table)._rows
    later = clock() + TIMEOUT + 2 * MARGIN
    remove = rows.delete_older

    def slow(*arguments: Any) -> bool:
        clock.now = later
        opened(table, ID).save(accessed_only=True)
        return remove(*arguments)

    monkeypatch.setattr(rows, "delete_older", slow)
    assert sweep(rows, later - TIMEOUT - MARGIN) == 0
    assert opened(table, ID)["name"] == "Ada"


def test_one_of_all_processes_sweeps_once_in_an_interval(table: TableBackend) -> None:
    stored(table, name="Ada", timeout=TIMEOUT)
    sweeper = namespace_of(table)._sweeper
    assert sweeper.start_if_due(TIMEOUT, 3600) is None, "it is due a minute after the start"
    others = [TimedSweep(sweeper._sweep, sweeper._place) for _ in range(3)]
    started = []
    for other in others:
        other._due = 0.0
        assert other.start_if_due(TIMEOUT, 0) is None
        thread = other.start_if_due(TIMEOUT, 3600)
        assert thread is not None
        thread.join()
        started.append(table.rows()["beaker sweep"]["sweep"])
        assert other.start_if_due(TIMEOUT, 3600) is None
    assert len(set(started)) == 1


def test_nothing_is_swept_after_the_clock_jumped(table: TableBackend, clock: Clock) -> None:
    stored(table, name="Ada")
    used = namespace_of(table)._sweeper
    sweeper = TimedSweep(used._sweep, used._place)
    sweeper._due = 0.0
    clock.advance(365 * MARGIN)
    assert sweeper.start_if_due(TIMEOUT, 3600) is None
    assert opened(table, ID)["name"] == "Ada"


# Locks.


@pytest.fixture
def lapsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases lapse at once, and are not renewed."""
    monkeypatch.setattr(_lease, "LEASE", 0.0)
    monkeypatch.setattr(_lease.renewals, "add", lambda _: None)


def elsewhere(table: TableBackend) -> Any:
    """The lock of the same session as another machine has it."""
    return namespace_of(table, ID, digest_filenames=False)


def test_a_lock_excludes_other_machines(table: TableBackend) -> None:
    stored(table, name="Ada")
    session = opened(table, ID)
    session.lock()
    other = elsewhere(table)
    assert not other.acquire_write_lock(wait=False)
    session.unlock()
    assert other.acquire_write_lock(wait=False)
    with pytest.raises(LockError):
        in_thread(opened(table, ID, lock_timeout=0).lock)
    other.release_write_lock()
    assert set(table.rows()) == {ID}


def test_another_thread_may_release_the_lock_and_closes_the_namespace(table: TableBackend) -> None:
    stored(table, name="Ada")
    session = opened(table, ID)
    session.lock()
    session.namespace["note"] = "of the program"
    in_thread(session.unlock)
    assert table.rows()[ID]["note"] == "of the program"
    assert (session.namespace.openers, session.namespace.flags) == (0, None)
    stored(table, name="Grace")
    session.load()
    assert session["name"] == "Grace"


def test_a_lock_of_a_process_that_died_lapses(table: TableBackend, lapsing: None) -> None:
    stored(table, name="Ada")
    dead, other = elsewhere(table), elsewhere(table)
    assert dead.acquire_write_lock(wait=False)
    assert other.acquire_write_lock(wait=False)
    dead.release_write_lock()
    assert elsewhere(table).access_lock._place.look() is not None, "the new holder still has it"
    other.release_write_lock()


def test_a_lock_that_is_renewed_does_not_lapse(table: TableBackend) -> None:
    holder, other = elsewhere(table), elsewhere(table)
    assert holder.acquire_write_lock()
    lease = holder.access_lock.state.held
    before = other.access_lock._place.look()
    assert not other.acquire_write_lock(wait=False)
    lease.renew()
    after = other.access_lock._place.look()
    assert before != after
    _lease._sightings._since[before.partition(" ")[0]] = before, -_lease.LEASE
    assert not other.acquire_write_lock(wait=False)
    holder.release_write_lock()
    lease.renew()
    assert other.access_lock._place.look() is None


def test_a_save_after_a_lapse_is_merged(table: TableBackend, lapsing: None) -> None:
    stored(table, name="Ada")
    session = opened(table, ID)
    session.lock()
    other = elsewhere(table)
    assert other.acquire_write_lock(wait=False)
    quick = Session({}, id=ID, use_cookies=False, **table.options)
    quick["cart"] = ["tea"]
    quick.save()
    other.release_write_lock()
    session["name"] = "Grace"
    session.save()
    session.unlock()
    session = opened(table, ID)
    assert (session["name"], session["cart"]) == ("Grace", ["tea"])


def test_a_forked_process_leaves_the_lock_to_its_parent(table: TableBackend) -> None:
    stored(table, name="Ada")
    session = opened(table, ID)
    session.lock()
    child = os.fork()
    if child == 0:
        try:
            del session
            gc.collect()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert not elsewhere(table).acquire_write_lock(wait=False)
    session.unlock()
