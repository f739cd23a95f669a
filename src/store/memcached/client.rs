//! The connections of a process to the servers.

use std::fmt;
use std::time::{Duration, Instant};

use super::connection::{Connection, Failure};
use super::protocol::{self, Reply, Request};
use super::servers::{Address, Login, Servers};
use crate::error::{Error, ErrorKind, Result};
use crate::fork::{ForkLocal, Process};
use crate::store::idle::{LONGEST_IDLE, take_outdated};
use crate::sync::{Mutex, lock};

/// The most idle connections of a process.
const MOST_IDLE: usize = 256;

/// Larger items are measured by the server's own limit before they are sent: a server that refuses an item removes
/// the one that was there.
const SURELY_SMALL: usize = 16_384;

/// What an item takes beside its key and value, at the most.
const ITEM_OVERHEAD: usize = 128;

/// How a client reaches the servers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The servers.
    pub servers: Servers,
    /// The longest time for making a connection.
    pub connect_timeout: Duration,
    /// The longest time for one request and its reply.
    pub operation_timeout: Duration,
}

/// The idle connections of one process, each with its server and the time since which it is idle.
#[derive(Default)]
struct Idle(Mutex<Vec<(usize, Instant, Connection)>>);

/// Sends requests to the servers. Connections are made when they are needed; a forked process makes its own.
pub struct Client {
    access: Access,
    idle: ForkLocal<Idle>,
}

impl fmt::Debug for Client {
    /// Without what the connections have received.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.access).finish()
    }
}

impl Client {
    /// A client without a connection.
    pub fn new(access: Access) -> Self {
        Self { access, idle: ForkLocal::default() }
    }

    /// How it reaches the servers.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Sends a request to the server that has `key`.
    ///
    /// # Errors
    /// `Unavailable` if the server cannot be reached, does not answer or refuses; `Unknown` if it may have made a change
    /// whose reply was lost.
    pub(super) fn ask(&self, key: &str, request: &Request, operation: &'static str) -> Result<Reply> {
        let server = self.access.servers.of(key);
        self.with_connection(server, operation, request.is_change, |connection| {
            connection.exchange(&request.bytes)
        })
    }

    /// Removes everything from all servers.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), by the first server that fails.
    pub(super) fn flush(&self, operation: &'static str) -> Result<()> {
        (0..self.access.servers.count()).try_for_each(|server| {
            self.with_connection(server, operation, true, |connection| {
                connection.command(b"flush_all\r\n", "OK")
            })
        })
    }

    /// # Errors
    /// `Unsupported` if the server takes no item as large as this; those of [`ask`](Self::ask).
    pub(super) fn check_size(&self, key: &str, value: &[u8], operation: &'static str) -> Result<()> {
        let size = value.len().saturating_add(key.len() + ITEM_OVERHEAD);
        if size <= SURELY_SMALL {
            return Ok(());
        }
        let server = self.access.servers.of(key);
        let most = self.with_connection(server, operation, false, Connection::largest)?;
        if size as u64 <= most {
            return Ok(());
        }
        Err(Error::unsupported(operation).with_detail(format!(
            "it takes {size} bytes, and memcached at {} takes {most} at the most: keep less in the session, or start \
             memcached with a larger -I",
            self.address(server)
        )))
    }

    /// Runs `work` on a connection to a server, and keeps the connection for the next call unless `work` failed. The
    /// server may be closing a connection that was idle: then `work` is run again on a new one, if that is safe.
    fn with_connection<T>(
        &self,
        server: usize,
        operation: &'static str,
        is_change: bool,
        work: impl Fn(&mut Connection) -> std::result::Result<T, Failure>,
    ) -> Result<T> {
        let idle = self.idle.of(Process::current());
        let failure = loop {
            let taken = idle.take(server);
            let was_idle = taken.is_some();
            let connection = taken.map_or_else(|| self.connect(server), Ok);
            let worked = connection.and_then(|mut connection| Ok((work(&mut connection)?, connection)));
            match worked {
                Ok((outcome, connection)) => {
                    idle.give(server, connection);
                    return Ok(outcome);
                }
                // What happened to this connection may have happened to the others.
                Err(failure) if was_idle && failure.is_repeatable(is_change) => idle.forget(server),
                Err(failure) => break failure,
            }
        };
        let at = format!("memcached at {}", self.address(server));
        let kind = match failure {
            Failure::NoReply(_) if is_change => ErrorKind::Unknown,
            _ => ErrorKind::Unavailable,
        };
        let error = Error::new(kind, operation);
        Err(match failure {
            Failure::Refused(words) => error.with_detail(format!("{at} says {words}")),
            Failure::NotSent(cause) | Failure::NoReply(cause) => {
                idle.forget(server);
                error.with_detail(at).with_source(cause)
            }
        })
    }

    fn connect(&self, server: usize) -> std::result::Result<Connection, Failure> {
        let Access { servers, connect_timeout, operation_timeout } = &self.access;
        let opened = match servers.address(server) {
            Some(address) => Connection::open(address, *connect_timeout, *operation_timeout),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        let mut connection = opened.map_err(Failure::NotSent)?;
        if let Some(Address::Tcp { login: Some(Login { name, password }), .. }) = servers.address(server) {
            connection.command(&protocol::login(name, password), "STORED").map_err(Failure::before)?;
        }
        Ok(connection)
    }

    fn address(&self, server: usize) -> String {
        self.access.servers.address(server).map(Address::to_string).unwrap_or_default()
    }
}

impl Idle {
    /// The connection that was used last, if one is still good.
    fn take(&self, server: usize) -> Option<Connection> {
        loop {
            let (since, connection) = {
                let mut idle = lock(&self.0);
                let at = idle.iter().rposition(|(of, ..)| *of == server)?;
                let (_, since, connection) = idle.remove(at);
                (since, connection)
            };
            if since.elapsed() <= LONGEST_IDLE && connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next call, and closes those that have been idle for too long.
    fn give(&self, server: usize, connection: Connection) {
        let _outdated: Vec<_> = {
            let mut idle = lock(&self.0);
            let now = Instant::now();
            let outdated = take_outdated(&mut idle, now, |(_, since, _)| *since);
            if idle.len() < MOST_IDLE {
                idle.push((server, now, connection));
            }
            outdated
        };
    }

    fn forget(&self, server: usize) {
        let mut idle = lock(&self.0);
        idle.retain(|(of, ..)| *of != server);
    }
}
