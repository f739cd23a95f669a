//! The stores that the model is compared with.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use beaker_core::error::Result;
use beaker_core::id::{SessionId, StoreKey};
use beaker_core::store::sqlite::Database;
use beaker_core::store::{
    Call, Durability, FileStore, IdStorage, LockTarget, MemoryStore, SessionStore, SqliteStore, Store, Sweep,
};

use super::model::{Kind, Model};
use crate::folder::Folder;

/// How many records the bounded store has room for: fewer than there are ids.
const ROOM: usize = 3;

/// Before anything was over.
const LONG_AGO: f64 = 0.0;

/// The file that has the record of an id, or would have it.
fn data_file(store: &FileStore, id: &StoreKey) -> PathBuf {
    let [path, _, _] = store.files(id, Duration::ZERO);
    path
}

enum Place {
    Memory(Arc<MemoryStore>),
    Files(Arc<FileStore>, PathBuf),
    Sqlite(Arc<SqliteStore>, Arc<Database>),
}

/// A store with nothing in it.
pub(super) struct Subject {
    pub(super) kind: Kind,
    place: Place,
    /// The store as processes use it: one, or two that are on either side of the change from ids to hashes.
    members: Vec<SessionStore>,
    turn: Cell<usize>,
}

/// One of every kind. `choice` says which of the folders' variants there is.
pub(super) fn subjects(folder: &Folder, choice: u8) -> [Subject; 7] {
    let root = folder.path().to_owned();
    let memory = |kind, store, ids| Subject::new(kind, Place::Memory(Arc::new(store)), ids);
    let files = |root: PathBuf, are_shared, ids| {
        let store = FileStore::new(root.join("data"), root.join("locks"))
            .with_durability(if choice.is_multiple_of(3) { Durability::Process } else { Durability::Beaker });
        Subject::new(Kind::Files { are_shared }, Place::Files(Arc::new(store), root), ids)
    };
    let sqlite = |name: &str, ids| {
        let database = Database::at(&root.join(name).join("sessions"), Durability::Process)
            .expect("the path is absolute");
        let store = Arc::new(SqliteStore::new(Arc::clone(&database)));
        Subject::new(Kind::Database, Place::Sqlite(store, database), ids)
    };
    let bounded = MemoryStore::new().bounded(NonZeroUsize::new(ROOM));
    [
        memory(Kind::Memory, MemoryStore::new(), &[IdStorage::Plain]),
        memory(Kind::Bounded(ROOM), bounded, &[IdStorage::Hashed]),
        files(root.join("plain"), true, &[IdStorage::Plain]),
        files(root.join("hashed"), false, &[IdStorage::Hashed]),
        memory(Kind::Bounded(usize::MAX), MemoryStore::new(), &[IdStorage::Plain, IdStorage::Hashed]),
        sqlite("plain database", &[IdStorage::Plain]),
        sqlite("hashed database", &[IdStorage::Hashed]),
    ]
}

impl Subject {
    fn new(kind: Kind, place: Place, ids: &[IdStorage]) -> Self {
        let store = match &place {
            Place::Memory(store) => Arc::clone(store) as Arc<dyn Store>,
            Place::Files(store, _) => Arc::clone(store) as Arc<dyn Store>,
            Place::Sqlite(store, _) => Arc::clone(store) as Arc<dyn Store>,
        };
        let members = ids.iter().map(|ids| SessionStore::new(Arc::clone(&store), *ids)).collect();
        Self { kind, place, members, turn: Cell::new(0) }
    }

    /// The member whose turn it is: not strictly by turns, so that each comes after each, and after itself.
    pub(super) fn store(&self) -> &SessionStore {
        self.turn.set(self.turn.get() + 1);
        let turn = self.turn.get() / 2 % self.members.len();
        self.members.get(turn).expect("a subject has one member or two")
    }

    pub(super) fn hold(&self, id: &SessionId, of: LockTarget, now: f64) -> Result<Option<SessionStore>> {
        self.store().lock(id, of, &Call::at(now).waiting(Duration::ZERO))
    }

    pub(super) fn sweep(&self) -> Box<dyn Sweep + '_> {
        match &self.place {
            Place::Memory(store) => store.sweep(),
            Place::Files(store, _) => store.sweep(),
            Place::Sqlite(store, _) => store.sweep(),
        }
    }

    /// Whether there is a record, found out without using it and whether or not its life is over.
    pub(super) fn is_there(&self, id: &SessionId) -> bool {
        match &self.place {
            Place::Memory(store) => [StoreKey::plain(id), StoreKey::hashed(id)]
                .iter()
                .any(|key| store.contains(key.record(), LONG_AGO)),
            Place::Files(..) | Place::Sqlite(..) => {
                self.store().load(id, &Call::at(LONG_AGO)).is_ok_and(|record| record.is_some())
            }
        }
    }

    /// Whether records are under hashes, which do not tell their locks.
    pub(super) fn is_hashed(&self) -> bool {
        self.members.iter().any(|member| member.key_of(&SessionId::generate()).is_hashed())
    }

    /// Whether nothing but sweeping removes what is over.
    pub(super) fn sweeps_alone(&self) -> bool {
        matches!(self.place, Place::Files(..))
    }

    /// What is there is what the model has, and nothing is left over from anything else.
    pub(super) fn holds_exactly(&self, model: &Model) {
        let ids = model.ids();
        match &self.place {
            Place::Memory(store) => {
                assert_eq!(store.len(), ids.len());
                if let [member] = &*self.members {
                    let there: BTreeSet<String> = store.ids(LONG_AGO).into_iter().collect();
                    assert_eq!(there, ids.iter().map(|id| member.key_of(id).record().to_owned()).collect());
                }
            }
            Place::Sqlite(_, database) => {
                let there = database.namespaces(&Call::at(LONG_AGO)).expect("it is there");
                let store = self.store();
                let keys = ids.iter().map(|id| store.key_of(id).record().to_owned());
                assert_eq!(there.into_iter().collect::<BTreeSet<_>>(), keys.collect());
                let locks = database.locks();
                assert!(!locks.exists() || crate::folder::files(&locks).is_empty());
            }
            Place::Files(_, root) if self.is_hashed() => {
                let (records, locks) = files(root);
                let stems = records.iter().filter_map(|path| path.file_stem()?.to_str()).map(str::to_owned);
                let keys = ids.iter().map(|id| StoreKey::hashed(id).record().to_owned());
                assert_eq!(stems.collect::<BTreeSet<_>>(), keys.collect());
                assert!(locks.len() <= records.len(), "{locks:?}");
            }
            Place::Files(store, root) => {
                let below = |path: PathBuf| path.strip_prefix(root).map(Path::to_owned).unwrap_or_default();
                let records: BTreeSet<_> =
                    ids.iter().map(|id| below(data_file(store, &StoreKey::plain(id)))).collect();
                let stem = |id: &SessionId| SessionId::from_program(id.as_str().replace('.', ""));
                let with_stems = ids.iter().flat_map(|id| [id.clone(), stem(id)]);
                let locks: BTreeSet<_> =
                    with_stems.map(|id| below(store.lock_file(&StoreKey::plain(&id)))).collect();
                let (found_records, found_locks) = files(root);
                // A copy may be left in the file of the name, which was held when its record moved on.
                let copies: BTreeSet<_> = records
                    .iter()
                    .cloned()
                    .chain(ids.iter().map(|id| below(data_file(store, &StoreKey::plain(&stem(id))))))
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
