//! The address of a server, as a URL of redis-py says it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, Connection, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisResult, cmd,
};

use super::limits::Limits;
use super::sentinel::Sentinels;
use super::tls::Tls;
use super::trouble;
use super::url::{BEGINNINGS, Parts, invalid, is_true};
use crate::error::Result;

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_SENTINEL_PORT: u16 = 26379;

/// The address of a server, and how to talk to it.
pub struct Address {
    /// Where there are sentinels, the first of them takes the place of the server, which is not known yet.
    client: Client,
    sentinels: Option<Sentinels>,
    /// The name of the connections in the server's list of its clients.
    pub(super) client_name: Option<String>,
    pub(super) limits: Limits,
    /// For how long an idle connection is used again without asking whether the server still has it.
    pub(super) health_check_interval: Duration,
    pub(super) max_connections: Option<usize>,
}

impl fmt::Debug for Address {
    /// Without the user and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.client.get_connection_info();
        let mut shown = f.debug_struct("Address");
        match &self.sentinels {
            Some(sentinels) => shown.field("sentinels", sentinels),
            None => shown.field("server", &info.addr().to_string()),
        };
        shown.field("db", &info.redis_settings().db()).finish()
    }
}

impl Address {
    /// The address in `url`. Its options mean what they mean to redis-py; `limits` are for what it leaves out.
    ///
    /// # Errors
    /// `Invalid` if the URL is none of a server, or if it has an option that is not known here.
    pub fn parse(url: &str, limits: Limits) -> Result<Self> {
        let parts = Parts::of(url)?;
        let (is_tls, is_sentinels) = match &*parts.scheme {
            "redis" | "valkey" | "unix" => (false, false),
            "rediss" | "valkeys" => (true, false),
            "redis+sentinel" | "valkey+sentinel" => (false, true),
            "rediss+sentinel" | "valkeys+sentinel" => (true, true),
            _ => return Err(invalid(BEGINNINGS)),
        };
        let mut draft = Draft::new(limits, &parts)?;
        let mut tls = Tls::default();
        let mut known: Vec<&str> = Vec::new();
        for (name, value) in &parts.query {
            if known.contains(&&**name) {
                continue;
            }
            known.push(name);
            if matches!(&**name, "service_name" | "sentinel_username" | "sentinel_password") && !is_sentinels
            {
                return Err(invalid(format!("the option {name} needs redis+sentinel://")));
            }
            if name.starts_with("ssl_") && !is_tls {
                return Err(invalid(format!("the option {name} needs rediss://")));
            }
            if !tls.set(name, value)? && !draft.set(name, value)? {
                return Err(invalid(format!(
                    "the option {name} is not supported; remove it, or pass a redis.Redis object as url"
                )));
            }
        }
        draft.finish(parts, is_tls.then_some(tls), is_sentinels)
    }

    /// The connection information of the server.
    #[cfg(test)]
    pub(super) fn info(&self) -> &redis::ConnectionInfo {
        self.client.get_connection_info()
    }

    /// A new connection to the server, which the sentinels name if there are some.
    ///
    /// # Errors
    /// `Unavailable` if there is none within `connect_timeout`, or if the server refuses it.
    pub(super) fn connect(&self, operation: &'static str) -> Result<Connection> {
        let limit = self.limits.connect_timeout;
        let open = |client: &Client| {
            let opened = self.limits.connection(client).and_then(|mut connection| {
                if let Some(name) = &self.client_name {
                    cmd("CLIENT").arg("SETNAME").arg(name).exec(&mut connection)?;
                }
                Ok(connection)
            });
            opened.map_err(|error| trouble::of_opening(&error, limit, operation))
        };
        let Some(sentinels) = &self.sentinels else { return open(&self.client) };
        sentinels.primary(self.limits, operation, |host, port| {
            let info = self.client.get_connection_info();
            let address = at(info.addr(), host, port);
            open(&client(Client::open(info.clone().set_addr(address)))?)
        })
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
    service_name: Option<String>,
    sentinel_settings: RedisConnectionInfo,
}

impl Draft {
    fn new(limits: Limits, parts: &Parts) -> Result<Self> {
        let mut settings = RedisConnectionInfo::default();
        let db = parts.path.replace('/', "");
        if parts.scheme != "unix" && !db.is_empty() {
            settings = settings.set_db(whole("database number in the path", &db)?);
        }
        Ok(Self {
            settings,
            tcp: TcpSettings::default().set_nodelay(true),
            client_name: None,
            limits,
            health_check_interval: Duration::from_secs(1),
            max_connections: None,
            service_name: None,
            sentinel_settings: RedisConnectionInfo::default(),
        })
    }

    /// Takes an option. `false` if it is not known.
    fn set(&mut self, name: &str, value: &str) -> Result<bool> {
        let settings = || self.settings.clone();
        let sentinel_settings = || self.sentinel_settings.clone();
        match name {
            "service_name" => self.service_name = Some(value.to_owned()),
            "sentinel_username" => self.sentinel_settings = sentinel_settings().set_username(value),
            "sentinel_password" => self.sentinel_settings = sentinel_settings().set_password(value),
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

    fn finish(self, parts: Parts, tls: Option<Tls>, is_sentinels: bool) -> Result<Address> {
        let mut settings = self.settings.set_lib_name("beaker-rs", env!("CARGO_PKG_VERSION"));
        if let Some(username) = parts.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = parts.password {
            settings = settings.set_password(password);
        }
        let default_port = if is_sentinels { DEFAULT_SENTINEL_PORT } else { DEFAULT_PORT };
        let mut places = parts.places.into_iter().map(|(host, port)| {
            (if host.is_empty() { "localhost".to_owned() } else { host }, port.unwrap_or(default_port))
        });
        let (host, port) = places.next().unwrap_or_else(|| ("localhost".to_owned(), default_port));
        let address = match tls {
            Some(tls) => tls.address(host, port)?,
            None if parts.scheme == "unix" && parts.path.is_empty() => {
                return Err(invalid("unix:// needs the path of a socket"));
            }
            None if parts.scheme == "unix" => ConnectionAddr::Unix(PathBuf::from(parts.path)),
            None => ConnectionAddr::Tcp(host, port),
        };
        let made = |address: ConnectionAddr, settings: &RedisConnectionInfo| {
            let info = address
                .into_connection_info()
                .map(|info| info.set_redis_settings(settings.clone()).set_tcp_settings(self.tcp.clone()));
            client(info.and_then(Client::open))
        };
        let others: Vec<_> = places.map(|(host, port)| at(&address, host, port)).collect();
        let sentinels = match self.service_name {
            _ if !is_sentinels && others.is_empty() => None,
            _ if !is_sentinels => {
                return Err(invalid(
                    "it must name one server; sentinels need redis+sentinel://, and a cluster type = ext:rediscluster",
                ));
            }
            None => {
                return Err(invalid("redis+sentinel:// needs service_name, as in ?service_name=mymaster"));
            }
            Some(service) => {
                let addresses = std::iter::once(address.clone()).chain(others);
                let clients = addresses.map(|address| made(address, &self.sentinel_settings));
                Some(Sentinels::new(service, clients.collect::<Result<_>>()?))
            }
        };
        Ok(Address {
            client: made(address, &settings)?,
            sentinels,
            client_name: self.client_name,
            limits: self.limits,
            health_check_interval: self.health_check_interval,
            max_connections: self.max_connections,
        })
    }
}

/// Another place that is talked to in the same way.
fn at(like: &ConnectionAddr, new_host: String, new_port: u16) -> ConnectionAddr {
    let mut address = like.clone();
    match &mut address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            (*host, *port) = (new_host, new_port);
        }
        _ => {}
    }
    address
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
