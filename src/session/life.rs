//! Birth, loading, rotation and end of one session within one request.

use crate::id::SessionId;
use crate::store::{Expect, Version};

/// What the session that a program holds has to do with the records of a store.
#[derive(Clone, Debug)]
pub struct Life {
    id: SessionId,
    from_cookie: bool,
    stored_as: Option<SessionId>,
    version: Option<Version>,
    /// Whether the store was asked and had no record under the id.
    was_absent: bool,
    is_new: bool,
    was_invalidated: bool,
    deleted: bool,
    /// Whether who asks for the session came with an id that it had before.
    is_led: bool,
}

impl Life {
    /// A session nobody has heard of yet, under an id made here.
    #[must_use]
    pub fn fresh() -> Self {
        Self { is_new: true, ..Self::named(SessionId::generate(), false) }
    }

    /// A session that is said to exist. `from_cookie` when a browser says so: then the id is not taken on
    /// unless the store knows it (OWASP, "strict session management").
    #[must_use]
    pub fn named(id: SessionId, from_cookie: bool) -> Self {
        Self {
            id,
            from_cookie,
            stored_as: None,
            version: None,
            was_absent: false,
            is_new: false,
            was_invalidated: false,
            deleted: false,
            is_led: false,
        }
    }

    /// The id that the session has now.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Whether there was no such session before this request.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Overrules what is known, as programs that make ids of their own do.
    pub fn set_new(&mut self, is_new: bool) {
        self.is_new = is_new;
    }

    /// Whether a session was ended in this request and replaced by this one.
    #[must_use]
    pub fn was_invalidated(&self) -> bool {
        self.was_invalidated
    }

    /// Overrules what is known.
    pub fn set_invalidated(&mut self, was_invalidated: bool) {
        self.was_invalidated = was_invalidated;
    }

    /// Whether the session was deleted in this request: what is saved afterwards is not stored.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// The state of the record that the session was read from or written to last.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Whether the session has an id that its record does not have yet.
    #[must_use]
    pub fn is_rotated(&self) -> bool {
        self.rotated_from().is_some()
    }

    /// The id of the record that the next save replaces by one under the session's new id.
    #[must_use]
    pub fn rotated_from(&self) -> Option<&SessionId> {
        self.stored_as.as_ref().filter(|stored| stored.as_str() != self.id.as_str())
    }

    /// The id under which the store has the session: until a rotated one is saved, that is the old one.
    #[must_use]
    pub fn record_id(&self) -> &SessionId {
        self.rotated_from().unwrap_or(&self.id)
    }

    /// The store has this record of the session.
    pub fn found(&mut self, version: Version) {
        self.stored_as = Some(self.record_id().clone());
        self.version = Some(version);
        self.was_absent = false;
    }

    /// The store has no record. `true` if the session needs an id made here, because a browser chose this one.
    #[must_use]
    pub fn not_found(&mut self) -> bool {
        self.stored_as = None;
        self.version = None;
        self.was_absent = true;
        self.is_new = true;
        self.from_cookie
    }

    /// The session has been given another id by somebody else, and was found under it by an id that it had before.
    ///
    /// Who comes by that one is not told the new one, and does not rotate the session again: whoever else has the old
    /// id, by having stolen or fixed it, would get the session for good. A new id that was made here is dropped.
    pub fn follow(&mut self, id: SessionId) {
        self.stored_as = Some(id.clone());
        self.id = id;
        self.version = None;
        self.is_led = true;
    }

    /// Whether who asks for the session came with an id that it had before.
    #[must_use]
    pub fn is_led(&self) -> bool {
        self.is_led
    }

    /// Gives the session another id and keeps it alive: the record moves at the next save.
    pub fn rename(&mut self, id: SessionId) {
        self.id = id;
        self.from_cookie = false;
        self.was_absent = false;
        self.is_led = false;
    }

    /// Turns to another id, as a program does that sets it. The record under the id before is a session of its
    /// own from now on, for nobody has said that it ends.
    pub fn turn_to(&mut self, id: SessionId) {
        if self.id.as_str() != id.as_str() {
            self.stored_as = None;
            self.version = None;
        }
        self.rename(id);
    }

    /// The id of the record that the session was read from or written to last.
    #[must_use]
    pub fn stored_as(&self) -> Option<&SessionId> {
        self.stored_as.as_ref()
    }

    /// The session has its new id, whoever chose it: the record of `stored_as` moves at the next save.
    pub fn moved_from(&mut self, stored_as: Option<SessionId>) {
        self.stored_as = stored_as;
    }

    /// Ends the session and begins another. Returns the id whose record has to go.
    #[must_use]
    pub fn end(&mut self) -> Option<SessionId> {
        self.version = None;
        self.was_invalidated = true;
        self.deleted = false;
        self.stored_as.take()
    }

    /// Forgets the record without ending it: what cannot be decoded by this process may be by another one.
    pub fn disown(&mut self) {
        self.version = None;
        self.stored_as = None;
        self.was_invalidated = true;
    }

    /// Ends the session for good. Returns the id whose record has to go.
    #[must_use]
    pub fn delete(&mut self) -> SessionId {
        self.version = None;
        self.deleted = true;
        self.is_led = false;
        self.stored_as.take().unwrap_or_else(|| self.id.clone())
    }

    /// Whether a browser chose the id.
    #[must_use]
    pub fn is_from_cookie(&self) -> bool {
        self.from_cookie
    }

    /// What a save expects of the record that the session has: to be in the state that is known, so that a save that
    /// began before a logout does not bring the session back, nor one that began before a rotation end what that has
    /// left. If `keeps_others`, also to be absent if that is what it was, for others may have begun a session under
    /// the same id since. `None` if the state is not known: then it has to be looked at first.
    #[must_use]
    pub fn expectation(&self, keeps_others: bool) -> Option<Expect> {
        match &self.stored_as {
            None if keeps_others && self.was_absent => Some(Expect::Absent),
            None => Some(Expect::Any),
            Some(_) => self.version.map(Expect::Version),
        }
    }

    /// The record was written, under the id that the session has now.
    pub fn saved(&mut self, version: Version) {
        self.stored_as = Some(self.id.clone());
        self.version = Some(version);
        self.was_absent = false;
    }

    /// The record has what others wrote beside what this session has: nobody may write this session over it.
    pub fn diverged(&mut self) {
        self.version = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn loaded(id: &str) -> Life {
        let mut life = Life::named(SessionId::from_program(id), true);
        life.found(Version(1));
        life
    }

    #[test]
    fn a_fresh_session_is_new_and_expects_nothing_of_the_store() {
        let life = Life::fresh();
        assert!(life.is_new());
        assert_eq!(life.expectation(true), Some(Expect::Any));
    }

    #[test]
    fn a_session_that_was_found_is_saved_only_where_it_still_is() {
        for keeps_others in [false, true] {
            assert_eq!(loaded("a").expectation(keeps_others), Some(Expect::Version(Version(1))));
        }
    }

    #[test]
    fn an_id_from_a_cookie_that_the_store_does_not_know_is_not_taken_on() {
        assert!(Life::named(SessionId::from_request("made-up"), true).not_found());
        assert!(!Life::named(SessionId::from_program("chosen"), false).not_found());
    }

    #[test]
    fn a_session_that_was_looked_for_in_vain_is_saved_over_nobodys() {
        let mut life = Life::named(SessionId::from_program("chosen"), false);
        let _from_cookie = life.not_found();
        assert_eq!(life.expectation(true), Some(Expect::Absent));
        assert_eq!(life.expectation(false), Some(Expect::Any));
        life.turn_to(SessionId::from_program("another"));
        assert_eq!(life.expectation(true), Some(Expect::Any));
        let _from_cookie = life.not_found();
        life.saved(Version(1));
        assert_eq!(life.expectation(true), Some(Expect::Version(Version(1))));
    }

    #[test]
    fn a_rotated_session_is_written_under_the_new_id_and_its_old_record_goes() {
        let mut life = loaded("old");
        assert_eq!(life.rotated_from(), None);
        life.rename(SessionId::from_program("new"));
        assert!(life.is_rotated());
        assert_eq!(life.rotated_from().unwrap().as_str(), "old");
        assert_eq!(life.expectation(false), Some(Expect::Version(Version(1))));
        life.saved(Version(2));
        assert!(!life.is_rotated());
        assert_eq!(life.stored_as().unwrap().as_str(), "new");
    }

    #[test]
    fn a_session_that_turned_to_another_id_leaves_the_record_it_had() {
        let mut life = loaded("one");
        life.turn_to(SessionId::from_program("one"));
        assert_eq!(life.expectation(false), Some(Expect::Version(Version(1))));
        life.turn_to(SessionId::from_program("other"));
        assert!(!life.is_rotated());
        assert_eq!(life.expectation(true), Some(Expect::Any));
    }

    #[test]
    fn a_rotated_session_is_looked_for_under_its_old_id_until_it_is_saved() {
        let mut life = loaded("old");
        life.rename(SessionId::from_program("new"));
        assert_eq!(life.record_id().as_str(), "old");
        life.found(Version(1));
        assert!(life.is_rotated());
        life.saved(Version(2));
        assert_eq!(life.record_id().as_str(), "new");
    }

    #[test]
    fn a_session_whose_record_has_more_than_it_is_not_written_unseen() {
        let mut life = loaded("a");
        life.diverged();
        assert_eq!(life.expectation(true), None);
        life.saved(Version(2));
        assert_eq!(life.expectation(true), Some(Expect::Version(Version(2))));
    }

    #[test]
    fn a_session_that_was_followed_is_saved_where_it_is_now_and_not_under_an_id_made_here() {
        let mut life = loaded("old");
        life.rename(SessionId::from_program("ours"));
        life.follow(SessionId::from_program("theirs"));
        assert!(life.is_led() && !life.is_rotated() && !life.is_new());
        assert_eq!((life.id().as_str(), life.record_id().as_str()), ("theirs", "theirs"));
        assert_eq!(life.expectation(true), None);
        life.found(Version(7));
        assert_eq!(life.expectation(false), Some(Expect::Version(Version(7))));
        assert_eq!(life.delete().as_str(), "theirs");
        assert!(!life.is_led());
    }

    #[test]
    fn a_session_that_begins_anew_is_nobodys_successor() {
        for begin in [Life::rename, Life::turn_to] {
            let mut life = loaded("old");
            life.follow(SessionId::from_program("new"));
            begin(&mut life, SessionId::from_program("another"));
            assert!(!life.is_led());
        }
    }

    #[test]
    fn an_ended_session_gives_its_record_up_once() {
        let mut life = loaded("a");
        assert_eq!(life.end().unwrap().as_str(), "a");
        assert!(life.was_invalidated());
        assert_eq!(life.end(), None);
    }

    #[test]
    fn a_rotated_session_that_is_deleted_gives_up_the_record_it_had() {
        let mut life = loaded("old");
        life.rename(SessionId::from_program("new"));
        assert_eq!(life.delete().as_str(), "old");
        assert!(life.is_deleted());
    }

    #[test]
    fn a_session_that_cannot_be_decoded_keeps_its_record() {
        let mut life = loaded("a");
        life.disown();
        assert_eq!(life.end(), None);
    }
}
