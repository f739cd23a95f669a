//! Birth, loading, rotation and end of one session within one request.

use super::candidate::CookieState;
use crate::id::SessionId;
use crate::store::{Expect, LockTarget, Timestamp, Version};

/// Whether the session has been given an id since it was loaded or stored, and which session it then is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NewId {
    /// It has the id that it had.
    None,
    /// The same session goes on under another id.
    Same,
    /// Another session begins under it.
    Another,
}

/// A rotation whose reply was lost, so that the store may have made it or may still make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InDoubt {
    /// The id that the record then has.
    pub to: SessionId,
    /// The state in which it is rotated.
    pub from: Option<Version>,
}

/// The relation of a session object to the records of a store.
#[derive(Clone, Debug)]
pub struct Life {
    id: SessionId,
    pub(super) from_cookie: bool,
    stored_as: Option<SessionId>,
    version: Option<Version>,
    /// Whether the store was asked and had no record under the id.
    was_absent: bool,
    in_doubt: Option<InDoubt>,
    is_new: bool,
    was_invalidated: bool,
    deleted: bool,
    /// Whether the request came with an old id of the session.
    via_old_id: bool,
    new_id: NewId,
    /// Whether the program emptied the session since it was loaded or stored.
    is_cleared: bool,
    /// How often the program has ended the session.
    pub(super) ends: u32,
    /// Until the session is opened from a request's cookie: whether that cookie is as it would be written today.
    pub(super) opened_from: Option<CookieState>,
    /// When the session began, where that is known apart from its data.
    pub(super) begun: Option<Timestamp>,
    /// The idle timeout that the session has of its own, in seconds.
    pub(super) timeout: Option<i64>,
    /// Whether the record or cookie is not as it would be written today, so that it has to be written again.
    pub(super) is_stale: bool,
    /// Whether the stored access time is recent enough to be left as it is.
    pub(super) is_recent: bool,
}

impl Life {
    /// A new session, under an id that was just generated.
    #[must_use]
    pub fn fresh(id: SessionId) -> Self {
        Self { is_new: true, ..Self::named(id, false) }
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
            in_doubt: None,
            is_new: false,
            was_invalidated: false,
            deleted: false,
            via_old_id: false,
            new_id: NewId::None,
            is_cleared: false,
            ends: 0,
            opened_from: None,
            begun: None,
            timeout: None,
            is_stale: false,
            is_recent: false,
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
        self.settled();
    }

    /// The session is as it was loaded, stored or sent: the application has changed nothing since.
    pub fn settled(&mut self) {
        self.new_id = NewId::None;
        self.is_cleared = false;
    }

    /// The store has no record. `true` if the session needs an id made here, because a browser chose this one, or because
    /// it is that of another request, to which an old id led.
    #[must_use]
    pub fn not_found(&mut self) -> bool {
        self.stored_as = None;
        self.in_doubt = None;
        self.version = None;
        self.was_absent = true;
        self.is_new = true;
        self.settled();
        self.from_cookie || self.via_old_id
    }

    /// Another request has rotated the session to `id`, to which a redirect led from its old id.
    ///
    /// The response does not reveal the new id, and this request does not rotate the session again: otherwise an old id
    /// that was stolen or fixed would give the session away for good. A new id that was made here is dropped.
    pub fn follow(&mut self, id: SessionId) {
        self.stored_as = Some(id.clone());
        self.id = id;
        self.in_doubt = None;
        self.version = None;
        self.via_old_id = true;
        self.settled();
    }

    /// Whether the request came with an old id of the session.
    #[must_use]
    pub fn via_old_id(&self) -> bool {
        self.via_old_id
    }

    /// Gives the session another id and keeps it alive: the record moves at the next save.
    pub fn rename(&mut self, id: SessionId) {
        self.id = id;
        self.from_cookie = false;
        self.was_absent = false;
        self.via_old_id = false;
        if self.new_id == NewId::None {
            self.new_id = NewId::Same;
        }
    }

    /// Begins another session under an id of its own, as a program does that asks for a new id for a new session.
    pub fn begin_anew(&mut self, id: SessionId) {
        self.rename(id);
        self.is_new = true;
        self.new_id = NewId::Another;
    }

    /// The program empties the session.
    pub fn clear(&mut self) {
        self.is_cleared = true;
    }

    /// The program goes back to what was loaded.
    pub fn revert(&mut self) {
        self.is_cleared = false;
    }

    /// Whether another session begins under the id that this one has, which was not stored yet.
    #[must_use]
    pub fn is_begun_anew(&self) -> bool {
        self.new_id == NewId::Another
    }

    /// Whether the program has said that what is stored is not to come back: it has given the session a new id, which
    /// has no record, and has begun another session by that or emptied this one.
    #[must_use]
    pub fn forgets(&self) -> bool {
        match self.new_id {
            NewId::None => false,
            NewId::Same => self.is_cleared,
            NewId::Another => true,
        }
    }

    /// The id of the record under the id before, where the application has said that it is not to come back.
    #[must_use]
    pub fn forgotten(&self) -> Option<&SessionId> {
        self.rotated_from().filter(|_| self.forgets())
    }

    /// Gives up the record that is [`forgotten`](Self::forgotten).
    pub fn give_up(&mut self) {
        if self.forgotten().is_some() {
            self.record_gone();
        }
    }

    /// Turns to another id, as a program does that sets it. The record under the id before is a session of its
    /// own from now on, since it has not ended.
    pub fn turn_to(&mut self, id: SessionId) {
        if self.id.as_str() != id.as_str() {
            self.record_gone();
        }
        self.rename(id);
    }

    /// The id of the record that the session was read from or written to last.
    #[must_use]
    pub fn stored_as(&self) -> Option<&SessionId> {
        self.stored_as.as_ref()
    }

    /// The session has a new id, its own or a program's: the record of `stored_as` moves at the next save.
    pub fn moved_from(&mut self, stored_as: Option<SessionId>) {
        self.stored_as = stored_as;
        if self.new_id == NewId::None {
            self.new_id = NewId::Same;
        }
    }

    /// Ends the session, whose record is gone, and begins another.
    pub fn end(&mut self) {
        self.ends += 1;
        self.record_gone();
        self.was_invalidated = true;
        self.deleted = false;
        self.settled();
        self.timeout = None;
    }

    /// Says whether nothing is stored any more, as after [`delete`](Self::delete): until another session begins, the id and
    /// the content may still be those of the one that has ended.
    pub(super) fn seal(&mut self, is_sealed: bool) {
        self.deleted = is_sealed;
    }

    /// The session has no record any more.
    pub fn record_gone(&mut self) {
        self.version = None;
        self.stored_as = None;
        self.in_doubt = None;
    }

    /// Forgets the record without ending it: what cannot be decoded by this process may be by another one.
    pub fn disown(&mut self) {
        self.record_gone();
        self.was_invalidated = true;
        self.settled();
    }

    /// Ends the session for good. Returns the id whose record has to go. The session has it until it is gone, so that an
    /// end that fails can be tried again.
    #[must_use]
    pub fn delete(&mut self) -> SessionId {
        self.ends += 1;
        self.deleted = true;
        self.record_id().clone()
    }

    /// The record of the deleted session is gone. The cookie that has expired may tell its id, which leads nowhere now.
    pub fn deleted(&mut self) {
        self.record_gone();
        self.via_old_id = false;
    }

    /// Whether a browser chose the id.
    #[must_use]
    pub fn is_from_cookie(&self) -> bool {
        self.from_cookie
    }

    /// The target of a request's lock: nothing is created for an id that a browser made up.
    #[must_use]
    pub fn lock_of(&self) -> LockTarget {
        if self.from_cookie { LockTarget::Record } else { LockTarget::Id }
    }

    /// The expectation of a save: the known version, so that a save that began before a logout does not bring the session
    /// back, and one that began before a rotation does not overwrite the redirect. With `keeps_others`, a record that was
    /// absent must still be absent, since others may have begun a session under the same id. `None` if the version is not
    /// known, or if a rotation is in doubt: then the record must be loaded first.
    #[must_use]
    pub fn expectation(&self, keeps_others: bool) -> Option<Expect> {
        match &self.stored_as {
            None if keeps_others && self.was_absent => Some(Expect::Absent),
            None => Some(Expect::Any),
            Some(_) if self.in_doubt().is_some() => None,
            Some(_) => self.version.map(Expect::Version),
        }
    }

    /// The reply was lost to the rotation of the record in the state `from` to the session's new id.
    pub fn doubt_rotation(&mut self, from: Option<Version>) {
        self.in_doubt = Some(InDoubt { to: self.id.clone(), from });
    }

    /// The rotation whose reply was lost, if there is one.
    #[must_use]
    pub fn in_doubt(&self) -> Option<&InDoubt> {
        self.in_doubt.as_ref().filter(|_| self.is_rotated())
    }

    /// The rotation in doubt was not made, and will not be.
    pub fn not_moved(&mut self) {
        self.in_doubt = None;
    }

    /// The rotation in doubt was made: the record has the id that it gives.
    pub fn moved(&mut self) {
        if let Some(InDoubt { to, .. }) = self.in_doubt.take() {
            self.stored_as = Some(to);
            self.version = None;
        }
    }

    /// The record was written, under the id that the session has now.
    pub fn saved(&mut self, version: Version) {
        self.stored_as = Some(self.id.clone());
        self.in_doubt = None;
        self.version = Some(version);
        self.was_absent = false;
        self.settled();
    }

    /// The record was renewed, from version `before` to `now`. `false` if another version is known.
    pub fn renewed(&mut self, before: Version, now: Version) -> bool {
        let is_known = self.version == Some(before);
        if is_known {
            self.version = Some(now);
        }
        is_known
    }

    /// The record has merged changes that this session does not have, so this session must not overwrite it.
    pub fn diverged(&mut self) {
        self.version = None;
    }
}
