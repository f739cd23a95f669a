//! The primary of a service, as Redis Sentinels name it.
//!
//! The steps are those of Redis's guidelines for clients of Sentinel: ask one sentinel after the other, connect to the server
//! that it names, and ask that for its role, since a sentinel may name a server that has just become a replica.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::{Client, Connection, cmd};

use super::limits::Limits;
use super::replies;
use super::trouble;
use crate::error::{Error, Result};

/// The sentinels that watch over a service.
pub(super) struct Sentinels {
    service: String,
    clients: Vec<Client>,
    /// The number of the one to ask first: the last that led to a primary.
    first: AtomicUsize,
}

impl fmt::Debug for Sentinels {
    /// Without users and passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = |client: &Client| client.get_connection_info().addr().to_string();
        f.debug_struct("Sentinels")
            .field("service", &self.service)
            .field("addresses", &self.clients.iter().map(address).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Sentinels {
    pub(super) fn new(service: String, clients: Vec<Client>) -> Self {
        Self { service, clients, first: AtomicUsize::new(0) }
    }

    /// A connection to the primary, which `connect` makes from a host and a port.
    ///
    /// # Errors
    /// `Unavailable` if no sentinel leads to a primary. The error is that of the sentinel that led furthest.
    pub(super) fn primary(
        &self,
        limits: Limits,
        operation: &'static str,
        connect: impl Fn(String, u16) -> Result<Connection>,
    ) -> Result<Connection> {
        let first = self.first.load(Ordering::Relaxed);
        let mut furthest: Option<(usize, Error)> = None;
        let count = self.clients.len();
        for number in (first..count).chain(0..first) {
            let Some(sentinel) = self.clients.get(number) else { break };
            let (step, error) = match self.ask(sentinel, limits, operation) {
                Err(error) => (0, error),
                Ok(None) => (1, Error::unavailable(operation).with_detail(self.is_unknown())),
                Ok(Some((host, port))) => {
                    match connect(host, port).and_then(|it| primary(it, limits, operation)) {
                        Err(error) => (2, error),
                        Ok(connection) => {
                            self.first.store(number, Ordering::Relaxed);
                            return Ok(connection);
                        }
                    }
                }
            };
            if furthest.as_ref().is_none_or(|(before, _)| *before <= step) {
                furthest = Some((step, error));
            }
        }
        Err(furthest.map_or_else(|| Error::unavailable(operation), |(_, error)| error))
    }

    fn is_unknown(&self) -> String {
        format!("no sentinel knows the service {}; name another as service_name", self.service)
    }

    /// The address of the primary. `None` if the sentinel does not know the service.
    fn ask(
        &self,
        sentinel: &Client,
        limits: Limits,
        operation: &'static str,
    ) -> Result<Option<(String, u16)>> {
        let asked = limits.connection(sentinel).and_then(|mut connection| {
            cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service).query(&mut connection)
        });
        asked.map_err(|error| trouble::of_sentinel(&error, limits.connect_timeout, operation))
    }
}

/// The connection, if its server is a primary.
fn primary(mut connection: Connection, limits: Limits, operation: &'static str) -> Result<Connection> {
    let role = cmd("ROLE").query(&mut connection);
    let role = role.map_err(|error| trouble::of_opening(&error, limits.operation_timeout, operation))?;
    match replies::role(role).as_deref() {
        Some(b"master") => Ok(connection),
        _ => Err(Error::unavailable(operation)
            .with_detail("the sentinels name a server that is no primary; they may be choosing another")),
    }
}
