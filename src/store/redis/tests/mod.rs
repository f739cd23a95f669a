//! What is said of Redis alone; the laws of every store run here too, on a real server.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

mod aging;
mod fake;
mod locks;
mod replies;
mod sentinels;
mod shapes;
mod trouble;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use redis::{Value, cmd};

use super::*;
use crate::id::{SessionId, StoreKey};
use crate::store::laws::server::Server;
use crate::store::laws::{Fixture, laws, lock_laws};
use crate::store::{Call, Expect, Record, Store, Version, Write, Written};

const NOW: f64 = 1_000_000.0;
const WAIT: Duration = Duration::from_secs(30);

/// The server that tests share, each with a database of its own.
static SHARED: LazyLock<Option<Server>> = LazyLock::new(|| start(&["--databases", "10000"]));
static DATABASE: AtomicUsize = AtomicUsize::new(0);

fn start(more: &[&str]) -> Option<Server> {
    Server::start("redis-server", arguments(more))
}

fn start_at(port: u16) -> Option<Server> {
    Server::start_at(port, "redis-server", arguments(&[]))
}

fn arguments<'a>(more: &'a [&str]) -> impl Fn(u16, &Path) -> Vec<String> + use<'a> {
    move |port, _folder| {
        let port = port.to_string();
        ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            .into_iter()
            .chain(more.iter().copied())
            .map(str::to_owned)
            .collect()
    }
}

/// A database of the shared server, and a store in it.
struct Home {
    client: Arc<RedisClient>,
    store: Arc<RedisStore>,
}

impl Home {
    fn new() -> Option<Self> {
        Self::with("", Keys::default())
    }

    /// One with more options in its URL.
    fn with(options: &str, keys: Keys) -> Option<Self> {
        let server = SHARED.as_ref()?;
        let database = DATABASE.fetch_add(1, Ordering::Relaxed);
        Some(Self::at(&format!("redis://127.0.0.1:{}/{database}?{options}", server.port), keys))
    }

    fn at(url: &str, keys: Keys) -> Self {
        let client = Arc::new(RedisClient::new(Address::parse(url, Limits::default()).unwrap()));
        Self { store: Arc::new(RedisStore::new(Arc::clone(&client), keys)), client }
    }

    /// The reply to a command, whose parts are divided by spaces.
    fn command(&self, text: &str) -> Value {
        let mut request = cmd(text.split(' ').next().unwrap());
        request.arg(text.split(' ').skip(1).collect::<Vec<_>>());
        self.client.request("run a command", &request, Effect::Change, WAIT, Some).unwrap()
    }

    fn number(&self, text: &str) -> i64 {
        match self.command(text) {
            Value::Int(number) => number,
            other => unreachable!("{other:?}"),
        }
    }

    fn write(&self, key: &StoreKey, data: &[u8], ttl: Option<Duration>) -> Version {
        let write = Write::new(key, data, Expect::Any).lasting(ttl);
        match self.store.write(&write, &Call::at(NOW)).unwrap() {
            Written::Stored(version) => version,
            Written::Refused => unreachable!("nothing was expected"),
        }
    }

    fn load(&self, key: &StoreKey) -> Option<Record> {
        self.store.load(key, &Call::at(NOW)).unwrap()
    }
}

fn new_key() -> StoreKey {
    SessionId::generate().into()
}

fn fixture() -> Option<Fixture> {
    let home = Home::new()?;
    let aging = aging::Aging::new(Arc::clone(&home.store), Arc::clone(&home.client));
    Some(Fixture::new(Arc::new(aging), move || usize::try_from(home.number("DBSIZE")).unwrap()))
}

laws!(fixture);
lock_laws!(fixture);
