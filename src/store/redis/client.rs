//! Requests to a server, over the connections of this process.

use std::fmt;
use std::time::Duration;

use redis::{Cmd, Connection, ErrorKind as Kind, RedisError, ServerError, Value, cmd};

use super::address::Address;
use super::pool::Pool;
use super::replies;
use super::scripts::Script;
use super::trouble;
use crate::error::{Error, Result};
use crate::fork::{ForkLocal, Process};

/// A server, and the connections to it. Nothing is opened before the first request, and a forked process opens its own.
pub struct RedisClient {
    address: Address,
    pools: ForkLocal<Pool>,
}

/// What a request does to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, or the same a second time: it may be sent again where the reply was lost.
    Repeatable,
    /// A change that must not be made twice.
    Change,
}

/// What the server says to a request.
type Answer<T> = std::result::Result<T, ServerError>;

/// Says which step failed, for the caller may repeat it.
struct Failed {
    error: RedisError,
    was_sent: bool,
}

impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClient").field("address", &self.address).finish()
    }
}

impl RedisClient {
    /// A client for the server at `address`.
    pub fn new(address: Address) -> Self {
        Self { address, pools: ForkLocal::default() }
    }

    /// The server's address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request and returns what `read` makes of the reply. A connection that has been idle may have been closed by
    /// the server: the request is then sent over a new one, if it was not sent or is repeatable.
    ///
    /// A reply of which `read` makes nothing is no reply to the request. The connection is closed, for every later reply
    /// would be that of another request, too.
    ///
    /// # Errors
    /// `Unavailable` if there is no connection or no reply, `Unknown` where the reply to a change was lost, `Busy` if
    /// `max_connections` were in use for as long as `wait`, `Corrupt` if the key has a value of the wrong type.
    pub fn request<T>(
        &self,
        operation: &'static str,
        request: &Cmd,
        effect: Effect,
        wait: Duration,
        read: impl Fn(Value) -> Option<T>,
    ) -> Result<T> {
        self.exchange(operation, &request.get_packed_command(), effect, wait, read)?
            .map_err(|error| trouble::of_server(&error, operation))
    }

    /// Runs a script, whose reply is a number. It is sent by its name, and whole where the server does not know it.
    pub(super) fn run(
        &self,
        operation: &'static str,
        script: &Script,
        keys: &[&[u8]],
        arguments: &[&[u8]],
        effect: Effect,
        wait: Duration,
    ) -> Result<i64> {
        let request = |command, script: &str| {
            let mut request = cmd(command);
            request.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            request
        };
        let by_name = request("EVALSHA", &script.name).get_packed_command();
        match self.exchange(operation, &by_name, effect, wait, replies::number)? {
            Err(error) if error.code() == "NOSCRIPT" => {
                self.request(operation, &request("EVAL", script.text), effect, wait, replies::number)
            }
            outcome => outcome.map_err(|error| trouble::of_server(&error, operation)),
        }
    }

    fn exchange<T>(
        &self,
        operation: &'static str,
        request: &[u8],
        effect: Effect,
        wait: Duration,
        read: impl Fn(Value) -> Option<T>,
    ) -> Result<Answer<T>> {
        let pool = self.pools.of(Process::current());
        loop {
            let Some((room, idle)) = pool.take(self.address.max_connections, wait) else {
                return Err(Error::busy(operation).with_detail("all max_connections are in use"));
            };
            let idle = idle.and_then(|idle| {
                let is_fresh = idle.since.elapsed() < self.address.health_check_interval;
                let mut connection = idle.connection;
                if is_fresh || is_in_order(&mut connection) {
                    return Some(connection);
                }
                // Those that have been idle for longer are no better.
                pool.clear();
                None
            });
            let was_idle = idle.is_some();
            let mut connection = idle.map_or_else(|| self.address.connect(operation), Ok)?;
            let failed = match exchange(&mut connection, request, &read) {
                Ok(Err(error)) if trouble::leads_elsewhere(&error) => {
                    pool.clear();
                    return Ok(Err(error));
                }
                Ok(answer) => {
                    room.keep(connection);
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            drop((connection, room));
            let is_repeatable = effect == Effect::Repeatable || !failed.was_sent;
            if !trouble::is_over_time(&failed.error) {
                pool.clear();
                if was_idle && is_repeatable {
                    continue;
                }
            }
            let limit = self.address.limits.operation_timeout;
            return Err(trouble::of_exchange(&failed.error, limit, operation, !is_repeatable));
        }
    }
}

/// Whether the server still has a connection, and owes it no reply.
fn is_in_order(connection: &mut Connection) -> bool {
    matches!(exchange(connection, &cmd("PING").get_packed_command(), replies::pong), Ok(Ok(())))
}

fn exchange<T>(
    connection: &mut Connection,
    request: &[u8],
    read: impl Fn(Value) -> Option<T>,
) -> std::result::Result<Answer<T>, Failed> {
    let failed = |was_sent| move |error| Failed { error, was_sent };
    connection.send_packed_command(request).map_err(failed(false))?;
    loop {
        match connection.recv_response().map_err(failed(true))? {
            // A server tells this to all of its clients. It answers nothing.
            Value::Push { .. } => {}
            Value::ServerError(error) => return Ok(Err(error)),
            reply => {
                let senseless =
                    || RedisError::from((Kind::UnexpectedReturnType, "it answers another request"));
                return read(reply).map(Ok).ok_or_else(senseless).map_err(failed(true));
            }
        }
    }
}
