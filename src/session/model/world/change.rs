//! The changes of the store, and the laws of those that are made.

use super::super::data::{Content, has_changed};
use super::super::types::{Expect, SessionId, Timestamp, Version, Written};
use super::{Kept, Record, Token, World};

/// What a save has to do with the record that it replaces.
#[derive(Clone)]
pub(in super::super) struct Intent {
    /// Whether the changes of others stay.
    pub(in super::super) merges: bool,
    /// Whether the data was merged more than once, after which it may be what was sent at first.
    pub(in super::super) is_merged_again: bool,
    /// The content that was loaded or stored last.
    pub(in super::super) base: Content,
    /// What the request made of it.
    pub(in super::super) ours: Content,
}

/// A record to be written, and what for.
#[derive(Clone)]
pub(in super::super) struct Writing {
    pub(in super::super) record: Record,
    pub(in super::super) intent: Intent,
}

/// A change that is asked for.
pub(in super::super) enum Change {
    Write { id: SessionId, writing: Writing, expect: Expect },
    Rotate { old: SessionId, new: SessionId, writing: Writing, expect: Expect, leaves_redirect: bool },
    Delete { id: SessionId, expect: Expect },
    Fence { id: SessionId, version: Version },
    Touch { id: SessionId, version: Version, accessed: Option<Timestamp> },
}

impl Change {
    /// The record that is changed.
    pub(in super::super) fn id(&self) -> &SessionId {
        match self {
            Self::Write { id, .. }
            | Self::Rotate { old: id, .. }
            | Self::Delete { id, .. }
            | Self::Fence { id, .. }
            | Self::Touch { id, .. } => id,
        }
    }

    fn expect(&self) -> Expect {
        match self {
            Self::Write { expect, .. } | Self::Rotate { expect, .. } | Self::Delete { expect, .. } => *expect,
            Self::Fence { version, .. } | Self::Touch { version, .. } => Expect::Version(*version),
        }
    }

    fn token(&self) -> Option<Token> {
        match self {
            Self::Write { writing, .. } | Self::Rotate { writing, .. } => Some(writing.record.by),
            _ => None,
        }
    }
}

impl World {
    /// Makes a change. One of a record that is gone, or another one by now, is refused.
    pub(in super::super) fn make(&mut self, change: Change) -> Written {
        let holds = self.holds(change.id(), change.expect());
        match change {
            Change::Delete { id, expect } => {
                if !self.delete(&id, expect) {
                    return Written::Refused;
                }
                Written::Stored(Version::from(self.writes))
            }
            _ if !holds => Written::Refused,
            Change::Write { id, writing, expect } => self.write(&id, writing, expect),
            Change::Rotate { old, .. } if self.get(&old).is_none() => Written::Refused,
            Change::Rotate { old, new, writing, expect, leaves_redirect } => {
                let lineage = writing.record.lineage;
                let record = self.replaced(&old, writing, expect, &new);
                self.goes_on(lineage, &record);
                self.records.remove(old.as_str());
                if leaves_redirect {
                    self.put(&old, Kept::Redirect(new.clone()));
                }
                Written::Stored(self.put(&new, Kept::Session(record)))
            }
            Change::Fence { id, .. } | Change::Touch { id, accessed: None, .. } => {
                let Some((_, kept)) = self.get(&id) else { return Written::Refused };
                let mut kept = kept.clone();
                if let Kept::Session(record) = &mut kept {
                    record.data.accessed = record.data.accessed.map(f64::next_up);
                }
                Written::Stored(self.put(&id, kept))
            }
            Change::Touch { id, accessed, .. } => {
                self.touch(&id, accessed);
                Written::Stored(Version::from(self.writes))
            }
        }
    }

    fn write(&mut self, id: &SessionId, writing: Writing, expect: Expect) -> Written {
        let lineage = writing.record.lineage;
        let record = self.replaced(id, writing, expect, id);
        self.goes_on(lineage, &record);
        Written::Stored(self.put(id, Kept::Session(record)))
    }

    /// Where a save goes on with another session than the one that it knows, it may delete what it has never seen.
    fn goes_on(&mut self, lineage: u32, record: &Record) {
        if record.lineage != lineage {
            self.empty(record.lineage);
        }
    }

    /// The record under `new` that goes on with what is under `id`.
    fn replaced(&self, id: &SessionId, writing: Writing, expect: Expect, new: &SessionId) -> Record {
        let Writing { mut record, intent } = writing;
        assert_eq!(record.encoded_for.as_str(), new.as_str(), "a record is encoded for the id that it has");
        match self.get(id) {
            Some((version, Kept::Session(before))) => {
                record.lineage = before.lineage;
                let is_as_made =
                    self.made.get(&record.by).is_some_and(|made| Version::from(*made) == version);
                let is_done = is_as_made && *before == record && !intent.is_merged_again;
                assert!(!is_done, "a write whose reply was lost is not done twice");
                assert!(
                    expect != Expect::Any || !intent.merges || before.by.0 == record.by.0,
                    "a save never replaces a session that it has not seen"
                );
                assert!(
                    expect == Expect::Any
                        || !intent.merges
                        || has_changed(
                            &before.data.content,
                            &intent.base,
                            &intent.ours,
                            &record.data.content
                        ),
                    "a save keeps what others stored, and what the request changed: {before:?} {record:?}"
                );
            }
            Some(_) => {
                assert!(expect == Expect::Any && !intent.merges, "a save never replaces what a rotation left")
            }
            None => assert!(!self.made.contains_key(&record.by), "a lost reply brings no session back"),
        }
        let content = &record.data.content;
        assert!(intent.merges || *content == intent.ours, "the last save wins");
        record
    }

    /// Keeps a change back, if there is a version that it may be too late for. Any other one is lost on its way.
    pub(in super::super) fn delay(&mut self, change: Change) {
        if matches!(change.expect(), Expect::Version(_)) {
            self.late.push_back(change);
        }
    }

    /// Makes the change that was kept back for the longest time. `false` if there is none.
    pub(in super::super) fn arrive(&mut self) -> bool {
        let Some(change) = self.late.pop_front() else { return false };
        let _nobody_hears_of_it = self.make(change);
        true
    }

    /// Whether a save was made, or will be by a change of it that is late.
    pub(in super::super) fn has_or_will_have(&self, token: Token) -> bool {
        let will_be =
            |change: &Change| change.token() == Some(token) && self.holds(change.id(), change.expect());
        self.has_made(token) || self.late.iter().any(will_be)
    }
}
