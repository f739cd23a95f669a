//! The statements on the rows. Each is compiled once for a connection.

use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Result, ToSql, params};

use crate::error::{self, Error};
use crate::store::{Timestamp, Version};

/// The name of a session's record in its namespace.
pub(super) const SESSION: &str = "session";

/// In seconds. An expiry that stays within the same part of time changes its record's row and not the index.
const PART: f64 = 64.0;

/// How many records that are over a new one removes. With more than one, their number falls however fast records come.
const REMOVED_PER_RECORD: i64 = 2;

/// Where a record is: its namespace and its name there.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Place<'a> {
    /// That of the session with the key `record`.
    pub(super) fn of_session(record: &'a str) -> Self {
        Self { namespace: record, name: SESSION }
    }
}

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
        "SELECT id, expires_at, version, due, typeof(value) = 'text' FROM records WHERE namespace = ?1 AND name = ?2",
    )?;
    let found = statement.query_row(params![place.namespace, place.name], |row| {
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
        "SELECT value, version, expires_at FROM records WHERE namespace = ?1 AND name = ?2",
    )?;
    let loaded = statement.query_row(params![place.namespace, place.name], |row| {
        Ok(read(row.get_ref(0)?, row.get(1)?, row.get(2)?))
    });
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
) -> Result<()> {
    let due = expires_at.map(part_of);
    match found {
        None => {
            let mut insert = connection.prepare_cached(
                "INSERT INTO records (version, expires_at, due, namespace, name, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            insert.execute(params![version, expires_at, due, place.namespace, place.name, value])?;
        }
        Some(found) if found.due == due => {
            let mut update = connection.prepare_cached(
                "UPDATE records SET version = ?2, expires_at = ?3, value = ?4 WHERE id = ?1",
            )?;
            update.execute(params![found.id, version, expires_at, value])?;
        }
        Some(found) => {
            let mut update = connection.prepare_cached(
                "UPDATE records SET version = ?2, expires_at = ?3, value = ?4, due = ?5 WHERE id = ?1",
            )?;
            update.execute(params![found.id, version, expires_at, value, due])?;
        }
    }
    Ok(())
}

/// Gives a row another expiry.
pub(super) fn renew(connection: &Connection, found: &Found, expires_at: Option<Timestamp>) -> Result<()> {
    let due = expires_at.map(part_of);
    if found.due == due {
        let mut update = connection.prepare_cached("UPDATE records SET expires_at = ?2 WHERE id = ?1")?;
        update.execute(params![found.id, expires_at])?;
    } else {
        let mut update =
            connection.prepare_cached("UPDATE records SET expires_at = ?2, due = ?3 WHERE id = ?1")?;
        update.execute(params![found.id, expires_at, due])?;
    }
    Ok(())
}

/// Removes a row.
pub(super) fn remove(connection: &Connection, id: i64) -> Result<()> {
    connection.prepare_cached("DELETE FROM records WHERE id = ?1")?.execute([id]).map(drop)
}

/// Removes a few rows that are over: those that were due in a part of time before `now`.
pub(super) fn remove_some(connection: &Connection, now: Timestamp) -> Result<()> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM records WHERE id IN (SELECT id FROM records WHERE due < ?1 ORDER BY due LIMIT ?2)",
    )?;
    delete.execute(params![part_of(now), REMOVED_PER_RECORD]).map(drop)
}
