//! Opening a database.

use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::failure::Failure;
use super::schema;
use crate::error::{Error, Result};
use crate::fork::{ForkLocal, Process};
use crate::private_dir::{ensure_private_dir, sync_with_names};
use crate::store::Durability;

const OPERATION: &str = "open the database of sessions";
const PRIVATE: u32 = 0o600;

/// More than the statements that there are.
const STATEMENTS: usize = 64;

/// In KiB, for each connection. The inner pages of a million sessions have less.
const CACHE: i64 = 4096;

/// In bytes. A log that grew larger than this, as while a backup reads the database, is cut when it begins anew.
const LARGEST_LOG: i64 = 16 * 1024 * 1024;

/// Held by the thread that makes a database or opens its file. Closing the file that it made drops every lock that this
/// process has on it, so that no connection may be open by then.
static OPENING: ForkLocal<Mutex<()>> = ForkLocal::new();

/// Opens the database at `path`. Where there is none it is made if `create`, and is `None` otherwise. Waits for no
/// other process.
pub(super) fn open(
    path: &Path,
    durability: Durability,
    create: bool,
) -> std::result::Result<Option<Connection>, Failure> {
    let Some(connection) = open_file(path, durability, create)? else { return Ok(None) };
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // The file may be what somebody else made, and must not run anything.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    let version = schema::check(&connection)?;
    if connection.is_readonly(MAIN_DB)? {
        // Otherwise requests that read would go well, and none that renews or saves.
        let refused = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        return Err(rusqlite::Error::SqliteFailure(refused, None).into());
    }
    connection.pragma_update(None, "cache_size", -CACHE)?;
    if version == 0 {
        // It takes effect before anything is in the database. It needs the lock of the writers, for which no reader waits.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if journal != "wal" {
        let detail = format!("its journal is {journal}, and its disk allows no write-ahead log");
        return Err(Error::unavailable(OPERATION).with_detail(detail).in_folder_of(path).into());
    }
    connection.pragma_update(None, "journal_size_limit", LARGEST_LOG)?;
    set_synchronous(&connection, durability)?;
    schema::prepare(&connection)?;
    Ok(Some(connection))
}

/// The connection, of which nothing is known yet.
fn open_file(
    path: &Path,
    durability: Durability,
    create: bool,
) -> std::result::Result<Option<Connection>, Failure> {
    let _opening = OPENING.of(Process::current()).lock().unwrap_or_else(PoisonError::into_inner);
    match fs::symlink_metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == IoKind::NotFound && !create => return Ok(None),
        Err(error) if error.kind() == IoKind::NotFound => make(path, durability)?,
        Err(error) => {
            return Err(Error::unavailable(OPERATION).with_source(error).in_folder_of(path).into());
        }
    }
    refuse_network(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Some(Connection::open_with_flags(path, flags)?))
}

/// Does `work` while no thread opens a database.
#[cfg(feature = "python")]
pub(super) fn while_none_is_opened(work: impl FnOnce()) {
    let _opening = OPENING.of(Process::current()).lock().unwrap_or_else(PoisonError::into_inner);
    work();
}

/// Has commits survive what `durability` says.
pub(super) fn set_synchronous(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let pragma = match durability {
        Durability::Process => "PRAGMA synchronous = OFF",
        Durability::Beaker => "PRAGMA synchronous = NORMAL",
        Durability::Full => "PRAGMA synchronous = FULL",
    };
    connection.prepare_cached(pragma)?.execute([]).map(drop)
}

/// Makes an empty file for this user alone; SQLite's own would be readable by others. The files beside it get its mode.
///
/// An existing file is never opened here: closing it would drop the locks that SQLite has on it.
fn make(path: &Path, durability: Durability) -> Result<()> {
    let failed = |error| Error::unavailable(OPERATION).with_source(error).in_folder_of(path);
    let folder = path.parent().unwrap_or(Path::new("/"));
    ensure_private_dir(folder)?;
    match OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path) {
        Ok(file) => {
            // A umask may have taken away what the owner needs.
            file.set_permissions(Permissions::from_mode(PRIVATE)).map_err(failed)?;
            if durability == Durability::Full { sync_with_names(folder).map_err(failed) } else { Ok(()) }
        }
        Err(error) if error.kind() == IoKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// The log and its index need memory that processes of one machine share, and locks that network file systems do not
/// keep: the database would be damaged.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn refuse_network(path: &Path) -> Result<()> {
    // From the kernel's `magic.h`: AFS, CIFS, Coda, NFS, NCP, SMB, SMB 2, 9P and CephFS. The last is Lustre's.
    const NETWORK: [u64; 10] = [
        0x5346_414f,
        0xff53_4d42,
        0x7375_7245,
        0x6969,
        0x564c,
        0x517b,
        0xfe53_4d42,
        0x0102_1997,
        0x00c3_6400,
        0x0bd0_0bd0,
    ];
    let kind = rustix::fs::statfs(path).map(|found| found.f_type as u64 & 0xffff_ffff);
    if kind.is_ok_and(|kind| NETWORK.contains(&kind)) {
        return Err(Error::unavailable(OPERATION)
            .with_detail(
                "it is on a network file system, where SQLite's log does not work; give the path of a local disk, or \
                 use type = file or a server",
            )
            .in_folder_of(path));
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn refuse_network(_path: &Path) -> Result<()> {
    Ok(())
}
