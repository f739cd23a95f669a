//! The stores that the model is compared with.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use beaker_core::error::Result;
use beaker_core::id::SessionId;
use beaker_core::store::{Durability, FileStore, HashedStore, Held, HoldOf, KeptUnder, MemoryStore, Store};

use super::model::{Kind, Model};
use crate::folder::Folder;

/// How many records the bounded store has room for: fewer than there are ids.
const ROOM: usize = 3;

/// Before anything was over.
const LONG_AGO: f64 = 0.0;

enum Place {
    Memory(Arc<MemoryStore>),
    Files(Arc<FileStore>, PathBuf),
    /// Two that share a memory, one on each side of the change from ids to hashes, used by turns.
    Fleet {
        shared: Arc<MemoryStore>,
        members: [Arc<HashedStore>; 2],
        turn: Cell<usize>,
    },
    /// Files under hashes of ids.
    HashedFiles(Arc<HashedStore>, PathBuf),
}

/// A store with nothing in it.
pub(super) struct Subject {
    pub(super) kind: Kind,
    place: Place,
}

/// One of every kind. `choice` says which of the folders' variants there is.
pub(super) fn subjects(folder: &Folder, choice: u8) -> [Subject; 5] {
    let memory = |kind, store| Subject { kind, place: Place::Memory(Arc::new(store)) };
    let root = folder.path().to_owned();
    let files = |root: &Path| {
        FileStore::new(root.join("data"), root.join("locks"))
            .with_lock_time_limit(Duration::ZERO)
            .with_durability(if choice.is_multiple_of(3) { Durability::Process } else { Durability::Beaker })
    };
    let (plain, hashed) = (root.join("plain"), root.join("hashed"));
    let under_hashes = HashedStore::new(Arc::new(files(&hashed)), KeptUnder::Hash);
    [
        memory(Kind::Memory, MemoryStore::new()),
        memory(Kind::Bounded(ROOM), MemoryStore::new().bounded(NonZeroUsize::new(ROOM))),
        Subject {
            kind: Kind::Files { are_shared: true },
            place: Place::Files(Arc::new(files(&plain)), plain),
        },
        Subject {
            kind: Kind::Files { are_shared: false },
            place: Place::HashedFiles(Arc::new(under_hashes), hashed),
        },
        Subject { kind: Kind::Bounded(usize::MAX), place: fleet() },
    ]
}

fn fleet() -> Place {
    let shared = Arc::new(MemoryStore::new());
    let member = |kept_under| Arc::new(HashedStore::new(Arc::clone(&shared) as Arc<dyn Store>, kept_under));
    let members = [KeptUnder::Id, KeptUnder::Hash].map(member);
    Place::Fleet { shared, members, turn: Cell::new(0) }
}

/// Whose turn it is.
fn next<'a>(members: &'a [Arc<HashedStore>; 2], turn: &Cell<usize>) -> &'a Arc<HashedStore> {
    // Not strictly by turns, so that each comes after each, and after itself.
    turn.set(turn.get() + 1);
    let [under_id, under_hash] = members;
    if (turn.get() / 2).is_multiple_of(2) { under_id } else { under_hash }
}

impl Subject {
    pub(super) fn store(&self) -> &dyn Store {
        match &self.place {
            Place::Memory(store) => store.as_ref(),
            Place::Files(store, _) => store.as_ref(),
            Place::HashedFiles(store, _) => store.as_ref(),
            Place::Fleet { members, turn, .. } => next(members, turn).as_ref(),
        }
    }

    pub(super) fn hold(&self, id: &SessionId, of: HoldOf, now: f64) -> Result<Option<Arc<dyn Held>>> {
        match &self.place {
            Place::Memory(store) => Arc::clone(store).hold(id, of, Duration::ZERO, now),
            Place::Files(store, _) => Arc::clone(store).hold(id, of, Duration::ZERO, now),
            Place::HashedFiles(store, _) => Arc::clone(store).hold(id, of, Duration::ZERO, now),
            Place::Fleet { members, turn, .. } => {
                Arc::clone(next(members, turn)).hold(id, of, Duration::ZERO, now)
            }
        }
    }

    /// Whether there is a record, found out without using it and whether or not its life is over.
    pub(super) fn is_there(&self, id: &SessionId) -> bool {
        match &self.place {
            Place::Memory(store) => store.contains(id.as_str(), LONG_AGO),
            _ => self.store().load(id, LONG_AGO).is_ok_and(|record| record.is_some()),
        }
    }

    /// Whether it keeps records under hashes of ids, some at least.
    pub(super) fn is_hashed(&self) -> bool {
        matches!(self.place, Place::Fleet { .. } | Place::HashedFiles(..))
    }

    /// Whether nothing but sweeping removes what is over.
    pub(super) fn sweeps_alone(&self) -> bool {
        matches!(self.place, Place::Files(..) | Place::HashedFiles(..))
    }

    /// What is there is what the model has, and nothing is left over from anything else.
    pub(super) fn holds_exactly(&self, model: &Model) {
        let ids = model.ids();
        match &self.place {
            Place::Memory(store) => {
                let there: BTreeSet<String> = store.ids(LONG_AGO).into_iter().collect();
                assert_eq!(there, ids.iter().map(|id| id.as_str().to_owned()).collect());
                assert_eq!(store.len(), ids.len());
            }
            Place::Fleet { shared, .. } => assert_eq!(shared.ids(LONG_AGO).len(), ids.len()),
            Place::HashedFiles(store, root) => {
                let (records, locks) = files(root);
                let stems = records.iter().filter_map(|path| path.file_stem()?.to_str()).map(str::to_owned);
                let keys = ids.iter().map(|id| store.key_of(id).as_str().to_owned());
                assert_eq!(stems.collect::<BTreeSet<_>>(), keys.collect());
                assert!(locks.len() <= records.len(), "{locks:?}");
            }
            Place::Files(store, root) => {
                let below = |path: PathBuf| path.strip_prefix(root).map(Path::to_owned).unwrap_or_default();
                let records: BTreeSet<_> = ids.iter().map(|id| below(store.data_file(id))).collect();
                let stem = |id: &SessionId| SessionId::from_program(id.as_str().replace('.', ""));
                let with_stems = ids.iter().flat_map(|id| [id.clone(), stem(id)]);
                let locks: BTreeSet<_> = with_stems.map(|id| below(store.lock_file(&id))).collect();
                let (found_records, found_locks) = files(root);
                // A copy may be left in the file of the name, which was held when its record moved on.
                let copies: BTreeSet<_> = records
                    .iter()
                    .cloned()
                    .chain(ids.iter().map(|id| below(store.data_file(&stem(id)))))
                    .collect();
                assert!(
                    records.is_subset(&found_records) && found_records.is_subset(&copies),
                    "{found_records:?}"
                );
                assert!(found_locks.is_subset(&locks), "{found_locks:?}");
            }
        }
    }
}

/// The records and the locks that lie in a folder.
fn files(root: &Path) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
    crate::folder::files(root).into_iter().partition(|path| path.starts_with("data"))
}
