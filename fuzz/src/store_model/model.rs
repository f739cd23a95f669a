//! The plain map that every store is compared with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use beaker_core::error::{ErrorKind, Result};
use beaker_core::id::{IdSource, SessionId};
use beaker_core::store::{Expect, Held, HoldOf, Record, Version, Written};

use super::operation::{Call, Expected};

/// Which store it is the model of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Records go by themselves, and every write is a version.
    Memory,
    /// The same with room for so many records, none of which goes by itself.
    Bounded(usize),
    /// Records go when they are swept, if there are lifetimes; equal data is the same version; and ids that differ
    /// in their dots alone share a file.
    Files { has_lifetimes: bool },
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Loaded(Option<(Vec<u8>, Version)>),
    Stored(Version),
    Refused,
    Was(bool),
    Failed(ErrorKind),
}

impl Answer {
    pub(super) fn of_load(loaded: Result<Option<Record>>) -> Self {
        match loaded {
            Ok(record) => Self::Loaded(record.map(|record| (record.data.to_vec(), record.version))),
            Err(error) => Self::Failed(error.kind()),
        }
    }

    pub(super) fn of_write(written: Result<Written>) -> Self {
        match written {
            Ok(Written::Stored(version)) => Self::Stored(version),
            Ok(Written::Refused) => Self::Refused,
            Err(error) => Self::Failed(error.kind()),
        }
    }

    pub(super) fn of(answer: Result<bool>) -> Self {
        answer.map_or_else(|error| Self::Failed(error.kind()), Self::Was)
    }

    /// Whether it says that nothing was changed.
    fn is_negative(&self) -> bool {
        matches!(self, Self::Refused | Self::Was(false) | Self::Failed(_))
    }
}

struct Entry {
    /// Whose it is, as far as the record says.
    owner: Option<SessionId>,
    data: Vec<u8>,
    /// What the store calls this state. Where equal data is the same version, `known` says it.
    version: Version,
    expires_at: Option<f64>,
    /// Whether its life was over at some time. It may be gone.
    is_doubtful: bool,
    used: u64,
}

pub(super) struct Model {
    kind: Kind,
    beginning: f64,
    records: BTreeMap<String, Entry>,
    holders: Vec<Vec<SessionId>>,
    /// Every version that was stored or loaded, with its data.
    known: Vec<(Version, Vec<u8>)>,
    uses: u64,
}

impl Model {
    pub(super) fn new(kind: Kind, beginning: f64) -> Self {
        let (records, holders, known) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { kind, beginning, records, holders, known, uses: 0 }
    }

    fn is_files(&self) -> bool {
        matches!(self.kind, Kind::Files { .. })
    }

    /// What an id's record is found by.
    fn key(&self, id: &SessionId) -> String {
        if self.is_files() && can_be_a_name(id) { dotless(id) } else { format!("id {}", id.as_str()) }
    }

    /// Whether the record at an id's place is the id's own; see what the module `path` says of owners.
    fn owns(&self, id: &SessionId, entry: &Entry) -> bool {
        match &entry.owner {
            Some(owner) => owner.as_str() == id.as_str(),
            None => !id.as_str().contains('.') || id.source() == IdSource::Program,
        }
    }

    pub(super) fn ttl(&self, ttl: Option<Duration>) -> Option<Duration> {
        ttl.filter(|_| !matches!(self.kind, Kind::Bounded(_)))
    }

    fn expiry(&self, ttl: Option<Duration>, now: f64) -> Option<f64> {
        let from = match self.kind {
            Kind::Memory => now,
            Kind::Bounded(_) | Kind::Files { has_lifetimes: false } => return None,
            // By the clock of the machine, whatever the time is that a caller gives.
            Kind::Files { has_lifetimes: true } => self.beginning,
        };
        Some(from + ttl?.as_secs_f64())
    }

    /// What a call is to expect.
    pub(super) fn expect(&self, id: &SessionId, expected: Expected) -> Expect {
        match expected {
            Expected::Any => Expect::Any,
            Expected::Absent => Expect::Absent,
            Expected::Present => Expect::Present,
            Expected::Current => Expect::Version(self.current(id).unwrap_or(Version(0))),
            Expected::Seen(number) => {
                let place = usize::from(number).checked_rem(self.known.len()).unwrap_or_default();
                Expect::Version(self.known.get(place).map_or(Version(7), |(version, _)| *version))
            }
        }
    }

    /// The version of the record of `id`, if it is known.
    fn current(&self, id: &SessionId) -> Option<Version> {
        let entry = self.records.get(&self.key(id)).filter(|entry| self.owns(id, entry))?;
        if self.is_files() { self.version_of(&entry.data) } else { Some(entry.version) }
    }

    fn version_of(&self, data: &[u8]) -> Option<Version> {
        self.known.iter().find(|(_, known)| known == data).map(|(version, _)| *version)
    }

    /// The record of `id` at `now`, which is used; one that is over is dropped where records go by themselves.
    fn present(&mut self, id: &SessionId, now: f64) -> Option<&mut Entry> {
        let key = self.key(id);
        let entry = self.records.get(&key).filter(|entry| self.owns(id, entry))?;
        if !self.is_files() && is_over(entry, now) {
            self.records.remove(&key);
            return None;
        }
        self.uses += 1;
        let entry = self.records.get_mut(&key)?;
        entry.used = self.uses;
        Some(entry)
    }

    /// Whether somebody else's record is at the place of `id`.
    fn is_foreign(&self, id: &SessionId) -> bool {
        self.records.get(&self.key(id)).is_some_and(|entry| !self.owns(id, entry))
    }

    fn fulfils(&mut self, id: &SessionId, expect: Expect, now: f64) -> bool {
        let is_there = self.present(id, now).is_some();
        match expect {
            Expect::Any => true,
            Expect::Absent => !is_there,
            Expect::Present => is_there,
            Expect::Version(version) => is_there && self.current(id) == Some(version),
        }
    }

    fn put(&mut self, id: &SessionId, data: &[u8], ttl: Option<Duration>, now: f64, version: Version) {
        self.learn(version, data, true);
        self.uses += 1;
        let key = self.key(id);
        let is_named_by_itself = self.is_files() && !id.as_str().contains('.') && can_be_a_name(id);
        let entry = Entry {
            owner: (!is_named_by_itself).then(|| id.clone()),
            data: data.to_vec(),
            version,
            expires_at: self.expiry(ttl, now),
            is_doubtful: false,
            used: self.uses,
        };
        self.records.insert(key, entry);
        if let Kind::Bounded(most) = self.kind {
            while self.records.len() > most {
                let oldest = self.records.iter().min_by_key(|(_, entry)| entry.used);
                let oldest = oldest.map(|(key, _)| key.clone()).unwrap_or_default();
                self.records.remove(&oldest);
            }
        }
    }

    /// Versions are equal where states are: those of equal data, or those of the same write.
    fn learn(&mut self, version: Version, data: &[u8], is_new: bool) {
        if self.is_files() {
            assert!(self.version_of(data).is_none_or(|known| known == version));
            assert!(self.known.iter().all(|(known, its)| *known != version || its == data));
        } else if is_new {
            assert!(self.known.iter().all(|(known, _)| *known != version));
        }
        if !self.known.iter().any(|(known, _)| *known == version) {
            self.known.push((version, data.to_vec()));
        }
    }

    /// Does what the call has to do, and compares the answer.
    pub(super) fn compare(&mut self, call: &Call, holder: Option<usize>, now: f64, answer: &Answer) {
        let is_blocked = self.is_blocked(call, holder);
        if is_blocked && *answer == Answer::Failed(ErrorKind::Unavailable) {
            return;
        }
        assert!(!is_blocked || answer.is_negative(), "{call:?} passed by a holder");
        match call {
            Call::Load(id) => self.loads(id, now, answer),
            Call::Delete(id) => self.deletes(id, answer),
            Call::Write { id, data, ttl, expect } => {
                let expect = self.expect(id, *expect);
                self.writes(id, data, *ttl, expect, now, answer);
            }
            Call::Touch { .. } => self.touches(call, now, answer),
            Call::Rotate { .. } => self.rotates(call, holder, now, answer),
        }
    }

    fn loads(&mut self, id: &SessionId, now: f64, answer: &Answer) {
        let is_files = self.is_files();
        let expected = self.present(id, now).map(|entry| (entry.data.clone(), entry.version));
        match (answer, expected) {
            (Answer::Loaded(None), None) => {}
            (Answer::Loaded(Some((data, version))), Some((expected, known))) => {
                assert_eq!(*data, expected, "{id:?}");
                assert!(is_files || *version == known);
                self.learn(*version, data, false);
            }
            (answer, expected) => unreachable!("{id:?}: {answer:?} instead of {expected:?}"),
        }
    }

    fn deletes(&mut self, id: &SessionId, answer: &Answer) {
        let key = self.key(id);
        let entry = self.records.get(&key).filter(|entry| self.owns(id, entry));
        // No time is given, so that what is over counts as there until it is dropped.
        assert_eq!(*answer, Answer::Was(entry.is_some()), "{id:?}");
        if entry.is_some() {
            self.records.remove(&key);
        }
    }

    fn writes(
        &mut self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: f64,
        answer: &Answer,
    ) {
        let is_foreign = self.is_foreign(id);
        let fulfils = self.fulfils(id, expect, now);
        match answer {
            Answer::Failed(ErrorKind::Invalid) => {
                assert!(self.is_files() && std::str::from_utf8(data).is_err())
            }
            Answer::Failed(kind) => assert!(is_foreign && fulfils && *kind == ErrorKind::Unavailable),
            Answer::Refused => assert!(!fulfils, "{id:?} {expect:?}"),
            Answer::Stored(version) => {
                assert!(fulfils && !is_foreign, "{id:?} {expect:?}");
                assert!(!self.is_files() || std::str::from_utf8(data).is_ok());
                self.put(id, data, ttl, now, *version);
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn touches(&mut self, call: &Call, now: f64, answer: &Answer) {
        let Call::Touch { id, expect, offset, bytes, ttl } = call else { return };
        let is_current = match self.expect(id, *expect) {
            Expect::Version(version) => self.current(id) == Some(version),
            _ => false,
        };
        let expires_at = self.expiry(self.ttl(*ttl), now);
        let Some(entry) = self.present(id, now) else { return assert_eq!(*answer, Answer::Was(false)) };
        if is_current {
            let Some(place) =
                offset.checked_add(bytes.len()).and_then(|end| entry.data.get_mut(*offset..end))
            else {
                return assert_eq!(*answer, Answer::Failed(ErrorKind::Invalid));
            };
            place.copy_from_slice(bytes);
        }
        entry.expires_at = expires_at;
        assert_eq!(*answer, Answer::Was(true), "{id:?}");
    }

    fn rotates(&mut self, call: &Call, holder: Option<usize>, now: f64, answer: &Answer) {
        let Call::Rotate { old, new, data, ttl, expect } = call else { return };
        let expect = self.expect(old, *expect);
        let ttl = self.ttl(*ttl);
        let holds = |id| holder.is_some_and(|holder| self.holds(holder, id));
        let (holds_old, holds_new) = (holds(old), holds(new));
        if old.as_str() == new.as_str() {
            // Nothing is created.
            let is_there = self.present(old, now).is_some();
            assert!(is_there || answer.is_negative(), "{old:?} {expect:?}");
            if is_there || *answer != Answer::Refused {
                self.writes(old, data, ttl, expect, now, answer);
            }
            return;
        }
        let follows = holds_old && !holds_new;
        let is_taken = self.holders.iter().flatten().any(|held| held.as_str() == new.as_str());
        match self.kind {
            Kind::Files { .. } if holds_old && holds_new => {
                return assert_eq!(*answer, Answer::Failed(ErrorKind::Invalid));
            }
            Kind::Memory | Kind::Bounded(_) if follows && is_taken => {
                return assert_eq!(*answer, Answer::Failed(ErrorKind::Locked));
            }
            _ => {}
        }
        if self.present(old, now).is_none() || !self.fulfils(old, expect, now) {
            return assert_eq!(*answer, Answer::Refused, "{old:?} {expect:?}");
        }
        if self.key(old) == self.key(new) || self.is_foreign(new) {
            let is_text = std::str::from_utf8(data).is_ok();
            let kind = if is_text || self.key(old) == self.key(new) {
                ErrorKind::Unavailable
            } else {
                ErrorKind::Invalid
            };
            return assert_eq!(*answer, Answer::Failed(kind));
        }
        if self.is_files() && std::str::from_utf8(data).is_err() {
            return assert_eq!(*answer, Answer::Failed(ErrorKind::Invalid));
        }
        let Answer::Stored(version) = answer else { unreachable!("{old:?} to {new:?}: {answer:?}") };
        let key = self.key(old);
        self.records.remove(&key);
        self.put(new, data, ttl, now, *version);
        if let Some(ids) = holder.filter(|_| follows).and_then(|holder| self.holders.get_mut(holder)) {
            ids.push(new.clone());
        }
    }

    /// A holder shuts other holders out; in files, other writers too.
    pub(super) fn hold(
        &mut self,
        id: &SessionId,
        of: HoldOf,
        now: f64,
        found: &Result<Option<Arc<dyn Held>>>,
    ) {
        let key = self.key(id);
        let is_over_now = !self.is_files() && self.records.get(&key).is_some_and(|entry| is_over(entry, now));
        let is_there = self.records.get(&key).is_some_and(|entry| self.owns(id, entry)) && !is_over_now;
        let is_taken = if self.is_files() {
            self.is_locked(id)
        } else {
            self.holders.iter().flatten().any(|held| held.as_str() == id.as_str())
        };
        match found {
            Err(error) => assert!(is_taken && error.kind() == ErrorKind::Locked, "{id:?} {error:?}"),
            Ok(None) => assert!(of == HoldOf::Record && !is_there),
            Ok(Some(held)) => {
                assert!(!is_taken && (is_there || of == HoldOf::Id), "{id:?} {of:?}");
                assert!(held.holds(id));
                self.holders.push(vec![id.clone()]);
            }
        }
    }

    pub(super) fn release(&mut self, holder: usize) {
        self.holders.remove(holder);
    }

    pub(super) fn release_all(&mut self) {
        self.holders.clear();
    }

    pub(super) fn holds(&self, holder: usize, id: &SessionId) -> bool {
        let ids = self.holders.get(holder).into_iter().flatten();
        ids.into_iter().any(|held| held.as_str() == id.as_str())
    }

    /// Whether a call takes a lock that a holder has. Only writers of files take any.
    fn is_blocked(&self, call: &Call, holder: Option<usize>) -> bool {
        let is_own = |id: &SessionId| holder.is_some_and(|holder| self.holds(holder, id));
        let is_open = |id: &SessionId| !is_own(id) && self.is_locked(id);
        self.is_files()
            && match call {
                Call::Load(_) => false,
                // Two that touch one file are kept apart by the file itself.
                Call::Touch { id, .. } => !is_own(id) && self.has_lock(id.as_str()),
                Call::Write { id, .. } | Call::Delete(id) => is_open(id),
                Call::Rotate { old, new, .. } => {
                    is_open(old) || new.as_str() != old.as_str() && self.is_locked(new)
                }
            }
    }

    /// Whether somebody holds `id`, or the id that it shares its file with, in files.
    pub(super) fn is_locked(&self, id: &SessionId) -> bool {
        self.is_files() && locks(id).iter().any(|lock| self.has_lock(lock))
    }

    fn has_lock(&self, lock: &str) -> bool {
        self.holders.iter().flatten().any(|held| locks(held).iter().any(|held| held == lock))
    }

    /// It was `now`.
    pub(super) fn time_is(&mut self, now: f64) {
        if !self.is_files() {
            self.records.values_mut().for_each(|entry| entry.is_doubtful |= is_over(entry, now));
        }
    }

    /// Records that may have been dropped meanwhile.
    pub(super) fn doubtful(&self) -> Vec<SessionId> {
        self.ids_of(|entry| entry.is_doubtful)
    }

    pub(super) fn over(&self, now: f64) -> Vec<SessionId> {
        self.ids_of(|entry| is_over(entry, now))
    }

    pub(super) fn settle(&mut self, id: &SessionId, is_there: bool) {
        let key = self.key(id);
        if !is_there {
            self.records.remove(&key);
        }
    }

    /// The ids of all records, those that no record names by their place.
    pub(super) fn ids(&self) -> Vec<SessionId> {
        self.ids_of(|_| true)
    }

    fn ids_of(&self, which: impl Fn(&Entry) -> bool) -> Vec<SessionId> {
        let records = self.records.iter().filter(|(_, entry)| which(entry));
        let id = |(key, entry): (&String, &Entry)| {
            let named = || SessionId::from_program(key.as_str());
            entry.owner.as_ref().map_or_else(named, |owner| SessionId::from_program(owner.as_str()))
        };
        records.map(id).collect()
    }
}

fn is_over(entry: &Entry, now: f64) -> bool {
    entry.expires_at.is_some_and(|expires_at| now >= expires_at)
}

fn dotless(id: &SessionId) -> String {
    id.as_str().replace('.', "")
}

fn can_be_a_name(id: &SessionId) -> bool {
    let dotless = dotless(id);
    !dotless.is_empty() && !dotless.contains('/')
}

/// The ids whose locks are taken for `id`: its own and, where dots were dropped, that of the id without.
fn locks(id: &SessionId) -> Vec<String> {
    let mut locks = vec![id.as_str().to_owned()];
    if can_be_a_name(id) && id.as_str().contains('.') {
        locks.push(dotless(id));
    }
    locks
}
