//! The statements on the rows. Each is compiled once for a connection.

use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Result, ToSql, params};

use super::failure::Failure;
use super::place::Place;
use crate::error::{self, Error};
use crate::store::{Timestamp, Version};

const STORING: &str = "store the record in its database";

/// In seconds.
const PART: f64 = 64.0;

/// How many records a new one settles that are due. With more than one, their number falls however fast records come.
const SETTLED_PER_RECORD: u64 = 2;

/// A row without its value.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) expires_at: Option<Timestamp>,
    version: i64,
    due: Option<i64>,
    is_text: bool,
}

impl Found {
    /// Its state. A value that is no text is no session, and has a state that nobody loaded.
    pub(super) fn version(&self) -> Version {
        let unreadable = Version::from_bytes(&[]).unwrap_or_else(|_| Version::from(0));
        if self.is_text { version_of(self.version) } else { unreadable }
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        is_over(self.expires_at, now)
    }

    /// When a sweep is to look at the record, which gets another expiry. Mostly as before, for a change of the index costs
    /// more than that of the row: a sweep may come too early, and puts the record in its place.
    fn next_due(&self, expires_at: Option<Timestamp>, now: Timestamp) -> Option<i64> {
        let due = expires_at.map(part_of);
        let is_early = self.due.is_some_and(|known| known >= part_of(now) && Some(known) <= due);
        if is_early { self.due } else { due }
    }
}

pub(super) fn is_over(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|expires_at| now >= expires_at)
}

pub(super) fn version_of(number: i64) -> Version {
    Version::from(number.cast_unsigned())
}

/// A version that no other state has. The generator is the system's: a fork copies no state of it.
pub(super) fn new_version(operation: &'static str) -> error::Result<i64> {
    let number = getrandom::u64().map_err(|error| Error::unavailable(operation).with_source(error))?;
    Ok(number.cast_signed())
}

/// When a record that is written at `now` is over. The time may be a program's own; one that is no number would make a
/// record without an end.
pub(super) fn expiry(ttl: Option<Duration>, now: Timestamp) -> error::Result<Option<Timestamp>> {
    let expires_at = ttl.map(|ttl| now + ttl.as_secs_f64());
    if expires_at.is_some_and(|at| !at.is_finite()) {
        let detail = format!("the time is {now}; give seconds since the epoch");
        return Err(Error::invalid("tell when a record ends").with_detail(detail));
    }
    Ok(expires_at)
}

/// The part of time in which `at` lies.
pub(super) fn part_of(at: Timestamp) -> i64 {
    (at / PART).floor() as i64
}

/// A value to store: a session's text, or the pickle of another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A pickle.
    Pickle(&'a [u8]),
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Pickle(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The row at a place.
pub(super) fn find(connection: &Connection, place: Place<'_>) -> Result<Option<Found>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, expires_at, version, due, typeof(value) = 'text' FROM records \
         WHERE id BETWEEN ?1 AND ?2 AND namespace = ?3 AND name = ?4",
    )?;
    let found = statement.query_row(place.as_params(), |row| {
        Ok(Found {
            id: row.get(0)?,
            expires_at: row.get(1)?,
            version: row.get(2)?,
            due: row.get(3)?,
            is_text: row.get(4)?,
        })
    });
    found.optional()
}

/// The value at a place, its version and its expiry, as `read` takes them.
pub(super) fn load<T>(
    connection: &Connection,
    place: Place<'_>,
    read: impl FnOnce(ValueRef<'_>, i64, Option<Timestamp>) -> T,
) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached(
        "SELECT value, version, expires_at FROM records \
         WHERE id BETWEEN ?1 AND ?2 AND namespace = ?3 AND name = ?4",
    )?;
    let loaded =
        statement.query_row(place.as_params(), |row| Ok(read(row.get_ref(0)?, row.get(1)?, row.get(2)?)));
    loaded.optional()
}

/// The text of a row, if it is text.
pub(super) fn text_of(connection: &Connection, id: i64) -> Result<String> {
    connection.prepare_cached("SELECT value FROM records WHERE id = ?1")?.query_row([id], |row| row.get(0))
}

/// Stores a value in the row that was found, or in a new one.
pub(super) fn put(
    connection: &Connection,
    place: Place<'_>,
    found: Option<&Found>,
    value: Value<'_>,
    version: i64,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> std::result::Result<(), Failure> {
    let Some(found) = found else {
        let mut insert = connection.prepare_cached(
            "INSERT INTO records (id, version, expires_at, due, namespace, name, value) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
        )?;
        let due = expires_at.map(part_of);
        for id in place.numbers() {
            if insert.execute(params![id, version, expires_at, due, place.namespace, place.name, value])? > 0
            {
                return Ok(());
            }
        }
        return Err(Error::unavailable(STORING)
            .with_detail("sixteen others have its hash; give it another name")
            .into());
    };
    let mut update = connection
        .prepare_cached("UPDATE records SET version = ?2, expires_at = ?3, value = ?4 WHERE id = ?1")?;
    update.execute(params![found.id, version, expires_at, value])?;
    Ok(change_due(connection, found.id, found.due, found.next_due(expires_at, now))?)
}

/// Gives a row another expiry.
pub(super) fn renew(
    connection: &Connection,
    found: &Found,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    let mut update = connection.prepare_cached("UPDATE records SET expires_at = ?2 WHERE id = ?1")?;
    update.execute(params![found.id, expires_at])?;
    change_due(connection, found.id, found.due, found.next_due(expires_at, now))
}

fn change_due(connection: &Connection, id: i64, before: Option<i64>, due: Option<i64>) -> Result<()> {
    if due != before {
        connection.prepare_cached("UPDATE records SET due = ?2 WHERE id = ?1")?.execute(params![id, due])?;
    }
    Ok(())
}

/// Removes a row.
pub(super) fn remove(connection: &Connection, id: i64) -> Result<()> {
    connection.prepare_cached("DELETE FROM records WHERE id = ?1")?.execute([id]).map(drop)
}

/// A row that a sweep looks at.
pub(super) struct Due {
    pub(super) due: i64,
    pub(super) id: i64,
    expires_at: Option<Timestamp>,
}

/// The rows to look at that come after one by `due` and `id`, `limit` at the most.
pub(super) fn due_after(
    connection: &Connection,
    (due, id): (i64, i64),
    limit: u64,
    now: Timestamp,
) -> Result<Vec<Due>> {
    let mut select = connection.prepare_cached(
        "SELECT due, id, expires_at FROM records WHERE due <= ?1 AND (due, id) > (?2, ?3) ORDER BY due, id LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![part_of(now), due, id, limit], |row| {
        Ok(Due { due: row.get(0)?, id: row.get(1)?, expires_at: row.get(2)? })
    })?;
    rows.collect()
}

impl Due {
    /// Removes the row if it is over. Otherwise it is due later.
    pub(super) fn settle(&self, connection: &Connection, now: Timestamp) -> Result<bool> {
        if is_over(self.expires_at, now) {
            remove(connection, self.id)?;
            return Ok(true);
        }
        change_due(connection, self.id, Some(self.due), self.expires_at.map(part_of))?;
        Ok(false)
    }
}

/// Removes a few of the rows that are over.
pub(super) fn remove_some(connection: &Connection, now: Timestamp) -> Result<()> {
    for row in due_after(connection, (i64::MIN, i64::MIN), SETTLED_PER_RECORD, now)? {
        row.settle(connection, now)?;
    }
    Ok(())
}
