//! What the trouble of a server and of its connection means. Nothing here repeats what a server says of a command: its words
//! may show a key, which is a session id.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind as Kind, RedisError, ServerError};

use crate::error::{Error, ErrorKind};

/// What is wrong, by the code of a server's error.
const KNOWN: [(&str, &str); 15] = [
    ("LOADING", "the server is loading its data; try again when it has"),
    ("READONLY", "the server is a replica that is read-only; name the primary in the url"),
    ("OOM", "the server has no memory left; raise maxmemory or choose a maxmemory-policy that evicts"),
    ("MISCONF", "the server refuses changes because it cannot save to its disk; see its log"),
    ("NOAUTH", "the server wants a password; give the url a user and a password"),
    ("WRONGPASS", "the server does not accept the user and the password"),
    ("NOPERM", "the server does not allow this user the commands or the keys of sessions"),
    ("MASTERDOWN", "the server is a replica that has lost its primary"),
    ("MOVED", "the server is a node of a cluster, and another node has the key"),
    ("ASK", "the server is a node of a cluster, and another node has the key"),
    ("CROSSSLOT", "the server is a node of a cluster, which does not rotate in one step"),
    ("CLUSTERDOWN", "the cluster of the server is down"),
    ("TRYAGAIN", "the cluster of the server is moving keys; try again"),
    ("BUSY", "the server is busy with a script of another program"),
    ("NOREPLICAS", "the server has too few replicas to make a change"),
];

/// The error for an error that the server sent.
pub(super) fn of_server(error: &ServerError, operation: &'static str) -> Error {
    let code = code(error);
    if code == "WRONGTYPE" {
        return Error::corrupt(operation).with_detail("the key has a value that is no string");
    }
    let detail = meaning_of(code).unwrap_or_else(|| format!("the server answered with the error {code}"));
    Error::unavailable(operation).with_detail(detail)
}

fn meaning_of(code: &str) -> Option<String> {
    KNOWN.iter().find(|(known, _)| *known == code).map(|(_, meaning)| format!("{meaning} ({code})"))
}

/// Whether an error says that another server has to be asked, to which a new connection may lead: an address may be that of
/// the primary, whichever server that is.
pub(super) fn leads_elsewhere(error: &ServerError) -> bool {
    matches!(code(error), "READONLY" | "MASTERDOWN")
}

/// The code of an error. Servers before version 7 hide the code of a script's error in the text.
fn code(error: &ServerError) -> &str {
    let code = error.code();
    let is_script = |details: &&str| code == "ERR" && details.contains("@user_script");
    error
        .details()
        .filter(is_script)
        .and_then(|details| {
            let names = || details.split([' ', '-', ':']);
            let known = KNOWN.iter().map(|(known, _)| *known).chain(["WRONGTYPE"]);
            known.into_iter().find(|known| names().any(|name| name == *known))
        })
        .unwrap_or(code)
}

/// The error for a connection that could not be opened.
pub(super) fn of_opening(error: &RedisError, limit: Duration, operation: &'static str) -> Error {
    let unavailable = |detail: String| Error::unavailable(operation).with_detail(detail);
    match error.kind() {
        Kind::Io => match io_error(error) {
            Some(io) if is_timeout(&io) => {
                unavailable(format!("the server could not be reached within {limit:?}")).with_source(io)
            }
            Some(io) => unavailable("the server cannot be reached".to_owned()).with_source(io),
            None => unavailable(format!("the server cannot be reached: {error}")),
        },
        Kind::AuthenticationFailed => {
            unavailable("the server does not accept the user and the password".to_owned())
        }
        Kind::Server(_) | Kind::Extension => {
            let code = error.code().unwrap_or("ERR");
            // Its words may show the request, which has the password.
            let is_unknown = || error.detail().is_some_and(|words| words.starts_with("unknown command"));
            unavailable(match meaning_of(code) {
                Some(meaning) => meaning,
                None if is_unknown() => {
                    format!("the server does not know protocol=3; remove it from the url ({code})")
                }
                None => format!("the server refused the connection with the error {code}"),
            })
        }
        // The words of the parser would show what was sent.
        _ => unavailable(format!("the server does not answer as Redis does ({})", error.category())),
    }
}

/// The error for a sentinel that does not say where the primary is.
pub(super) fn of_sentinel(error: &RedisError, limit: Duration, operation: &'static str) -> Error {
    let failed = Error::unavailable(operation);
    match (io_error(error), error.code()) {
        (Some(io), _) if is_timeout(&io) => {
            failed.with_detail(format!("no sentinel answered within {limit:?}")).with_source(io)
        }
        (Some(io), _) => failed.with_detail("no sentinel can be reached").with_source(io),
        (None, Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => {
            failed.with_detail("the sentinel wants a sentinel_username and a sentinel_password in the url")
        }
        (None, Some(code)) => failed.with_detail(format!("the sentinel answered with the error {code}")),
        (None, None) => {
            failed.with_detail(format!("the sentinel does not answer as one does ({})", error.category()))
        }
    }
}

/// The error for a connection that broke. `may_be_done` says that the server may have made a change.
pub(super) fn of_exchange(
    error: &RedisError,
    limit: Duration,
    operation: &'static str,
    may_be_done: bool,
) -> Error {
    let kind = if may_be_done { ErrorKind::Unknown } else { ErrorKind::Unavailable };
    let failed = Error::new(kind, operation);
    match io_error(error) {
        Some(io) if is_timeout(&io) => {
            failed.with_detail(format!("the server did not answer within {limit:?}")).with_source(io)
        }
        Some(io) => failed.with_detail("the connection to the server broke").with_source(io),
        None => failed.with_detail(format!("the reply of the server makes no sense ({})", error.category())),
    }
}

/// Whether the time was over.
pub(super) fn is_over_time(error: &RedisError) -> bool {
    io_error(error).is_some_and(|io| is_timeout(&io))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// The system's error that is the cause.
fn io_error(error: &RedisError) -> Option<io::Error> {
    let source = error.source()?;
    let shared = source.downcast_ref::<Arc<dyn StdError + Send + Sync>>();
    let io = shared.map_or_else(|| source.downcast_ref(), |shared| shared.downcast_ref::<io::Error>())?;
    // A timeout of a socket shows as "resource temporarily unavailable".
    if is_timeout(io) {
        return Some(io::ErrorKind::TimedOut.into());
    }
    Some(
        io.raw_os_error()
            .map_or_else(|| io::Error::new(io.kind(), io.to_string()), io::Error::from_raw_os_error),
    )
}
