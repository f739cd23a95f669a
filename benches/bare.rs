//! What a store on a server costs beside its own commands: `cargo bench --no-default-features --bench bare -- URL…`.
//!
//! A URL is `redis://host:port/database` or `memcached://host:port`. The commands of the store are recorded on their way to the
//! server and then sent again: to Redis by the same client, to memcached by a plain socket. Each is sent where the server
//! makes the change, as it does for the store: the requests of a pair undo one another, and memcached's token is the one of
//! the value that is there. Both take turns in one run.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "it prints what it measures, or fails"
)]

use std::io::{self, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use beaker_core::error::{Error, Result};
use beaker_core::id::{SessionId, StoreKey};
use beaker_core::store::memcached::{Access, Client, Flavour, Servers};
use beaker_core::store::redis::{Address, Keys, Limits, RedisClient};
use beaker_core::store::{Call, Expect, MemcachedStore, Patch, RedisStore, Renewal, Store, Write, Written};

const NOW: f64 = 1_700_000_000.0;
const ROUNDS: usize = 100;
/// Of each kind in a round.
const PAIRS: usize = 100;
const TEXT: usize = 300;
/// The place of the access time in the text, and its values.
const OFFSET: usize = 40;
const TIMES: [&[u8]; 2] = [b"123456789012", b"abcdefghijkl"];

/// The requests of a visit that only reads, or of one that also writes.
#[derive(Clone, Copy)]
enum Visit {
    Read,
    Written,
}

impl Visit {
    const ALL: [(&'static str, Self); 2] = [("read", Self::Read), ("written", Self::Written)];
}

/// A session that is visited. Each second visit leaves it as it was.
struct Visited<'a> {
    store: &'a dyn Store,
    key: StoreKey,
}

impl Visited<'_> {
    fn text(time: &[u8]) -> Vec<u8> {
        let mut text = vec![b'a'; TEXT];
        text.splice(OFFSET..OFFSET + time.len(), time.iter().copied());
        text
    }

    fn visit(&self, visit: Visit, number: usize) -> Result<()> {
        let call = Call::at(NOW);
        let time = TIMES[(number + 1) % 2];
        let record = self.store.load(&self.key, &call)?.ok_or_else(|| failed("no session"))?;
        let is_done = match visit {
            Visit::Read => {
                let renewal = Renewal { key: &self.key, version: record.version, ttl: None };
                self.store.patch(&Patch { renewal, offset: OFFSET, bytes: time, loaded: None }, &call)?
            }
            Visit::Written => {
                let text = Self::text(time);
                let expect = Expect::Version(record.version);
                let write = Write { key: &self.key, data: &text, ttl: None, expect };
                matches!(self.store.write(&write, &call)?, Written::Stored(_))
            }
        };
        if is_done { Ok(()) } else { Err(failed("no change")) }
    }
}

fn failed(what: &'static str) -> Error {
    Error::invalid("measure a store").with_detail(what)
}

fn io_failed(error: io::Error) -> Error {
    failed("a socket fails").with_source(error)
}

/// What a client has sent to a server, each request a piece.
type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// Listens on a port, passes on what comes to a server, and keeps it.
fn listen(server: String) -> io::Result<(u16, Heard)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (port, heard) = (listener.local_addr()?.port(), Heard::default());
    let kept = Arc::clone(&heard);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client?, TcpStream::connect(&server)?);
            let (to_server, to_client) = (server.try_clone()?, client.try_clone()?);
            let kept = Arc::clone(&kept);
            thread::spawn(move || pass(client, to_server, |piece| locked(&kept).push(piece.to_vec())));
            thread::spawn(move || pass(server, to_client, |_| {}));
        }
        io::Result::Ok(())
    });
    Ok((port, heard))
}

fn pass(mut from: TcpStream, mut to: TcpStream, keep: impl Fn(&[u8])) -> io::Result<()> {
    let mut buffer = [0; 1 << 16];
    loop {
        match from.read(&mut buffer)? {
            0 => return to.shutdown(Shutdown::Write),
            length => {
                let piece = &buffer[..length];
                keep(piece);
                to.write_all(piece)?;
            }
        }
    }
}

fn locked(heard: &Heard) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends recorded requests, as a program without a store could.
trait Bare {
    fn send(&mut self, request: &[u8]) -> Result<()>;
}

impl Bare for redis::Connection {
    fn send(&mut self, request: &[u8]) -> Result<()> {
        use redis::ConnectionLike as _;
        let _reply = self.req_packed_command(request).map_err(|error| failed("Redis").with_source(error))?;
        Ok(())
    }
}

/// A socket to memcached, and the last token that it told.
struct Socket {
    stream: TcpStream,
    token: Vec<u8>,
}

impl Bare for Socket {
    fn send(&mut self, request: &[u8]) -> Result<()> {
        let end = request.windows(2).position(|pair| pair == b"\r\n").unwrap_or(request.len());
        let (line, value) = request.split_at(end);
        match line.windows(2).rposition(|pair| pair == b" C") {
            Some(at) => {
                let condition = [&line[..at + 2], &self.token, value].concat();
                self.stream.write_all(&condition).map_err(io_failed)?;
            }
            None => self.stream.write_all(request).map_err(io_failed)?,
        }
        let mut buffer = [0; 1 << 13];
        let length = self.stream.read(&mut buffer).map_err(io_failed)?;
        let reply = &buffer[..length];
        if !(reply.starts_with(b"HD") || reply.starts_with(b"VA")) {
            return Err(failed("memcached refuses"));
        }
        let line = reply.split(|byte| *byte == b'\r').next().unwrap_or_default();
        if let Some(token) = line.split(|byte| *byte == b' ').find_map(|word| word.strip_prefix(b"c")) {
            self.token = token.to_vec();
        }
        Ok(())
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn timed(mut work: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    for number in 0..2 * PAIRS {
        work(number)?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / (2 * PAIRS) as f64)
}

/// `heard` is what `recorded` has sent. `store` is the same without an ear.
fn measure(store: &dyn Store, recorded: &dyn Store, heard: &Heard, bare: &mut dyn Bare) -> Result<()> {
    let key = StoreKey::from(SessionId::generate());
    let text = Visited::text(TIMES[0]);
    let _ =
        recorded.write(&Write { key: &key, data: &text, ttl: None, expect: Expect::Any }, &Call::at(NOW))?;
    let (recorded, visited) = (Visited { store: recorded, key: key.clone() }, Visited { store, key });
    for (name, visit) in Visit::ALL {
        // The first pair also tells the server its scripts.
        (0..2).try_for_each(|number| recorded.visit(visit, number))?;
        locked(heard).clear();
        let mut requests = [const { Vec::new() }; 2];
        for (number, of_one) in requests.iter_mut().enumerate() {
            recorded.visit(visit, number)?;
            *of_one = std::mem::take(&mut *locked(heard));
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(timed(|number| visited.visit(visit, number))?);
            theirs.push(timed(|number| requests[number % 2].iter().try_for_each(|one| bare.send(one)))?);
        }
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        let count = requests[0].len();
        println!("{name}: {ours:.1} us, {count} commands bare {theirs:.1} us: {:.2}x", ours / theirs);
    }
    Ok(())
}

fn in_redis(url: &str) -> Result<()> {
    let server = url.trim_start_matches("redis://");
    let (host, database) = server.split_once('/').unwrap_or((server, "0"));
    let (port, heard) = listen(host.to_owned()).map_err(io_failed)?;
    let at = |url: &str| {
        let address = Address::parse(url, Limits::default())?;
        Ok::<_, Error>(RedisStore::new(Arc::new(RedisClient::new(address)), Keys::default()))
    };
    let mut bare = redis::Client::open(url)
        .and_then(|client| client.get_connection())
        .map_err(|error| failed("Redis").with_source(error))?;
    measure(&at(url)?, &at(&format!("redis://127.0.0.1:{port}/{database}"))?, &heard, &mut bare)
}

fn in_memcached(server: &str) -> Result<()> {
    let (port, heard) = listen(server.to_owned()).map_err(io_failed)?;
    let at = |server: &str| {
        let limit = Duration::from_secs(5);
        let servers = Servers::new([(server, 1)])?;
        let access = Access { servers, connect_timeout: limit, operation_timeout: limit };
        Ok::<_, Error>(MemcachedStore::new(Arc::new(Client::new(access)), Flavour::default()))
    };
    let stream = TcpStream::connect(server).map_err(io_failed)?;
    stream.set_nodelay(true).map_err(io_failed)?;
    let mut bare = Socket { stream, token: Vec::new() };
    measure(&at(server)?, &at(&format!("127.0.0.1:{port}"))?, &heard, &mut bare)
}

fn main() -> Result<()> {
    for url in std::env::args().skip(1).filter(|given| !given.starts_with("--")) {
        println!("{url}");
        match url.strip_prefix("memcached://") {
            Some(server) => in_memcached(server)?,
            None => in_redis(&url)?,
        }
    }
    Ok(())
}
