//! The store of the model: a map, of which each operation is one step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::types::{Expect, Found, SessionId, Version, Written};

/// The content of a session: keys and values.
pub(super) type Content = BTreeMap<u8, u32>;

/// One save of one visitor.
pub(super) type Token = (usize, u32);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kept {
    Session { lineage: u32, content: Content, by: Token, is_expired: bool },
    Redirect(SessionId),
    DeadRedirect,
}

/// A change that is asked for, with the data and the save that it is of.
pub(super) enum Change {
    Write {
        id: SessionId,
        content: (u32, Content, Token),
        expect: Expect,
    },
    Rotate {
        old: SessionId,
        new: SessionId,
        content: (u32, Content, Token),
        expect: Expect,
        leaves_redirect: bool,
    },
    Delete {
        id: SessionId,
        expect: Expect,
    },
    Fence {
        id: SessionId,
        version: Version,
    },
}

/// The records, and what was promised of them.
#[derive(Default)]
pub(super) struct World {
    records: BTreeMap<String, (u64, Kept)>,
    writes: u64,
    /// The sessions whose record was deleted.
    ended: BTreeSet<u32>,
    /// The value of a key whose save was reported as stored.
    promised: BTreeMap<(u32, u8), Option<u32>>,
    /// Changes that were sent and not made yet.
    late: VecDeque<Change>,
    /// The saves that were made, whatever their visitors know.
    made: BTreeSet<Token>,
    /// Whether a grace period has ended, after which an old id leads nowhere.
    has_ended_grace: bool,
}

impl World {
    pub(super) fn get(&self, id: &SessionId) -> Option<(Version, &Kept)> {
        self.records.get(id.as_str()).map(|(version, kept)| (Version::from(*version), kept))
    }

    pub(super) fn find(&self, id: &SessionId) -> Found {
        match self.get(id) {
            None => Found::Absent,
            Some((version, Kept::Session { .. })) => Found::Session(version),
            Some((version, Kept::Redirect(to))) => Found::Redirect { to: to.clone(), version },
            Some((version, Kept::DeadRedirect)) => Found::DeadRedirect(version),
        }
    }

    fn holds(&self, id: &SessionId, expect: Expect) -> bool {
        match (expect, self.get(id)) {
            (Expect::Any, _) | (Expect::Absent, None) | (Expect::Present, Some(_)) => true,
            (Expect::Version(version), Some((present, _))) => version == present,
            _ => false,
        }
    }

    /// Makes a change. One of a record that is gone, or another one by now, is refused.
    pub(super) fn make(&mut self, change: Change) -> Written {
        match change {
            Change::Write { id, content, expect } => self.write(&id, content, expect),
            Change::Rotate { old, new, content, expect, leaves_redirect } => {
                self.rotate((&old, &new), content, expect, leaves_redirect)
            }
            Change::Delete { id, expect } if self.delete(&id, expect) => {
                Written::Stored(Version::from(self.writes))
            }
            Change::Fence { id, version } if self.holds(&id, Expect::Version(version)) => {
                self.renew(&id);
                Written::Stored(Version::from(self.writes))
            }
            Change::Delete { .. } | Change::Fence { .. } => Written::Refused,
        }
    }

    /// Keeps a change back, if there is a version that it may be too late for. Any other one is lost on its way.
    pub(super) fn delay(&mut self, change: Change) {
        let expects_a_version = match &change {
            Change::Write { expect, .. } | Change::Rotate { expect, .. } | Change::Delete { expect, .. } => {
                matches!(expect, Expect::Version(_))
            }
            Change::Fence { .. } => true,
        };
        if expects_a_version {
            self.late.push_back(change);
        }
    }

    /// Makes the change that was kept back for the longest time. `false` if there is none.
    pub(super) fn arrive(&mut self) -> bool {
        let Some(change) = self.late.pop_front() else { return false };
        let _nobody_hears_of_it = self.make(change);
        true
    }

    /// Whether a record was written by a save, or will be by a change of it that is late.
    pub(super) fn has_or_will_have(&self, token: Token) -> bool {
        let is_there = |(_, kept): &(u64, Kept)| matches!(kept, Kept::Session { by, .. } if *by == token);
        self.records.values().any(is_there)
            || self.late.iter().any(|change| match change {
                Change::Write { id, content, expect } => content.2 == token && self.holds(id, *expect),
                Change::Rotate { old, content, expect, .. } => content.2 == token && self.holds(old, *expect),
                Change::Delete { .. } | Change::Fence { .. } => false,
            })
    }

    fn put(&mut self, id: &SessionId, kept: Kept) -> Version {
        self.writes += 1;
        if let Kept::Session { by, .. } = &kept {
            self.made.insert(*by);
        }
        self.records.insert(id.as_str().to_owned(), (self.writes, kept));
        Version::from(self.writes)
    }

    /// A new state of the same record, which was used just now.
    pub(super) fn renew(&mut self, id: &SessionId) {
        if let Some((_, kept)) = self.get(id) {
            let mut kept = kept.clone();
            if let Kept::Session { is_expired, .. } = &mut kept {
                *is_expired = false;
            }
            self.put(id, kept);
        }
    }

    /// Nobody uses the session for longer than its timeout.
    pub(super) fn expire(&mut self, id: &SessionId) {
        if let Some((_, Kept::Session { is_expired, .. })) = self.records.get_mut(id.as_str()) {
            *is_expired = true;
        }
    }

    /// Whether a save was made.
    pub(super) fn has_made(&self, token: Token) -> bool {
        self.made.contains(&token)
    }

    /// Whether the session was ended, or an id of it leads nowhere any more.
    pub(super) fn may_have_ended(&self, lineage: u32) -> bool {
        self.has_ended_grace || self.ended.contains(&lineage)
    }

    /// Whether the session has a record that its old ids lead to.
    pub(super) fn has(&self, lineage: u32) -> bool {
        let is_of =
            |(_, kept): &(u64, Kept)| matches!(kept, Kept::Session { lineage: of, .. } if *of == lineage);
        !self.has_ended_grace && self.records.values().any(is_of)
    }

    fn write(
        &mut self,
        id: &SessionId,
        (lineage, content, by): (u32, Content, Token),
        expect: Expect,
    ) -> Written {
        if !self.holds(id, expect) {
            return Written::Refused;
        }
        let lineage = self.going_on(id, lineage, by, expect);
        Written::Stored(self.put(id, Kept::Session { lineage, content, by, is_expired: false }))
    }

    fn rotate(
        &mut self,
        (old, new): (&SessionId, &SessionId),
        (lineage, content, by): (u32, Content, Token),
        expect: Expect,
        leaves_redirect: bool,
    ) -> Written {
        if self.get(old).is_none() || !self.holds(old, expect) {
            return Written::Refused;
        }
        let lineage = self.going_on(old, lineage, by, expect);
        self.records.remove(old.as_str());
        if leaves_redirect {
            self.put(old, Kept::Redirect(new.clone()));
        }
        Written::Stored(self.put(new, Kept::Session { lineage, content, by, is_expired: false }))
    }

    /// The session that goes on with a write in place of the record of `id`.
    fn going_on(&self, id: &SessionId, lineage: u32, by: Token, expect: Expect) -> u32 {
        match self.get(id) {
            Some((_, Kept::Session { lineage, by: before, .. })) => {
                assert_ne!(*before, by, "a write whose reply was lost is not done twice");
                *lineage
            }
            Some(_) => {
                assert_eq!(expect, Expect::Any, "a save never replaces what a rotation left");
                lineage
            }
            None => lineage,
        }
    }

    /// Whether the record was there as expected, or not there.
    pub(super) fn delete(&mut self, id: &SessionId, expect: Expect) -> bool {
        if self.get(id).is_some() && !self.holds(id, expect) {
            return false;
        }
        if let Some((_, Kept::Session { lineage, .. })) = self.records.remove(id.as_str()) {
            self.ended.insert(lineage);
        }
        true
    }

    /// The grace period of every rotation is over.
    pub(super) fn end_grace(&mut self) {
        self.has_ended_grace = true;
        for (_, kept) in self.records.values_mut() {
            if matches!(kept, Kept::Redirect(_)) {
                *kept = Kept::DeadRedirect;
            }
        }
    }

    pub(super) fn promise(&mut self, lineage: u32, key: u8, value: Option<u32>) {
        self.promised.insert((lineage, key), value);
    }

    /// The owner of the key has begun to store another value.
    pub(super) fn unpromise(&mut self, key: u8) {
        self.promised.retain(|(_, promised), _| *promised != key);
    }

    pub(super) fn keep_laws(&self) {
        let mut seen = BTreeSet::new();
        for (_, kept) in self.records.values() {
            let Kept::Session { lineage, content, .. } = kept else { continue };
            assert!(!self.ended.contains(lineage), "a deleted session never comes back");
            assert!(seen.insert(lineage), "after a rotation the data is under the new id alone");
            for ((_, key), value) in self.promised.range((*lineage, 0)..=(*lineage, u8::MAX)) {
                assert_eq!(content.get(key), value.as_ref(), "savers of different keys both stay");
            }
        }
    }
}
