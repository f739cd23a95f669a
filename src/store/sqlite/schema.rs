//! The tables, their versions, and how a database of an older version becomes one of the newest.
//!
//! `user_version` is the number of migrations that were made. A database of a newer version is left alone, since nothing
//! is known of its tables.

use rusqlite::{Connection, OptionalExtension as _};

use super::failure::Failure;
use super::transaction::Transaction;
use crate::error::Error;

const OPERATION: &str = "open the database of sessions";

/// Says in the file that the database has Beaker's sessions: `bkr` and a number. The tables of number 1 were in no release,
/// and no migration reads them.
const APPLICATION: i64 = 0x626b_7202;

/// Each makes the next version of the one before.
///
/// A record is a row. A session's has the name `session` in the namespace that is its key, and its value is text. The
/// other values of namespaces are pickles, and blobs; an index lists them. `id` is a hash of both names, see
/// [`Place`](super::place::Place). `due` is the part of time in which a sweep looks at the record. It is never later than
/// that of `expires_at`, changes seldom, and so does its index.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        version INTEGER NOT NULL,
        expires_at REAL,
        due INTEGER,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        value ANY NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX records_by_name ON records (namespace, name) WHERE name <> 'session';
    CREATE INDEX records_by_due ON records (due) WHERE due IS NOT NULL;
"];

/// The newest version.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Makes the tables that are missing.
pub(super) fn prepare(connection: &Connection) -> Result<(), Failure> {
    if check(connection)? == VERSION {
        return Ok(());
    }
    let transaction = Transaction::begin(connection)?;
    // Another process may have made them meanwhile.
    let version = read(connection)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// The version of the database. One that is not ours is refused, and nothing in it was changed.
pub(super) fn check(connection: &Connection) -> Result<i64, Failure> {
    // Otherwise another process may make the tables between one look and the next.
    let _one_state = connection.unchecked_transaction()?;
    read(connection)
}

/// The same within a transaction.
fn read(connection: &Connection) -> Result<i64, Failure> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = pragma("user_version")?;
    let first_table: Option<String> =
        connection.query_row("SELECT name FROM sqlite_schema LIMIT 1", [], |row| row.get(0)).optional()?;
    let is_ours = pragma("application_id")? == APPLICATION && version > 0;
    if !is_ours && (first_table.is_some() || version != 0) {
        return Err(refusal("it belongs to another program; give the sessions a database of their own"));
    }
    if version > VERSION {
        let detail = format!(
            "its tables have the version {version}, and this release knows {VERSION}; install a newer release"
        );
        return Err(refusal(detail));
    }
    Ok(version)
}

fn refusal(detail: impl Into<String>) -> Failure {
    Error::unavailable(OPERATION).with_detail(detail).into()
}
