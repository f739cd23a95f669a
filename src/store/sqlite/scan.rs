//! Lists the sessions in a database, in the order of their rows.

use super::database::Database;
use super::place::SESSION;
use super::records::is_over;
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::{Scan, Timestamp, WAIT};

const OPERATION: &str = "list the sessions in their database";

/// The rows of a page.
const PAGE: i64 = 500;

pub(super) struct SqliteScan<'a> {
    database: &'a Database,
    /// The number of the row that was listed last.
    last: i64,
}

impl<'a> SqliteScan<'a> {
    pub(super) fn new(database: &'a Database) -> Self {
        // No number is negative.
        Self { database, last: -1 }
    }
}

impl Scan for SqliteScan<'_> {
    fn next_page(&mut self, now: Timestamp) -> Result<Option<Vec<StoreKey>>> {
        let page = self.database.read(WAIT, OPERATION, |connection| {
            // A page that ended only with so many sessions might read all values of caches at once.
            let mut select = connection.prepare_cached(
                "SELECT id, namespace, name = ?2, expires_at FROM records WHERE id > ?1 ORDER BY id LIMIT ?3",
            )?;
            let rows = select.query_map((self.last, SESSION, PAGE), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<(i64, String, bool, Option<Timestamp>)>>>()?)
        });
        let page = page?.unwrap_or_default();
        let Some((last, ..)) = page.last() else { return Ok(None) };
        self.last = *last;
        let live =
            page.iter().filter(|(.., is_session, expires_at)| *is_session && !is_over(*expires_at, now));
        Ok(Some(live.map(|(_, namespace, ..)| StoreKey::of_record(namespace)).collect()))
    }
}
