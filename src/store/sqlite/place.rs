//! Where a record is: by its namespace and its name there, which choose the number of its row.
//!
//! The tree of the rows is in the order of their numbers, so no other tree is needed to find a row. The number is a hash,
//! and another record may have it. So a new row gets the first free of sixteen numbers, and tells its namespace and name.

use std::ops::RangeInclusive;

use sha2::{Digest as _, Sha256};

/// The name of a session's record in its namespace.
pub(super) const SESSION: &str = "session";

/// The bits in which the sixteen numbers differ. Of the other bits, the sign is 0 and 59 are the hash. Seventeen records
/// with one hash do not come by chance, and cost some 2^58 attempts.
const SLOT: i64 = 0b1111;

/// The place of a record.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    first: i64,
}

impl<'a> Place<'a> {
    pub(super) fn new(namespace: &'a str, name: &'a str) -> Self {
        let digest = Sha256::new()
            .chain_update((namespace.len() as u64).to_le_bytes())
            .chain_update(namespace)
            .chain_update(name)
            .finalize();
        let number = digest.iter().take(8).fold(0, |number, byte| number << 8 | i64::from(*byte));
        Self { namespace, name, first: number & i64::MAX & !SLOT }
    }

    /// That of the session with the key `record`.
    pub(super) fn of_session(record: &'a str) -> Self {
        Self::new(record, SESSION)
    }

    /// The numbers that its row may have.
    pub(super) fn numbers(&self) -> RangeInclusive<i64> {
        self.first..=self.first | SLOT
    }

    /// The first of the numbers, the last, the namespace and the name.
    pub(super) fn as_params(&self) -> (i64, i64, &'a str, &'a str) {
        (self.first, self.first | SLOT, self.namespace, self.name)
    }
}
