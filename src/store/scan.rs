//! Lists of the records of a store.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::StoreKey;

/// A walk through the records of a store, page by page.
///
/// A record that is there from the first page to the last is listed at least once. One that comes or goes meanwhile may
/// be listed or not, and a store that rearranges its records may list one twice. The keys are made
/// [of the records' names](StoreKey::of_record).
pub trait Scan: Send {
    /// The next keys of records that are alive at `now`, or nothing at the end. A page has as many as the store finds
    /// at once.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer. The scan may be continued from there.
    fn next_page(&mut self, now: Timestamp) -> Result<Option<Vec<StoreKey>>>;

    /// The records so far that are not listed because they do not tell their ids.
    fn unlisted(&self) -> u64 {
        0
    }
}
