//! The values of a namespace, sessions included, for programs that use it as a backend of their own.

use std::time::Duration;

use rusqlite::params;
use rusqlite::types::ValueRef;

use super::database::Database;
use super::place::Place;
use super::pool::Purpose;
use super::records::{self, Value, expiry, new_version};
use crate::error::{Error, Result};
use crate::store::{Call, Timestamp};

const READING: &str = "read a value in its database";
const WRITING: &str = "write a value to its database";
const REMOVING: &str = "remove a value from its database";

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Text: a session.
    Text(String),
    /// A pickle.
    Pickle(Vec<u8>),
}

impl Database {
    /// The value `name` of a namespace, unless there is none or its lifetime is over.
    ///
    /// # Errors
    /// `Corrupt` if it is neither text nor bytes; `Busy` or `Unavailable` if the database did not answer.
    pub fn value(&self, namespace: &str, name: &str, call: &Call<'_>) -> Result<Option<Stored>> {
        let place = Place::new(namespace, name);
        let loaded = self.read(call.wait, READING, |connection| {
            let found = records::load(connection, place, |value, _, expires_at| {
                (!records::is_over(expires_at, call.now)).then(|| match value {
                    ValueRef::Text(text) => String::from_utf8(text.to_vec()).map(Stored::Text).ok(),
                    ValueRef::Blob(bytes) => Some(Stored::Pickle(bytes.to_vec())),
                    _ => None,
                })
            })?;
            match found.flatten() {
                None => Ok(None),
                Some(Some(stored)) => Ok(Some(stored)),
                Some(None) => Err(Error::corrupt(READING).with_detail("it is no value of Beaker's").into()),
            }
        });
        Ok(loaded?.flatten())
    }

    /// Sets a value, which is over after `ttl`.
    ///
    /// # Errors
    /// `Busy` or `Unavailable`: nothing was changed.
    pub fn set_value(
        &self,
        namespace: &str,
        name: &str,
        value: Value<'_>,
        ttl: Option<Duration>,
        call: &Call<'_>,
    ) -> Result<()> {
        let place = Place::new(namespace, name);
        let version = new_version(WRITING)?;
        let written = self.change(Purpose::Create, call.wait, WRITING, |connection| {
            let found = records::find(connection, place)?;
            let expires_at = expiry(ttl, call.now)?;
            records::put(connection, place, found.as_ref(), value, version, expires_at, call.now)
        });
        written.map(|_made| ())
    }

    /// Removes a value. `false` if there was none.
    ///
    /// # Errors
    /// `Busy` or `Unavailable`: nothing was changed.
    pub fn remove_value(&self, namespace: &str, name: &str, call: &Call<'_>) -> Result<bool> {
        let place = Place::new(namespace, name);
        let removed = self.change(Purpose::Change, call.wait, REMOVING, |connection| {
            let Some(found) = records::find(connection, place)? else { return Ok(false) };
            records::remove(connection, found.id)?;
            Ok(!found.is_over(call.now))
        });
        Ok(removed?.unwrap_or(false))
    }

    /// Removes every value of a namespace, its session included.
    ///
    /// # Errors
    /// `Busy` or `Unavailable`: nothing was changed.
    pub fn remove_namespace(&self, namespace: &str, call: &Call<'_>) -> Result<()> {
        let session = Place::of_session(namespace);
        let removed = self.change(Purpose::Change, call.wait, REMOVING, |connection| {
            if let Some(found) = records::find(connection, session)? {
                records::remove(connection, found.id)?;
            }
            // SQLite uses the index only where the name is written in the statement.
            let values = "DELETE FROM records WHERE namespace = ?1 AND name <> 'session'";
            Ok(connection.prepare_cached(values)?.execute([namespace])?)
        });
        removed.map(|_count| ())
    }

    /// The names of all values of a namespace.
    ///
    /// # Errors
    /// `Busy` or `Unavailable`.
    pub fn names(&self, namespace: &str, call: &Call<'_>) -> Result<Vec<String>> {
        let session = Place::of_session(namespace);
        let names = self.read(call.wait, READING, |connection| {
            let mut select = connection.prepare_cached(
                "SELECT name, expires_at FROM records WHERE id BETWEEN ?1 AND ?2 AND namespace = ?3 AND name = ?4 \
                 UNION ALL SELECT name, expires_at FROM records WHERE namespace = ?3 AND name <> 'session'",
            )?;
            let mut rows = select.query(session.as_params())?;
            let mut names = Vec::new();
            while let Some(row) = rows.next()? {
                let expires_at: Option<Timestamp> = row.get(1)?;
                if !records::is_over(expires_at, call.now) {
                    names.push(row.get(0)?);
                }
            }
            Ok(names)
        });
        Ok(names?.unwrap_or_default())
    }

    /// The namespaces that have values, in their order. It reads the whole database, for tests.
    ///
    /// # Errors
    /// `Busy` or `Unavailable`.
    pub fn namespaces(&self, call: &Call<'_>) -> Result<Vec<String>> {
        let names = self.read(call.wait, READING, |connection| {
            let mut select = connection.prepare_cached(
                "SELECT DISTINCT namespace FROM records WHERE expires_at IS NULL OR expires_at > ?1 ORDER BY namespace",
            )?;
            let rows = select.query_map([call.now], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        });
        Ok(names?.unwrap_or_default())
    }

    /// The number of values that are over and were not removed yet.
    ///
    /// # Errors
    /// `Busy` or `Unavailable`.
    pub fn expired(&self, call: &Call<'_>) -> Result<u64> {
        let number = self.read(call.wait, READING, |connection| {
            let mut count = connection
                .prepare_cached("SELECT count(*) FROM records WHERE due <= ?1 AND expires_at <= ?2")?;
            let number: i64 =
                count.query_row(params![records::part_of(call.now), call.now], |row| row.get(0))?;
            Ok(u64::try_from(number).unwrap_or_default())
        });
        Ok(number?.unwrap_or_default())
    }
}
