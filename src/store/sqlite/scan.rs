//! Lists the sessions in a database, in the order of their keys.

use super::database::Database;
use super::records::{SESSION, is_over};
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::{Scan, Timestamp, WAIT};

const OPERATION: &str = "list the sessions in their database";

/// The keys of a page.
const PAGE: i64 = 500;

pub(super) struct SqliteScan<'a> {
    database: &'a Database,
    last: Option<String>,
}

impl<'a> SqliteScan<'a> {
    pub(super) fn new(database: &'a Database) -> Self {
        Self { database, last: None }
    }
}

impl Scan for SqliteScan<'_> {
    fn next_page(&mut self, now: Timestamp) -> Result<Option<Vec<StoreKey>>> {
        // Whether there is a last one or not, the index leads to the next.
        let sql = match self.last {
            Some(_) => {
                "SELECT namespace, expires_at FROM records WHERE namespace > ?1 AND name = ?2 ORDER BY namespace LIMIT ?3"
            }
            None => {
                "SELECT namespace, expires_at FROM records WHERE ?1 IS NULL AND name = ?2 ORDER BY namespace LIMIT ?3"
            }
        };
        let page = self.database.read(WAIT, OPERATION, |connection| {
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map((&self.last, SESSION, PAGE), |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<Vec<(String, Option<Timestamp>)>>>()?)
        });
        let page = page?.unwrap_or_default();
        let Some((last, _)) = page.last() else { return Ok(None) };
        self.last = Some(last.clone());
        let live = page.iter().filter(|(_, expires_at)| !is_over(*expires_at, now));
        Ok(Some(live.map(|(name, _)| StoreKey::of_record(name)).collect()))
    }
}
