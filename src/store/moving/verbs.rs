//! The verbs of the contract.

use std::sync::Arc;

use super::MovingStore;
use super::look::{LOOKS, Look, at_any_time, busy};
use super::side::{MovingGuard, Side};
use crate::error::{ErrorKind, Result};
use crate::id::StoreKey;
use crate::store::{
    Call, Capabilities, Deleted, Expect, Guard, LockTarget, Locks, Patch, Record, Renewal, Rotation, Store,
    Sweep, Taken, Write, Written,
};

impl Store for MovingStore {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        Ok(match self.look(key, call)? {
            Look::At(side, record) => Some(Record { version: side.mark(record.version)?, ..record }),
            Look::Ended(_) | Look::Nowhere => None,
        })
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        match write.expect {
            Expect::Version(version) => match Side::of(version) {
                Some((side, version)) => self.write_on(side, write, Expect::Version(version), call),
                None => Ok(Written::Refused),
            },
            Expect::Absent => self.create(write, call),
            Expect::Present | Expect::Any => self.overwrite(write, call),
        }
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        match self.look(renewal.key, call)? {
            Look::At(side, _) => {
                let version = side.unmark(renewal.version);
                self.on(side).renew(&Renewal { version, ..*renewal }, &side.call(call))
            }
            Look::Ended(_) | Look::Nowhere => Ok(false),
        }
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        match self.look(patch.renewal.key, call)? {
            Look::At(side, _) => {
                let renewal = Renewal { version: side.unmark(patch.renewal.version), ..patch.renewal };
                self.on(side).patch(&Patch { renewal, ..*patch }, &side.call(call))
            }
            Look::Ended(_) | Look::Nowhere => Ok(false),
        }
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        match expect {
            Expect::Version(version) => match Side::of(version) {
                Some((side, version)) => self.end_version(key, side, version, call),
                None => Ok(Deleted::Refused),
            },
            Expect::Any | Expect::Present => self.end(key, call),
            Expect::Absent => Ok(match self.look(key, &at_any_time(call))? {
                Look::At(..) => Deleted::Refused,
                Look::Ended(_) | Look::Nowhere => Deleted::Nothing,
            }),
        }
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        if let Some(written) = rotation.as_write(|write| self.write(write, call)) {
            return written;
        }
        self.rotate_where_it_is(rotation, call)
    }

    fn purge(&self, key: &StoreKey, call: &Call<'_>) -> Result<()> {
        let old = self.old.purge(key, &Side::Old.call(call));
        self.new.purge(key, &Side::New.call(call)).and(old)
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Arc::clone(&self.old).locks().and(Arc::clone(&self.new).locks())?;
        Some(self)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        self.on(self.home()).sweep()
    }

    fn capabilities(&self) -> Capabilities {
        let [old, new] = [&self.old, &self.new].map(|store| store.capabilities());
        Capabilities {
            native_expiry: old.native_expiry && new.native_expiry,
            compare_and_swap: old.compare_and_swap && new.compare_and_swap,
            atomic_rotation: false,
            blocking: old.blocking.max(new.blocking),
        }
    }
}

impl Locks for MovingStore {
    fn lock(self: Arc<Self>, key: &StoreKey, target: LockTarget, call: &Call<'_>) -> Result<Taken> {
        let place = |found: Result<Look>| match found {
            Ok(Look::At(side, _)) => Ok(Some(side)),
            Ok(Look::Ended(_) | Look::Nowhere) => Ok(None),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Some(self.home())),
            Err(error) => Err(error),
        };
        let mut found = place(self.look(key, call))?;
        for _ in 0..LOOKS {
            if found.is_none() && target == LockTarget::Record {
                return Ok(None);
            }
            let side = found.unwrap_or_else(|| self.home());
            let Some(locks) = Arc::clone(self.on(side)).locks() else { return Ok(None) };
            let Some(guard) = locks.lock(key, target, &side.call(call))? else {
                found = place(self.look(key, call))?;
                continue;
            };
            let guard = MovingGuard { guard, side };
            // It may have moved or ended while its lock was waited for.
            found = place(self.look(key, &call.under(Some(&guard))))?;
            if found == Some(side) || found.is_none() && target == LockTarget::Id {
                return Ok(Some(Arc::new(guard)));
            }
            guard.release()?;
        }
        Err(busy())
    }
}
