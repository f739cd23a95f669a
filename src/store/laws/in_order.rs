//! A store whose backend does one thing at a time: it has the verbs that the contract provides, and no others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Fixture, NOW, laws, some_id, sweep_laws};
use crate::error::{Error, ErrorKind, Result};
use crate::id::StoreKey;
use crate::store::doubles::Counting;
use crate::store::{
    Call, Capabilities, Deleted, Expect, MemoryStore, Record, Redirect, Renewal, Rotation, Store, Sweep,
    Version, Write, Written, rotate_in_order,
};

const REDIRECT: Redirect<'_> = Redirect { data: b"moved", ttl: Duration::from_secs(30) };

struct InOrder(Arc<MemoryStore>);

impl Store for InOrder {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        self.0.load(key, call)
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        self.0.write(write, call)
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.0.renew(renewal, call)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        self.0.delete(key, expect, call)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        self.0.sweep()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { atomic_rotation: false, ..self.0.capabilities() }
    }
}

fn fixture() -> Fixture {
    let store = Arc::new(MemoryStore::new());
    let counted = Arc::clone(&store);
    Fixture::new(Arc::new(InOrder(store)), move || counted.len())
}

laws!(fixture);
sweep_laws!(fixture);

/// What becomes of a change whose reply is lost.
#[derive(Clone, Copy, PartialEq)]
enum Lost {
    Made,
    NotMade,
    /// It and every later one, none of which is made.
    AllNotMade,
}

/// Loses the reply to the first change of one key.
struct Losing {
    inner: InOrder,
    key: StoreKey,
    lost: Lost,
    changes: AtomicUsize,
}

impl Losing {
    fn change<T>(&self, key: &StoreKey, change: impl Fn() -> Result<T>) -> Result<T> {
        if *key != self.key
            || self.changes.fetch_add(1, Ordering::Relaxed) > 0 && self.lost != Lost::AllNotMade
        {
            return change();
        }
        if self.lost == Lost::Made {
            change()?;
        }
        Err(Error::new(ErrorKind::Unknown, "change a record"))
    }
}

impl Store for Losing {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        self.inner.load(key, call)
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        self.change(write.key, || self.inner.write(write, call))
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.change(renewal.key, || self.inner.renew(renewal, call))
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        self.change(key, || self.inner.delete(key, expect, call))
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

#[test]
fn a_rotation_whose_last_reply_is_lost_leaves_one_session_or_two_where_the_store_does_not_say() {
    let call = Call::at(NOW);
    for (lost, redirect) in [Lost::Made, Lost::NotMade, Lost::AllNotMade]
        .map(|lost| [(lost, None), (lost, Some(REDIRECT))])
        .concat()
    {
        let inner = InOrder(Arc::new(MemoryStore::new()));
        let (old, new) = (some_id(), some_id());
        let Written::Stored(version) = inner.write(&Write::new(&old, b"x", Expect::Any), &call).unwrap()
        else {
            unreachable!("nothing was expected");
        };
        let store = Losing { inner, key: old.clone(), lost, changes: AtomicUsize::new(0) };
        let rotation = Rotation { redirect, ..Rotation::new(&old, &new, b"y", Expect::Present) };
        assert_eq!(store.rotate(&rotation, &call).unwrap_err().kind(), ErrorKind::Unknown);
        let data = |key| store.load(key, &call).unwrap().map(|record| record.data.to_vec());
        let moved = redirect.map(|redirect| redirect.data.to_vec());
        assert_eq!(data(&old), if lost == Lost::Made { moved } else { Some(b"x".to_vec()) });
        assert_eq!(data(&new).is_some(), lost != Lost::NotMade);
        // The change that was lost comes late.
        if lost == Lost::NotMade {
            let late = store.delete(&old, Expect::Version(version), &call).unwrap();
            assert_eq!(late, Deleted::Refused, "the session is under its old id alone");
        }
    }
}

/// Answers every load of the old key with an error of this kind.
struct Failing {
    inner: InOrder,
    key: StoreKey,
    kind: ErrorKind,
}

impl Store for Failing {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        if *key == self.key {
            Err(Error::new(self.kind, "read a record"))
        } else {
            self.inner.load(key, call)
        }
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        self.inner.write(write, call)
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.inner.renew(renewal, call)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        self.inner.delete(key, expect, call)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

#[test]
fn a_corrupt_record_is_rotated_unless_a_version_of_it_is_expected() {
    let call = Call::at(NOW);
    for (kind, expect, rotates) in [
        (ErrorKind::Corrupt, Expect::Any, true),
        (ErrorKind::Corrupt, Expect::Present, true),
        (ErrorKind::Corrupt, Expect::Absent, false),
        (ErrorKind::Corrupt, Expect::Version(Version::from(7)), false),
        (ErrorKind::Unavailable, Expect::Any, false),
    ] {
        let inner = InOrder(Arc::new(MemoryStore::new()));
        let (old, new) = (some_id(), some_id());
        assert_ne!(inner.write(&Write::new(&old, b"x", Expect::Any), &call).unwrap(), Written::Refused);
        let store = Failing { inner, key: old.clone(), kind };
        let rotated = store.rotate(&Rotation::new(&old, &new, b"y", expect), &call);
        assert_eq!(rotated.is_err(), kind == ErrorKind::Unavailable);
        assert_eq!(store.load(&new, &call).unwrap().is_some(), rotates);
        assert_eq!(store.inner.load(&old, &call).unwrap().is_none(), rotates);
    }
}

#[test]
fn a_corrupt_record_under_the_new_id_is_overwritten_and_one_that_cannot_be_loaded_is_not() {
    let call = Call::at(NOW);
    for (kind, rotates) in [(ErrorKind::Corrupt, true), (ErrorKind::Unavailable, false)] {
        let inner = InOrder(Arc::new(MemoryStore::new()));
        let (old, new) = (some_id(), some_id());
        for key in [&old, &new] {
            assert_ne!(inner.write(&Write::new(key, b"x", Expect::Any), &call).unwrap(), Written::Refused);
        }
        let store = Failing { inner, key: new.clone(), kind };
        let rotated = store.rotate(&Rotation::new(&old, &new, b"y", Expect::Present), &call);
        assert_eq!(rotated.is_ok(), rotates);
        let data = |key| store.inner.load(key, &call).unwrap().map(|record| record.data.to_vec());
        assert_eq!(data(&new).unwrap(), if rotates { b"y" } else { b"x" });
        assert_eq!(data(&old).is_none(), rotates);
    }
}

#[test]
fn a_rotation_overwrites_nothing_newer_than_what_it_found_under_the_new_id() {
    let (memory, old, new) = (Arc::new(MemoryStore::new()), some_id(), some_id());
    let write = move |store: &MemoryStore, key: &StoreKey, data: &[u8]| {
        let written = store.write(&Write::new(key, data, Expect::Any), &Call::at(NOW)).unwrap();
        assert_ne!(written, Written::Refused);
    };
    write(&memory, &old, b"ours");
    write(&memory, &new, b"theirs");
    let (theirs, key) = (Arc::clone(&memory), new.clone());
    // The rotation loads the old record, finds the new id taken and loads its record. The write comes next.
    let store = Counting::acting(Arc::<MemoryStore>::clone(&memory), 3, move || {
        write(&theirs, &key, b"newer");
    });
    let call = Call::at(NOW);
    let rotation = Rotation::new(&old, &new, b"ours", Expect::Present);
    assert_eq!(rotate_in_order(&store, &rotation, &call).unwrap(), Written::Refused);
    let data = |key| memory.load(key, &call).unwrap().map(|record| record.data.to_vec()).unwrap();
    assert_eq!([data(&old), data(&new)], [b"ours".to_vec(), b"newer".to_vec()]);
}
