//! The servers of a store, and which of them has a key: as python-memcached decides it.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;

use flate2::Crc;

use crate::error::{Error, Result};

/// The port of a server that is named without one.
const PORT: u16 = 11211;

/// The most buckets, that is servers times weights. The hash has no more values.
const MOST_BUCKETS: usize = 0x7fff;

/// Where a server listens.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// A host and a port, of this family of addresses alone if one is given, and the user and password that the server
    /// wants.
    Tcp { host: String, port: u16, family: Option<Family>, login: Option<Login> },
    /// A socket in the file system.
    #[cfg(unix)]
    Unix(PathBuf),
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    V4,
    V6,
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Login {
    pub(super) name: String,
    pub(super) password: String,
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (name, password) = text.split_once(':')?;
        let is_word = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_control() || c == ' ');
        (is_word(name) && is_word(password))
            .then(|| Self { name: name.to_owned(), password: password.to_owned() })
    }
}

impl Address {
    /// Reads `host`, `host:port`, `inet:host:port`, `inet6:[address]:port` or `unix:/path`. Before a host may be
    /// `name:password@`.
    fn parse(text: &str) -> Option<Self> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:") {
            return (!path.is_empty()).then(|| Self::Unix(path.into()));
        }
        let (login, text) = match text.rsplit_once('@') {
            Some((login, text)) => (Some(Login::parse(login)?), text),
            None => (None, text),
        };
        if let Some(rest) = text.strip_prefix("inet6:[") {
            let (host, port) = rest.split_once(']')?;
            let is_host = !host.is_empty() && !host.contains('[');
            return is_host.then(|| Self::tcp(host, port, Some(Family::V6), login))?;
        }
        let (rest, family) = match text.strip_prefix("inet:") {
            Some(rest) => (rest, Some(Family::V4)),
            None => (text, None),
        };
        let end = rest.find(':').unwrap_or(rest.len());
        let (host, port) = rest.split_at_checked(end)?;
        let is_host = !host.is_empty() && !host.contains(|character: char| character.is_whitespace());
        is_host.then(|| Self::tcp(host, port, family, login))?
    }

    /// `port` is empty or begins with a colon.
    fn tcp(host: &str, port: &str, family: Option<Family>, login: Option<Login>) -> Option<Self> {
        let port = match port {
            "" => PORT,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Self::Tcp { host: host.to_owned(), port, family, login })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl fmt::Display for Address {
    /// Without the user and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The servers of a store, in the order in which they are named: another order is another place for most keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Servers {
    addresses: Vec<Address>,
    /// Each server as often as its weight says.
    buckets: Vec<usize>,
}

impl Servers {
    /// Reads the names of servers with their weights.
    ///
    /// # Errors
    /// `Invalid` if there are none, or if one of them is no name of a server or has a weight of 0.
    pub fn new<'a>(named: impl IntoIterator<Item = (&'a str, usize)>) -> Result<Self> {
        let (mut addresses, mut buckets) = (Vec::new(), Vec::new());
        for (number, (name, weight)) in named.into_iter().enumerate() {
            // The name is not shown: a part of it may be a password.
            let address = Address::parse(name.trim()).ok_or_else(|| {
                Error::invalid(
                    "url must name memcached servers as host:port, inet6:[address]:port or unix:/path, \
                     with ; between them",
                )
                .with_detail(format!("name {} of them is none of these", number + 1))
            })?;
            if weight == 0 || buckets.len().saturating_add(weight) > MOST_BUCKETS {
                return Err(Error::invalid(
                    "the weight of a memcached server must be a number from 1 on, and all together 32767 at the most",
                )
                .with_detail(format!("got {weight} for {address}")));
            }
            buckets.extend(std::iter::repeat_n(addresses.len(), weight));
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(Error::invalid("url must name a memcached server, as in 127.0.0.1:11211"));
        }
        Ok(Self { addresses, buckets })
    }

    /// The number of the server that has `key`.
    pub(super) fn of(&self, key: &str) -> usize {
        let mut crc = Crc::new();
        crc.update(key.as_bytes());
        let hash = ((crc.sum() >> 16) & 0x7fff) as usize;
        self.buckets.get(hash % self.buckets.len()).copied().unwrap_or_default()
    }

    /// The address of a server by its number.
    pub(super) fn address(&self, number: usize) -> Option<&Address> {
        self.addresses.get(number)
    }

    /// How many servers there are.
    pub fn count(&self) -> usize {
        self.addresses.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;

    fn tcp(host: &str, port: u16, family: Option<Family>) -> Address {
        Address::Tcp { host: host.to_owned(), port, family, login: None }
    }

    #[test]
    fn servers_are_named_as_for_python_memcached() {
        for (name, address) in [
            ("127.0.0.1:11212", tcp("127.0.0.1", 11212, None)),
            ("cache.example.org", tcp("cache.example.org", 11211, None)),
            ("inet:localhost:1", tcp("localhost", 1, Some(Family::V4))),
            ("inet6:[::1]", tcp("::1", 11211, Some(Family::V6))),
            ("inet6:[fe80::1]:65535", tcp("fe80::1", 65535, Some(Family::V6))),
            #[cfg(unix)]
            ("unix:/run/memcached/socket", Address::Unix("/run/memcached/socket".into())),
        ] {
            let servers = Servers::new([(name, 1)]).unwrap();
            assert_eq!(servers.address(0), Some(&address));
            assert_eq!(servers.count(), 1);
        }
    }

    #[test]
    fn a_user_and_a_password_may_be_before_the_host() {
        let servers = Servers::new([("me:p@ss:word@host:1", 1), ("me:pw@inet6:[::1]:2", 1)]).unwrap();
        let Some(Address::Tcp { host, port, login: Some(login), .. }) = servers.address(0) else {
            unreachable!()
        };
        assert_eq!((&**host, *port, &*login.name, &*login.password), ("host", 1, "me", "p@ss:word"));
        assert_eq!(
            format!("{servers:?}"),
            "Servers { addresses: [Address(host:1), Address([::1]:2)], buckets: [0, 1] }"
        );
        for name in [
            "me@secret:",
            "secret word:x@host",
            "me:secret@host:x",
            ":secret@host",
            "me:secret:host",
            "me:secret",
            "me:a@secret:host",
        ] {
            let error = Servers::new([("host", 1), (name, 1)]).unwrap_err().to_string();
            assert!(error.contains("name 2 ") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_names_no_server_is_refused() {
        for name in
            ["", "host:", "host:x", "host:70000", "::1", "unix:", "inet6:::1", "inet6:[]", "a b", "redis://x"]
        {
            assert!(Servers::new([(name, 1)]).is_err(), "{name}");
        }
        assert!(Servers::new([]).is_err());
        for weight in [0, 40_000, usize::MAX] {
            assert!(Servers::new([("a", 1), ("b", weight)]).is_err(), "{weight}");
        }
    }

    /// The numbers are those of python-memcached 1.62.
    #[test]
    fn a_key_is_on_the_server_where_python_memcached_has_it() {
        let three = Servers::new([("a", 1), ("b", 1), ("c", 1)]).unwrap();
        let weighted = Servers::new([("a", 1), ("b", 3), ("c", 2)]).unwrap();
        for (key, [plain, by_weight]) in KEYS {
            assert_eq!((three.of(key), weighted.of(key)), (plain, by_weight), "{key}");
        }
    }

    const KEYS: [(&str, [usize; 2]); 7] = [
        ("0123456789abcdef0123456789abcdef_session", [0, 0]),
        ("ffffffffffffffffffffffffffffffff_session", [2, 2]),
        ("user.progress_session", [2, 2]),
        ("aÂ·b_session", [1, 2]),
        ("x_session", [2, 1]),
        ("café_session", [2, 1]),
        ("k2905_session", [0, 0]),
    ];
}
