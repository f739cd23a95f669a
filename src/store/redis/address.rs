//! The address of a server, as a URL of redis-py says it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, RedisResult};

use super::tls::Tls;
use super::url::{Parts, invalid, is_true};
use crate::error::Result;

const DEFAULT_PORT: u16 = 6379;

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

/// The address of a server, and how to talk to it.
#[derive(Clone)]
pub struct Address {
    client: Client,
    /// The name of the connections in the server's list of its clients.
    pub(super) client_name: Option<String>,
    pub(super) connect_timeout: Duration,
    pub(super) operation_timeout: Duration,
    /// For how long an idle connection is used again without asking whether the server still has it.
    pub(super) health_check_interval: Duration,
    pub(super) max_connections: Option<usize>,
}

impl fmt::Debug for Address {
    /// Without the user and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.client.get_connection_info();
        f.debug_struct("Address")
            .field("server", &info.addr().to_string())
            .field("db", &info.redis_settings().db())
            .finish()
    }
}

impl Address {
    /// The address in `url`. Its options mean what they mean to redis-py; `limits` are for what it leaves out.
    ///
    /// # Errors
    /// `Invalid` if the URL is none of a server, or if it has an option that is not known here.
    pub fn parse(url: &str, limits: Limits) -> Result<Self> {
        let parts = Parts::of(url)?;
        let is_tls = match &*parts.scheme {
            "redis" | "valkey" | "unix" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(invalid("it must begin with redis://, rediss:// or unix://")),
        };
        let is_unix = parts.scheme == "unix";
        let mut draft = Draft::new(limits, &parts, is_unix)?;
        let mut tls = Tls::default();
        let mut known: Vec<&str> = Vec::new();
        for (name, value) in &parts.query {
            if known.contains(&&**name) {
                continue;
            }
            known.push(name);
            if name.starts_with("ssl_") && !is_tls {
                return Err(invalid(format!("the option {name} needs rediss://")));
            }
            if !tls.set(name, value)? && !draft.set(name, value)? {
                return Err(invalid(format!(
                    "the option {name} is not supported; remove it, or pass a redis.Redis object as url"
                )));
            }
        }
        draft.finish(parts, is_tls.then_some(tls))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

/// What is known of an address while its options are read.
struct Draft {
    settings: RedisConnectionInfo,
    tcp: TcpSettings,
    client_name: Option<String>,
    limits: Limits,
    health_check_interval: Duration,
    max_connections: Option<usize>,
}

impl Draft {
    fn new(limits: Limits, parts: &Parts, is_unix: bool) -> Result<Self> {
        let mut settings = RedisConnectionInfo::default();
        let db = parts.path.replace('/', "");
        if !is_unix && !db.is_empty() {
            settings = settings.set_db(whole("database number in the path", &db)?);
        }
        Ok(Self {
            settings,
            tcp: TcpSettings::default().set_nodelay(true),
            client_name: None,
            limits,
            health_check_interval: Duration::from_secs(1),
            max_connections: None,
        })
    }

    /// Takes an option. `false` if it is not known.
    fn set(&mut self, name: &str, value: &str) -> Result<bool> {
        let settings = || self.settings.clone();
        match name {
            "db" => self.settings = settings().set_db(whole(name, value)?),
            "username" => self.settings = settings().set_username(value),
            "password" => self.settings = settings().set_password(value),
            "protocol" => {
                self.settings = settings().set_protocol(match value {
                    "2" => ProtocolVersion::RESP2,
                    "3" => ProtocolVersion::RESP3,
                    _ => return Err(invalid("the option protocol must be 2 or 3")),
                });
            }
            "client_name" => self.client_name = Some(value.to_owned()),
            "socket_timeout" => self.limits.operation_timeout = seconds(name, value)?,
            "socket_connect_timeout" => self.limits.connect_timeout = seconds(name, value)?,
            "socket_keepalive" => {
                if is_true(value) {
                    self.tcp = self.tcp.clone().set_keepalive(TcpKeepalive::new());
                }
            }
            "health_check_interval" => self.health_check_interval = seconds(name, value)?,
            "max_connections" => {
                let most: usize = whole(name, value)?;
                if most == 0 {
                    return Err(invalid("the option max_connections must be at least 1"));
                }
                self.max_connections = Some(most);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self, parts: Parts, tls: Option<Tls>) -> Result<Address> {
        let mut settings = self.settings;
        if let Some(username) = parts.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = parts.password {
            settings = settings.set_password(password);
        }
        let host = if parts.host.is_empty() { "localhost".to_owned() } else { parts.host };
        let port = parts.port.unwrap_or(DEFAULT_PORT);
        let address = match tls {
            Some(tls) => tls.address(host, port)?,
            None if parts.scheme == "unix" && parts.path.is_empty() => {
                return Err(invalid("unix:// needs the path of a socket"));
            }
            None if parts.scheme == "unix" => ConnectionAddr::Unix(PathBuf::from(parts.path)),
            None => ConnectionAddr::Tcp(host, port),
        };
        let info = address.into_connection_info().map(|info| {
            info.set_redis_settings(settings.set_lib_name("beaker-rs", env!("CARGO_PKG_VERSION")))
                .set_tcp_settings(self.tcp)
        });
        Ok(Address {
            client: client(info.and_then(Client::open))?,
            client_name: self.client_name,
            connect_timeout: self.limits.connect_timeout,
            operation_timeout: self.limits.operation_timeout,
            health_check_interval: self.health_check_interval,
            max_connections: self.max_connections,
        })
    }
}

fn client(client: RedisResult<Client>) -> Result<Client> {
    client.map_err(|_| invalid("it names no server"))
}

fn whole<T: std::str::FromStr>(name: &str, value: &str) -> Result<T> {
    value.trim().parse().map_err(|_| invalid(format!("the {name} must be a whole number")))
}

fn seconds(name: &str, value: &str) -> Result<Duration> {
    let seconds = value.trim().parse().ok().and_then(|value| Duration::try_from_secs_f64(value).ok());
    seconds
        .filter(|seconds| !seconds.is_zero())
        .ok_or_else(|| invalid(format!("the option {name} must be a number of seconds greater than 0")))
}

#[cfg(test)]
#[path = "tests/addresses.rs"]
mod tests;
