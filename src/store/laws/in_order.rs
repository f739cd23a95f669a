//! A store whose backend does one thing at a time: it has the verbs that the contract provides, and no others.

use std::sync::Arc;

use super::{Fixture, laws};
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::{
    Call, Capabilities, Deleted, Expect, MemoryStore, Record, Renewal, Store, Sweep, Write, Written,
};

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
