//! Lists the records on a server.

use redis::cmd;

use super::client::{Effect, RedisClient};
use super::keys::Keys;
use super::replies;
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::{Scan, Timestamp, WAIT};

const OPERATION: &str = "list the sessions in Redis";

/// The keys that the server looks at for a page.
const ENTRIES: usize = 500;

pub(super) struct RedisScan<'a> {
    client: &'a RedisClient,
    keys: &'a Keys,
    /// Where the next page begins; `None` behind the last one.
    cursor: Option<Vec<u8>>,
}

impl<'a> RedisScan<'a> {
    pub(super) fn new(client: &'a RedisClient, keys: &'a Keys) -> Self {
        Self { client, keys, cursor: Some(b"0".to_vec()) }
    }
}

impl Scan for RedisScan<'_> {
    fn next_page(&mut self, _now: Timestamp) -> Result<Option<Vec<StoreKey>>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let mut request = cmd("SCAN");
        request.arg(cursor).arg("MATCH").arg(self.keys.pattern()).arg("COUNT").arg(ENTRIES);
        let (next, found) =
            self.client.request(OPERATION, &request, Effect::Repeatable, WAIT, replies::page)?;
        self.cursor = Some(next).filter(|cursor| cursor != b"0");
        let names = found.iter().filter_map(|key| std::str::from_utf8(key).ok());
        Ok(Some(names.filter_map(|key| self.keys.record_of(key)).map(StoreKey::of_record).collect()))
    }
}
