//! The time limits of a connection.

use std::time::Duration;

use redis::{Client, Connection, RedisResult};

/// The time limits of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For opening a connection.
    pub connect_timeout: Duration,
    /// For each wait for the server.
    pub operation_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), operation_timeout: Duration::from_secs(5) }
    }
}

impl Limits {
    /// A connection with these limits.
    pub(super) fn connection(self, client: &Client) -> RedisResult<Connection> {
        let connection = client.get_connection_with_timeout(self.connect_timeout)?;
        connection.set_read_timeout(Some(self.operation_timeout))?;
        connection.set_write_timeout(Some(self.operation_timeout))?;
        Ok(connection)
    }
}
