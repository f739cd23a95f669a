//! The store of the model: a map, of which each operation is one step.

mod change;
mod lock;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::cookie::Jar;
use super::data::Data;
use super::rules::Rules;
use super::types::{Expect, Failure, Found, Reply, SessionId, Timestamp, Version};
use super::weather::failed;
pub(super) use change::{Change, Intent, Writing};
pub(super) use lock::Locked;

/// One save of one visitor.
pub(super) type Token = (usize, u32);

/// When the model begins.
const START: Timestamp = 10_000.0;

/// The form of a stored session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Current,
    /// Readable, and not as it would be written today.
    Old,
    /// Encrypted by a key that the visitors do not have.
    Foreign,
    /// No store can read it.
    Damaged,
    /// It says that it is empty.
    Empty,
}

/// A stored session.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) lineage: u32,
    pub(super) data: Data,
    pub(super) by: Token,
    pub(super) form: Form,
    /// The id that it is encoded for.
    pub(super) encoded_for: SessionId,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kept {
    Session(Record),
    Redirect(SessionId),
    DeadRedirect,
}

/// The records, the clock, and what was promised.
pub(super) struct World {
    pub(super) now: Timestamp,
    /// Whether the clock has not jumped lately.
    pub(super) is_steady: bool,
    /// The cookies of the browsers.
    pub(super) jars: [Jar; 2],
    /// The ids of the stored sessions, which an attacker may know.
    pub(super) known: Vec<SessionId>,
    records: BTreeMap<String, (u64, Kept)>,
    writes: u64,
    locks: BTreeMap<String, usize>,
    lineages: u32,
    /// The sessions whose record was deleted.
    ended: BTreeSet<u32>,
    /// The value of a key whose save was reported as stored.
    promised: BTreeMap<(u32, u8), Option<u32>>,
    /// The sessions whose data was lost.
    emptied: BTreeSet<u32>,
    /// Changes that were sent and not made yet.
    late: VecDeque<Change>,
    /// The saves that were made, whatever their visitors know, and the state in which each left the record.
    made: BTreeMap<Token, u64>,
    /// Whether a grace period has ended, after which an old id leads nowhere.
    has_ended_grace: bool,
    races: usize,
}

impl World {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            now: START,
            is_steady: true,
            jars: [Jar::default(), Jar::default()],
            known: Vec::new(),
            records: BTreeMap::new(),
            writes: 0,
            locks: BTreeMap::new(),
            lineages: 0,
            ended: BTreeSet::new(),
            promised: BTreeMap::new(),
            emptied: BTreeSet::new(),
            late: VecDeque::new(),
            made: BTreeMap::new(),
            has_ended_grace: false,
            races: rules.races,
        }
    }

    pub(super) fn get(&self, id: &SessionId) -> Option<(Version, &Kept)> {
        self.records.get(id.as_str()).map(|(version, kept)| (Version::from(*version), kept))
    }

    pub(super) fn session(&self, id: &SessionId) -> Option<(Version, &Record)> {
        match self.get(id) {
            Some((version, Kept::Session(record))) => Some((version, record)),
            _ => None,
        }
    }

    /// A session that no visitor has had before.
    pub(super) fn new_lineage(&mut self) -> u32 {
        self.lineages += 1;
        self.lineages
    }

    /// A reply to a load.
    pub(super) fn find(&self, id: &SessionId) -> Reply<Found, Failure> {
        Ok(match self.get(id) {
            None => Found::Absent,
            Some((_, Kept::Session(Record { form: Form::Damaged, .. }))) => {
                return Err(failed(Failure::Corrupt));
            }
            Some((version, Kept::Session(_))) => Found::Session(version),
            Some((version, Kept::Redirect(to))) => Found::Redirect { to: to.clone(), version },
            Some((version, Kept::DeadRedirect)) => Found::DeadRedirect(version),
        })
    }

    fn holds(&self, id: &SessionId, expect: Expect) -> bool {
        match (expect, self.get(id)) {
            (Expect::Any, _) | (Expect::Absent, None) | (Expect::Present, Some(_)) => true,
            (Expect::Version(_), Some((_, Kept::Session(Record { form: Form::Damaged, .. })))) => false,
            (Expect::Version(version), Some((present, _))) => version == present,
            _ => false,
        }
    }

    fn put(&mut self, id: &SessionId, kept: Kept) -> Version {
        self.writes += 1;
        if let Kept::Session(record) = &kept {
            self.made.entry(record.by).or_insert(self.writes);
        }
        self.records.insert(id.as_str().to_owned(), (self.writes, kept));
        Version::from(self.writes)
    }

    /// Whether the record was there as expected, or not there.
    pub(super) fn delete(&mut self, id: &SessionId, expect: Expect) -> bool {
        if self.get(id).is_some() && !self.holds(id, expect) {
            return false;
        }
        if let Some((_, Kept::Session(record))) = self.records.remove(id.as_str()) {
            self.ended.insert(record.lineage);
        }
        true
    }

    /// Somebody else writes the record, if there is one, with the same content, and says when the session was used.
    pub(super) fn touch(&mut self, id: &SessionId, accessed: Option<Timestamp>) {
        if let Some((_, Kept::Session(record))) = self.get(id) {
            let mut record = record.clone();
            record.data.accessed = accessed.or(record.data.accessed);
            record.by.1 = u32::MAX - u32::try_from(self.writes).unwrap_or_default();
            self.put(id, Kept::Session(record));
        }
    }

    /// Somebody else writes the record, if there is one.
    pub(super) fn bump(&mut self, id: &SessionId) {
        self.touch(id, None);
    }

    /// Whether others write the record a moment before this change.
    pub(super) fn is_overtaken(&mut self, change: &Change) -> bool {
        let is_write = matches!(change, Change::Write { .. } | Change::Rotate { .. });
        let is_overtaken = is_write && self.races > 0 && self.session(change.id()).is_some();
        self.races -= usize::from(is_overtaken);
        is_overtaken
    }

    /// The record takes another form.
    pub(super) fn spoil(&mut self, id: &SessionId, form: Form) {
        if let Some((version, Kept::Session(record))) = self.records.get_mut(id.as_str()) {
            record.form = form;
            if form == Form::Empty {
                self.writes += 1;
                *version = self.writes;
                record.data = Data::default();
                let lineage = record.lineage;
                self.empty(lineage);
            }
        }
    }

    /// The keys of a session do not stay.
    pub(super) fn empty(&mut self, lineage: u32) {
        self.emptied.insert(lineage);
        self.promised.retain(|(of, _), _| *of != lineage);
    }

    /// A record without a creation time, as applications of Beaker write it, or with one of a clock that was ahead.
    pub(super) fn date(&mut self, id: &SessionId, begun: Option<Timestamp>) {
        if let Some((version, Kept::Session(record))) = self.records.get_mut(id.as_str()) {
            self.writes += 1;
            *version = self.writes;
            record.by.1 = u32::MAX - u32::try_from(self.writes).unwrap_or_default();
            record.data.begun = begun;
        }
    }

    /// Damage: two redirects lead to each other.
    pub(super) fn put_circle(&mut self) {
        let [one, other] = ["c", "d"].map(SessionId::from_program);
        self.put(&one, Kept::Redirect(other.clone()));
        self.put(&other, Kept::Redirect(one));
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

    /// An id leaves the request that made it.
    pub(super) fn tell(&mut self, id: &SessionId) {
        if !self.known.iter().any(|known| known.as_str() == id.as_str()) {
            self.known.push(id.clone());
        }
    }

    /// Whether a save was made.
    pub(super) fn has_made(&self, token: Token) -> bool {
        self.made.contains_key(&token)
    }

    /// Whether the session was ended, or an id of it leads nowhere any more.
    pub(super) fn may_have_ended(&self, lineage: u32) -> bool {
        self.has_ended_grace || self.ended.contains(&lineage)
    }

    /// Whether the session has a record that its old ids lead to.
    pub(super) fn has(&self, lineage: u32) -> bool {
        let is_of =
            |(_, kept): &(u64, Kept)| matches!(kept, Kept::Session(record) if record.lineage == lineage);
        !self.has_ended_grace && self.records.values().any(is_of)
    }

    pub(super) fn promise(&mut self, lineage: u32, key: u8, value: Option<u32>) {
        if !self.emptied.contains(&lineage) {
            self.promised.insert((lineage, key), value);
        }
    }

    /// Somebody has begun to store another value of the key.
    pub(super) fn unpromise(&mut self, key: u8) {
        self.promised.retain(|(_, promised), _| *promised != key);
    }

    pub(super) fn keep_laws(&self) {
        let mut seen = BTreeSet::new();
        for (_, kept) in self.records.values() {
            let Kept::Session(Record { lineage, data, .. }) = kept else { continue };
            assert!(!self.ended.contains(lineage), "a deleted session never comes back");
            assert!(seen.insert(lineage), "after a rotation the data is under the new id alone");
            for ((_, key), value) in self.promised.range((*lineage, 0)..=(*lineage, u8::MAX)) {
                assert_eq!(data.content.get(key), value.as_ref(), "savers of different keys both stay");
            }
        }
    }

    /// Every visitor has gone.
    pub(super) fn is_left(&self) {
        assert!(self.locks.is_empty(), "every lock is given back");
    }
}
