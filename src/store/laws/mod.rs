//! What every store has to do, as tests that run on each of them.
//!
//! `laws!(fixture)` in a store's tests makes one test of every law, `lock_laws!(fixture)` of those of locks, and
//! `sweep_laws!(fixture)` of those of a store that is swept: where a server removes what is over there is nothing to
//! sweep, and `scan_laws!(fixture)` of those of a store that can list its records. A law that speaks of something not every store can do asks the store's capabilities first, and then holds it to
//! what it claims.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

mod holds;
mod in_order;
mod lifetimes;
mod rotation;
mod scans;
pub(super) mod server;
mod sweeps;
mod threads;
mod touches;

use std::sync::Arc;
use std::time::Duration;

pub(super) use holds::{
    a_held_session_is_held_by_nobody_else, a_hold_leaves_nothing_where_there_is_no_record,
    a_hold_that_is_dropped_lets_go, a_holder_uses_what_it_holds_without_waiting_for_itself,
    a_rotation_of_another_session_locks_nothing, a_session_that_is_rotated_while_it_is_held_stays_held,
    an_unknown_id_is_not_held_and_allocates_nothing, of_all_who_want_a_session_one_holds_it,
    who_waits_for_a_session_that_is_deleted_finds_it_absent,
};
pub(super) use lifetimes::{
    a_lifetime_that_is_over_is_absence, a_redirect_has_a_lifetime_of_its_own,
    a_renewal_keeps_the_data_and_creates_nothing, a_touch_of_another_state_makes_no_lifetime_shorter,
    a_touch_renews_a_lifetime, a_write_renews_a_lifetime, without_a_lifetime_a_record_stays,
};
pub(super) use rotation::{
    a_deletion_expecting_a_version_spares_what_was_saved_since,
    a_holder_leaves_something_under_the_old_id_too, a_rotation_does_not_revive_a_deleted_record,
    a_rotation_expecting_a_version_is_refused_once_another_was_stored,
    a_rotation_leaves_nothing_under_the_old_id, a_rotation_may_leave_something_under_the_old_id,
    a_rotation_overwrites_what_is_under_the_new_id, a_rotation_that_is_refused_leaves_nothing,
    a_rotation_to_the_same_id_is_a_write_that_creates_nothing,
    a_rotation_to_the_same_id_leaves_nothing_but_what_was_written, deleting_says_whether_there_was_a_record,
    of_a_rotation_and_a_deletion_at_once_one_finds_the_record,
    of_a_save_and_a_deletion_of_what_both_saw_one_is_refused, of_concurrent_rotations_one_succeeds,
    readers_find_what_they_look_for_under_one_id_or_the_other, rotations_in_a_circle_wait_for_nobody,
    what_a_rotation_leaves_has_a_life_of_its_own,
};
pub(super) use scans::{
    a_scan_lists_each_record_that_can_be_loaded_and_no_other,
    a_scan_lists_what_stays_while_other_records_come_and_go, a_scan_of_an_empty_store_lists_nothing,
};
pub(super) use threads::{
    concurrent_compare_and_swap_loses_no_update, of_concurrent_creators_one_succeeds,
    readers_never_see_a_mixture_and_never_nothing, touches_among_writers_never_mix_states,
};

pub(super) use touches::{
    a_touch_creates_nothing, a_touch_does_not_resurrect_a_deleted_record,
    a_touch_leaves_the_bytes_of_another_state_alone, a_touch_of_no_bytes_changes_no_data,
    a_touch_outside_the_record_is_an_error_and_changes_nothing,
    a_touch_splices_bytes_into_the_state_that_was_loaded, a_touch_that_changes_bytes_changes_the_version,
};

pub(super) use sweeps::{
    a_record_of_a_longer_life_outlives_sweeps_and_touches_of_an_older_state,
    a_step_of_a_sweep_examines_no_more_than_it_may, a_sweep_makes_nothing_and_is_finished_where_nothing_is,
    a_sweep_never_removes_a_live_record_among_readers_writers_and_logouts,
    a_sweep_removes_what_is_over_and_nothing_else, a_touched_record_outlives_a_sweep,
};

use super::{Call, Expect, Patch, Record, Store, Version, Write, Written};
use crate::id::{SessionId, StoreKey};

/// How long the records of a store live that knows of one lifetime only; a test that wants an end takes this one.
pub(super) const LIFETIME: Duration = Duration::from_secs(60);

/// A store with nothing in it, and a way to see what it has allocated.
pub(super) struct Fixture {
    store: Arc<dyn Store>,
    footprint: Box<dyn Fn() -> usize + Send + Sync>,
}

impl Fixture {
    /// `footprint` counts what the store has allocated: entries, files, folders. It also keeps alive what the
    /// store stands on.
    pub(super) fn new(store: Arc<dyn Store>, footprint: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        Self { store, footprint: Box::new(footprint) }
    }

    fn load(&self, id: &StoreKey) -> Option<Record> {
        self.store.load(id, &Call::at(NOW)).unwrap()
    }

    fn data(&self, id: &StoreKey) -> Option<Vec<u8>> {
        self.load(id).map(|record| record.data.to_vec())
    }

    fn write(&self, id: &StoreKey, data: &[u8], expect: Expect) -> Written {
        self.store.write(&Write::new(id, data, expect), &Call::at(NOW)).unwrap()
    }

    fn stored(&self, id: &StoreKey, data: &[u8]) -> Version {
        match self.write(id, data, Expect::Any) {
            Written::Stored(version) => version,
            Written::Refused => unreachable!("nothing was expected"),
        }
    }

    fn touch(&self, id: &StoreKey, version: Version, offset: usize, bytes: &[u8]) -> bool {
        self.store.patch(&Patch::new(id, version, offset, bytes), &Call::at(NOW)).unwrap()
    }
}

const NOW: f64 = 1_000_000.0;

/// A version that is not `version`.
fn another(version: Version) -> Version {
    let changed: Vec<u8> = version.as_bytes().iter().map(|byte| !byte).collect();
    Version::from_bytes(&changed).unwrap()
}

macro_rules! laws {
    ($fixture:ident) => {
        $crate::store::laws::each_law!(laws_of_every_store, $fixture;
            an_unknown_id_is_absent_and_allocates_nothing
            what_was_written_is_loaded
            a_record_may_be_empty
            ascii_text_of_any_length_is_stored
            the_last_writer_wins_when_nothing_is_expected
            a_write_expecting_absence_does_not_overwrite
            a_write_expecting_presence_does_not_create
            a_write_expecting_presence_does_not_resurrect_a_deleted_record
            a_write_expecting_a_version_is_refused_once_another_was_stored
            a_write_expecting_a_version_does_not_resurrect_a_deleted_record
            the_version_of_a_write_is_the_one_that_is_loaded
            a_refused_write_changes_nothing
            deleting_is_idempotent_and_leaves_others_alone
            what_was_loaded_does_not_change_under_the_reader
            a_touch_splices_bytes_into_the_state_that_was_loaded
            a_touch_leaves_the_bytes_of_another_state_alone
            a_touch_creates_nothing
            a_touch_does_not_resurrect_a_deleted_record
            a_touch_outside_the_record_is_an_error_and_changes_nothing
            a_touch_of_no_bytes_changes_no_data
            a_touch_that_changes_bytes_changes_the_version
            concurrent_compare_and_swap_loses_no_update
            of_concurrent_creators_one_succeeds
            readers_never_see_a_mixture_and_never_nothing
            touches_among_writers_never_mix_states
            a_lifetime_that_is_over_is_absence
            a_touch_renews_a_lifetime
            a_renewal_keeps_the_data_and_creates_nothing
            a_touch_of_another_state_makes_no_lifetime_shorter
            a_write_renews_a_lifetime
            without_a_lifetime_a_record_stays
            deleting_says_whether_there_was_a_record
            a_deletion_expecting_a_version_spares_what_was_saved_since
            of_a_save_and_a_deletion_of_what_both_saw_one_is_refused
            a_rotation_leaves_nothing_under_the_old_id
            a_rotation_does_not_revive_a_deleted_record
            a_rotation_expecting_a_version_is_refused_once_another_was_stored
            a_rotation_overwrites_what_is_under_the_new_id
            a_rotation_to_the_same_id_is_a_write_that_creates_nothing
            of_a_rotation_and_a_deletion_at_once_one_finds_the_record
            of_concurrent_rotations_one_succeeds
            rotations_in_a_circle_wait_for_nobody
            a_rotation_may_leave_something_under_the_old_id
            a_rotation_that_is_refused_leaves_nothing
            a_rotation_to_the_same_id_leaves_nothing_but_what_was_written
            a_redirect_has_a_lifetime_of_its_own
            readers_find_what_they_look_for_under_one_id_or_the_other
        );
    };
}

macro_rules! sweep_laws {
    ($fixture:ident) => {
        $crate::store::laws::each_law!(laws_of_sweeps, $fixture;
            a_sweep_removes_what_is_over_and_nothing_else
            a_touched_record_outlives_a_sweep
            a_record_of_a_longer_life_outlives_sweeps_and_touches_of_an_older_state
            a_sweep_makes_nothing_and_is_finished_where_nothing_is
            a_step_of_a_sweep_examines_no_more_than_it_may
            a_sweep_never_removes_a_live_record_among_readers_writers_and_logouts
            what_a_rotation_leaves_has_a_life_of_its_own
        );
    };
}

macro_rules! scan_laws {
    ($fixture:ident) => {
        $crate::store::laws::each_law!(laws_of_scans, $fixture;
            a_scan_of_an_empty_store_lists_nothing
            a_scan_lists_each_record_that_can_be_loaded_and_no_other
            a_scan_lists_what_stays_while_other_records_come_and_go
        );
    };
}

macro_rules! lock_laws {
    ($fixture:ident) => {
        $crate::store::laws::each_law!(laws_of_locks, $fixture;
            a_holder_leaves_something_under_the_old_id_too
            a_held_session_is_held_by_nobody_else
            a_hold_that_is_dropped_lets_go
            an_unknown_id_is_not_held_and_allocates_nothing
            a_hold_leaves_nothing_where_there_is_no_record
            a_holder_uses_what_it_holds_without_waiting_for_itself
            a_session_that_is_rotated_while_it_is_held_stays_held
            a_rotation_of_another_session_locks_nothing
            who_waits_for_a_session_that_is_deleted_finds_it_absent
            of_all_who_want_a_session_one_holds_it
        );
    };
}

macro_rules! each_law {
    ($module:ident, $fixture:ident; $($law:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $law() {
                    // There is no fixture where its server is not installed.
                    if let Some(fixture) = Option::<$crate::store::laws::Fixture>::from(super::$fixture()) {
                        $crate::store::laws::$law(&fixture);
                    }
                }
            )+
        }
    };
}

pub(super) use {each_law, laws, lock_laws, scan_laws, sweep_laws};

/// An id that others have heard of, as far as a store can tell.
fn some_id() -> StoreKey {
    SessionId::from_program(SessionId::generate().as_str()).into()
}

pub(super) fn an_unknown_id_is_absent_and_allocates_nothing(fixture: &Fixture) {
    let before = (fixture.footprint)();
    for source in [SessionId::from_program, SessionId::from_request] as [fn(String) -> SessionId; 2] {
        for text in ["", "unknown", "un.known", "..", "../unknown", "/", "a\0b", "é", &"u".repeat(10_000)] {
            let id = source(text.to_owned()).into();
            assert!(fixture.load(&id).is_none());
            assert!(!fixture.touch(&id, Version::from(1), 0, b"x"));
            assert_eq!(fixture.write(&id, b"x", Expect::Present), Written::Refused);
            assert_eq!(fixture.write(&id, b"x", Expect::Version(Version::from(1))), Written::Refused);
            let _ = fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
        }
    }
    assert_eq!((fixture.footprint)(), before);
}

pub(super) fn what_was_written_is_loaded(fixture: &Fixture) {
    let (one, two) = (some_id(), some_id());
    fixture.stored(&one, b"first");
    fixture.stored(&two, b"second");
    assert_eq!(fixture.data(&one).unwrap(), b"first");
    assert_eq!(fixture.data(&two).unwrap(), b"second");
}

pub(super) fn a_record_may_be_empty(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"");
    assert_eq!(fixture.data(&id).unwrap(), b"");
}

pub(super) fn ascii_text_of_any_length_is_stored(fixture: &Fixture) {
    let id = some_id();
    // Text of every length class a format may treat differently, with characters that formats escape.
    for length in [1, 255, 256, 257, 65_535, 65_536, 70_000] {
        let data: Vec<u8> = b"aZ09+/=\0\r\n\\'\"\x7f".iter().copied().cycle().take(length).collect();
        fixture.stored(&id, &data);
        assert!(fixture.data(&id).unwrap() == data, "{length} bytes");
    }
}

pub(super) fn the_last_writer_wins_when_nothing_is_expected(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"first, and longer");
    fixture.stored(&id, b"last");
    assert_eq!(fixture.data(&id).unwrap(), b"last");
}

pub(super) fn a_write_expecting_absence_does_not_overwrite(fixture: &Fixture) {
    let id = some_id();
    assert!(matches!(fixture.write(&id, b"first", Expect::Absent), Written::Stored(_)));
    assert_eq!(fixture.write(&id, b"second", Expect::Absent), Written::Refused);
    assert_eq!(fixture.data(&id).unwrap(), b"first");
    let _ = fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
    assert!(matches!(fixture.write(&id, b"third", Expect::Absent), Written::Stored(_)));
}

pub(super) fn a_write_expecting_presence_does_not_create(fixture: &Fixture) {
    let id = some_id();
    assert_eq!(fixture.write(&id, b"x", Expect::Present), Written::Refused);
    assert!(fixture.load(&id).is_none());
    fixture.stored(&id, b"first");
    assert!(matches!(fixture.write(&id, b"second", Expect::Present), Written::Stored(_)));
    assert_eq!(fixture.data(&id).unwrap(), b"second");
}

pub(super) fn a_write_expecting_presence_does_not_resurrect_a_deleted_record(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"x");
    let _ = fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
    assert_eq!(fixture.write(&id, b"y", Expect::Present), Written::Refused);
    assert!(fixture.load(&id).is_none());
}

pub(super) fn a_write_expecting_a_version_is_refused_once_another_was_stored(fixture: &Fixture) {
    let id = some_id();
    let first = fixture.stored(&id, b"first");
    let Written::Stored(second) = fixture.write(&id, b"second", Expect::Version(first)) else {
        unreachable!("the version was the current one");
    };
    assert_ne!(first, second);
    assert_eq!(fixture.write(&id, b"third", Expect::Version(first)), Written::Refused);
    assert_eq!(fixture.data(&id).unwrap(), b"second");
}

pub(super) fn a_write_expecting_a_version_does_not_resurrect_a_deleted_record(fixture: &Fixture) {
    let id = some_id();
    let version = fixture.stored(&id, b"x");
    let _ = fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
    assert_eq!(fixture.write(&id, b"y", Expect::Version(version)), Written::Refused);
    assert!(fixture.load(&id).is_none());
}

pub(super) fn the_version_of_a_write_is_the_one_that_is_loaded(fixture: &Fixture) {
    let id = some_id();
    let version = fixture.stored(&id, b"x");
    assert_eq!(fixture.load(&id).unwrap().version, version);
    assert_eq!(fixture.load(&id).unwrap().version, version);
}

pub(super) fn a_refused_write_changes_nothing(fixture: &Fixture) {
    let id = some_id();
    let version = fixture.stored(&id, b"kept");
    let other = another(version);
    assert_eq!(fixture.write(&id, b"no", Expect::Version(other)), Written::Refused);
    assert_eq!(fixture.write(&id, b"no", Expect::Absent), Written::Refused);
    assert_eq!(fixture.data(&id).unwrap(), b"kept");
    assert_eq!(fixture.load(&id).unwrap().version, version);
}

pub(super) fn deleting_is_idempotent_and_leaves_others_alone(fixture: &Fixture) {
    let (one, two) = (some_id(), some_id());
    fixture.stored(&one, b"one");
    fixture.stored(&two, b"two");
    let _ = fixture.store.delete(&one, Expect::Any, &Call::at(NOW)).unwrap();
    let _ = fixture.store.delete(&one, Expect::Any, &Call::at(NOW)).unwrap();
    assert!(fixture.load(&one).is_none());
    assert_eq!(fixture.data(&two).unwrap(), b"two");
}

pub(super) fn what_was_loaded_does_not_change_under_the_reader(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"before");
    let record = fixture.load(&id).unwrap();
    assert!(fixture.touch(&id, record.version, 0, b"BE"));
    fixture.stored(&id, b"after");
    let _ = fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
    assert_eq!(&*record.data, b"before");
}
