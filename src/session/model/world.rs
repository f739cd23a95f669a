//! The store of the model: a map, of which each operation is one step.

use std::collections::{BTreeMap, BTreeSet};

use super::super::types::{Expect, Found, SessionId, Version, Written};

/// The content of a session: keys and values.
pub(super) type Content = BTreeMap<u8, u32>;

/// One save of one visitor.
pub(super) type Token = (usize, u32);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kept {
    Session { lineage: u32, content: Content, by: Token },
    Redirect(SessionId),
    DeadRedirect,
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

    fn put(&mut self, id: &SessionId, kept: Kept) -> Version {
        self.writes += 1;
        self.records.insert(id.as_str().to_owned(), (self.writes, kept));
        Version::from(self.writes)
    }

    /// A new state of the same record.
    pub(super) fn renew(&mut self, id: &SessionId) {
        if let Some((_, kept)) = self.get(id) {
            let kept = kept.clone();
            self.put(id, kept);
        }
    }

    pub(super) fn write(
        &mut self,
        id: &SessionId,
        (lineage, content, by): (u32, &Content, Token),
        expect: Expect,
    ) -> Written {
        if !self.holds(id, expect) {
            return Written::Refused;
        }
        let lineage = self.going_on(id, lineage, by, expect);
        Written::Stored(self.put(id, Kept::Session { lineage, content: content.clone(), by }))
    }

    pub(super) fn rotate(
        &mut self,
        (old, new): (&SessionId, &SessionId),
        (lineage, content, by): (u32, &Content, Token),
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
        Written::Stored(self.put(new, Kept::Session { lineage, content: content.clone(), by }))
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
