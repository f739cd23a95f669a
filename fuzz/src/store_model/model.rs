//! The plain map that every store is compared with.

use std::collections::BTreeMap;
use std::time::Duration;

use beaker_core::error::ErrorKind;
use beaker_core::id::SessionId;
use beaker_core::store::{Expect, Version};

use super::answer::Answer;
use super::operation::{Expected, LEFT_FOR, Verb};

/// Which store it is the model of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Records go by themselves, and every write is a version.
    Memory,
    /// The same with room for so many records, none of which goes by itself.
    Bounded(usize),
    /// Records past their lifetime are absent, and their files stay until they are loaded or swept; equal data is the same
    /// version; and where names are shared, one of the ids that differ in their dots alone has the file of that name.
    Files { are_shared: bool },
    /// As the memory, but the data has to be text.
    Database,
}

struct Entry {
    owner: SessionId,
    data: Vec<u8>,
    /// What the store calls this state, if it has said so. Where equal data is the same version, `known` says it.
    version: Option<Version>,
    expires_at: Option<f64>,
    /// Whether its life was over at some time. It may be gone.
    is_doubtful: bool,
    used: u64,
}

pub(super) struct Model {
    kind: Kind,
    records: BTreeMap<String, Entry>,
    pub(super) holders: Vec<Vec<SessionId>>,
    /// Every version that was stored or loaded, with its data.
    known: Vec<(Version, Vec<u8>)>,
    uses: u64,
}

impl Model {
    pub(super) fn new(kind: Kind) -> Self {
        let (records, holders, known) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { kind, records, holders, known, uses: 0 }
    }

    pub(super) fn is_files(&self) -> bool {
        matches!(self.kind, Kind::Files { .. })
    }

    /// Whether a record with this data is refused.
    fn refuses(&self, data: &[u8]) -> bool {
        matches!(self.kind, Kind::Files { .. } | Kind::Database) && std::str::from_utf8(data).is_err()
    }

    pub(super) fn are_shared(&self) -> bool {
        matches!(self.kind, Kind::Files { are_shared: true })
    }

    /// What an id's record is found by.
    fn key(id: &SessionId) -> String {
        id.as_str().to_owned()
    }

    pub(super) fn ttl(&self, ttl: Option<Duration>) -> Option<Duration> {
        ttl.filter(|_| !matches!(self.kind, Kind::Bounded(_)))
    }

    fn expiry(&self, ttl: Option<Duration>, now: f64) -> Option<f64> {
        self.ttl(ttl).map(|ttl| now + ttl.as_secs_f64())
    }

    /// What a call is to expect.
    pub(super) fn expect(&self, id: &SessionId, expected: Expected) -> Expect {
        match expected {
            Expected::Any => Expect::Any,
            Expected::Absent => Expect::Absent,
            Expected::Present => Expect::Present,
            Expected::Current => Expect::Version(self.current(id).unwrap_or(Version::from(0))),
            Expected::Seen(number) => {
                let place = usize::from(number).checked_rem(self.known.len()).unwrap_or_default();
                Expect::Version(self.known.get(place).map_or(Version::from(7), |(version, _)| *version))
            }
        }
    }

    /// The version of the record of `id`, if it is known.
    fn current(&self, id: &SessionId) -> Option<Version> {
        let entry = self.records.get(&Self::key(id))?;
        if self.is_files() { self.version_of(&entry.data) } else { entry.version }
    }

    fn version_of(&self, data: &[u8]) -> Option<Version> {
        self.known.iter().find(|(_, known)| known == data).map(|(version, _)| *version)
    }

    /// The record of `id` at `now`, which is used; one that is over is dropped where records go by themselves.
    fn present(&mut self, id: &SessionId, now: f64) -> Option<&mut Entry> {
        let key = Self::key(id);
        if is_over(self.records.get(&key)?, now) {
            if !self.is_files() {
                self.records.remove(&key);
            }
            return None;
        }
        self.uses += 1;
        let entry = self.records.get_mut(&key)?;
        entry.used = self.uses;
        Some(entry)
    }

    /// Whether there is a record of `id` at `now`, without using it.
    pub(super) fn has(&self, id: &SessionId, now: f64) -> bool {
        self.records.get(&Self::key(id)).is_some_and(|entry| !is_over(entry, now))
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

    fn put(
        &mut self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        now: f64,
        version: Option<Version>,
    ) {
        if let Some(version) = version {
            self.learn(version, data, true);
        }
        self.uses += 1;
        let key = Self::key(id);
        let entry = Entry {
            owner: id.clone(),
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
    pub(super) fn compare(&mut self, call: &Verb, holder: Option<usize>, now: f64, answer: &Answer) {
        let is_blocked = self.is_blocked(call, holder);
        if (is_blocked || self.may_be_blocked(call)) && *answer == Answer::Failed(ErrorKind::Busy) {
            return;
        }
        assert!(!is_blocked || answer.is_negative(), "{call:?} passed by a holder");
        match call {
            Verb::Load(id) => self.loads(id, now, answer),
            Verb::Delete(id) => self.deletes(id, answer),
            Verb::Write { id, data, ttl, expect } => {
                let expect = self.expect(id, *expect);
                self.writes(id, data, *ttl, expect, now, answer);
            }
            Verb::Touch { .. } => self.touches(call, now, answer),
            Verb::Rotate { .. } => self.rotates(call, holder, now, answer),
        }
    }

    fn loads(&mut self, id: &SessionId, now: f64, answer: &Answer) {
        let is_files = self.is_files();
        let expected = self.present(id, now).map(|entry| (entry.data.clone(), entry.version));
        match (answer, expected) {
            (Answer::Loaded(None), None) => {}
            (Answer::Loaded(Some((data, version))), Some((expected, known))) => {
                assert_eq!(*data, expected, "{id:?}");
                assert!(is_files || known.is_none_or(|known| *version == known));
                self.learn(*version, data, !is_files && known.is_none());
                if let Some(entry) = self.present(id, now) {
                    entry.version = Some(*version);
                }
            }
            (answer, expected) => unreachable!("{id:?}: {answer:?} instead of {expected:?}"),
        }
    }

    fn deletes(&mut self, id: &SessionId, answer: &Answer) {
        let key = Self::key(id);
        let entry = self.records.get(&key);
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
        let fulfils = self.fulfils(id, expect, now);
        match answer {
            Answer::Failed(ErrorKind::Invalid) => assert!(self.refuses(data)),
            Answer::Refused => assert!(!fulfils, "{id:?} {expect:?}"),
            Answer::Stored(version) => {
                assert!(fulfils, "{id:?} {expect:?}");
                assert!(!self.refuses(data));
                self.put(id, data, ttl, now, Some(*version));
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn touches(&mut self, call: &Verb, now: f64, answer: &Answer) {
        let Verb::Touch { id, expect, offset, bytes, ttl } = call else { return };
        let is_current = match self.expect(id, *expect) {
            Expect::Version(version) => self.current(id) == Some(version),
            _ => false,
        };
        let is_files = self.is_files();
        let expires_at = self.expiry(self.ttl(*ttl), now);
        let Some(entry) = self.present(id, now) else { return assert_eq!(*answer, Answer::Was(false)) };
        if is_current {
            let Some(place) =
                offset.checked_add(bytes.len()).and_then(|end| entry.data.get_mut(*offset..end))
            else {
                return assert_eq!(*answer, Answer::Failed(ErrorKind::Invalid));
            };
            place.copy_from_slice(bytes);
            if !bytes.is_empty() && !is_files {
                // The next load tells it.
                entry.version = None;
            }
        }
        entry.expires_at = match entry.expires_at {
            // Somebody else may have given it a longer life meanwhile.
            known if !is_current => known.and_then(|known| Some(expires_at?.max(known))),
            _ => expires_at,
        };
        assert_eq!(*answer, Answer::Was(true), "{id:?}");
    }

    fn rotates(&mut self, call: &Verb, holder: Option<usize>, now: f64, answer: &Answer) {
        let Verb::Rotate { old, new, data, ttl, expect, left } = call else { return };
        let expect = self.expect(old, *expect);
        let ttl = self.ttl(*ttl);
        let holds = |id| holder.is_some_and(|holder| self.holds(holder, id));
        let (holds_old, holds_new) = (holds(old), holds(new));
        if old.as_str() == new.as_str() {
            // Nothing is created, and what can never be is no use of the record.
            let is_there = expect != Expect::Absent && self.present(old, now).is_some();
            assert!(is_there || answer.is_negative(), "{old:?} {expect:?}");
            if is_there || *answer != Answer::Refused {
                self.writes(old, data, ttl, expect, now, answer);
            }
            return;
        }
        let follows = holds_old && !holds_new;
        let is_taken = self.holders.iter().flatten().any(|held| held.as_str() == new.as_str());
        match self.kind {
            Kind::Files { are_shared } if holds_old && holds_new => {
                // Under hashes each place may have a holder of its own, and then nothing is in the way.
                if *answer == Answer::Failed(ErrorKind::Invalid) {
                    return;
                }
                assert!(!are_shared, "{old:?} to {new:?}");
            }
            // Who holds the new id keeps it, whether or not that is found out before there is nothing to rotate.
            Kind::Memory | Kind::Bounded(_) | Kind::Database if follows && is_taken => {
                let is_done = matches!(answer, Answer::Stored(_));
                assert!(!is_done, "{old:?} to {new:?}");
                if *answer == Answer::Failed(ErrorKind::Busy) {
                    return;
                }
            }
            _ => {}
        }
        if self.present(old, now).is_none() || !self.fulfils(old, expect, now) {
            return assert_eq!(*answer, Answer::Refused, "{old:?} {expect:?}");
        }
        if self.refuses(data) {
            return assert_eq!(*answer, Answer::Failed(ErrorKind::Invalid));
        }
        let Answer::Stored(version) = answer else { unreachable!("{old:?} to {new:?}: {answer:?}") };
        let key = Self::key(old);
        self.records.remove(&key);
        if let Some(left) = left {
            // A pointer to the new id: a record like any other, whose version nobody was told.
            self.put(old, left, self.ttl(Some(LEFT_FOR)), now, None);
        }
        self.put(new, data, ttl, now, Some(*version));
        if let Some(ids) = holder.filter(|_| follows).and_then(|holder| self.holders.get_mut(holder)) {
            ids.push(new.clone());
        }
    }

    /// It was `now`.
    pub(super) fn time_is(&mut self, now: f64) {
        self.records.values_mut().for_each(|entry| entry.is_doubtful |= is_over(entry, now));
    }

    /// Records that may have been dropped meanwhile.
    pub(super) fn doubtful(&self) -> Vec<SessionId> {
        self.ids_of(|entry| entry.is_doubtful)
    }

    pub(super) fn over(&self, now: f64) -> Vec<SessionId> {
        self.ids_of(|entry| is_over(entry, now))
    }

    pub(super) fn settle(&mut self, id: &SessionId, is_there: bool) {
        let key = Self::key(id);
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
        records.map(|(_, entry)| SessionId::from_program(entry.owner.as_str())).collect()
    }
}

fn is_over(entry: &Entry, now: f64) -> bool {
    entry.expires_at.is_some_and(|expires_at| now >= expires_at)
}

pub(super) fn dotless(id: &SessionId) -> String {
    id.as_str().replace('.', "")
}

pub(super) fn can_be_a_name(id: &SessionId) -> bool {
    let dotless = dotless(id);
    !dotless.is_empty() && !dotless.contains('/')
}
