//! Lists the sessions in a database, in the order of their rows.

use super::database::Database;
use super::place::SESSION;
use super::records::is_over;
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::{Scan, Timestamp, WAIT};

const OPERATION: &str = "list the sessions in their database";

/// The keys of a page.
const PAGE: i64 = 500;

pub(super) struct SqliteScan<'a> {
    database: &'a Database,
    /// The number of the row that was listed last.
    last: i64,
}

impl<'a> SqliteScan<'a> {
    pub(super) fn new(database: &'a Database) -> Self {
        Self { database, last: i64::MIN }
    }
}

impl Scan for SqliteScan<'_> {
    fn next_page(&mut self, now: Timestamp) -> Result<Option<Vec<StoreKey>>> {
        let page = self.database.read(WAIT, OPERATION, |connection| {
            let mut select = connection.prepare_cached(
                "SELECT id, namespace, expires_at FROM records WHERE id > ?1 AND name = ?2 ORDER BY id LIMIT ?3",
            )?;
            let rows = select.query_map((self.last, SESSION, PAGE), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<(i64, String, Option<Timestamp>)>>>()?)
        });
        let page = page?.unwrap_or_default();
        let Some((last, ..)) = page.last() else { return Ok(None) };
        self.last = *last;
        let live = page.iter().filter(|(.., expires_at)| !is_over(*expires_at, now));
        Ok(Some(live.map(|(_, name, _)| StoreKey::of_record(name)).collect()))
    }
}
