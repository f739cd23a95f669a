//! What a million sessions cost: `cargo bench --no-default-features --bench million -- 1000000 [STORE…]`.
//!
//! A store is `sqlite`, which is the default, `file`, or the `redis://` URL of a server whose databases 0 and 1 are empty.
//! Prints the cost of reads and writes beside those in a store of a thousand sessions, by turns; for SQLite also how long
//! a sweep of all sessions takes, and how long requests take meanwhile. The folder is in the system's temporary
//! directory; set `TMPDIR` to measure another disk.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "it prints what it measures"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use beaker_core::error::{Error, Result};
use beaker_core::id::{SessionId, StoreKey};
use beaker_core::store::redis::{Address, Keys, Limits, RedisClient};
use beaker_core::store::sqlite::Database;
use beaker_core::store::{Call, Durability, Expect, FileStore, RedisStore, SqliteStore, Store, Write};

const NOW: f64 = 1_700_000_000.0;
const FEW: usize = 1000;
const ROUNDS: usize = 60;
const REQUESTS: usize = 200;
const HOUR: Option<Duration> = Some(Duration::from_secs(3600));
/// As in the background; see `store/sqlite/sweep.rs`.
const STEP: usize = 128;

/// A store and the ids of its sessions.
struct Subject {
    store: Arc<dyn Store>,
    keys: Vec<StoreKey>,
}

fn text() -> Vec<u8> {
    vec![b'a'; 300]
}

impl Subject {
    fn new(store: Arc<dyn Store>, sessions: usize) -> Result<Self> {
        let keys: Vec<_> = (0..sessions).map(|_| StoreKey::from(SessionId::generate())).collect();
        for (number, key) in keys.iter().enumerate() {
            // Saved over an hour.
            let now = NOW + 3600.0 * number as f64 / sessions as f64;
            let _ = store.write(&Write::new(key, &text(), Expect::Any).lasting(HOUR), &Call::at(now))?;
        }
        Ok(Self { store, keys })
    }

    /// Some session, another each time.
    fn key(&self, number: usize) -> &StoreKey {
        let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
        self.keys.get(scattered % self.keys.len()).unwrap_or_else(|| unreachable!("there is one"))
    }

    /// Microseconds for a read and for a write.
    fn round(&self, round: usize) -> Result<(f64, f64)> {
        let call = Call::at(NOW + 3600.0);
        let numbers = round * REQUESTS..(round + 1) * REQUESTS;
        let begun = Instant::now();
        for number in numbers.clone() {
            assert!(self.store.load(self.key(number), &Call::at(NOW))?.is_some());
        }
        let read = begun.elapsed();
        let text = text();
        let begun = Instant::now();
        for number in numbers {
            let write = Write::new(self.key(number), &text, Expect::Any).lasting(HOUR);
            let _ = self.store.write(&write, &call)?;
        }
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / REQUESTS as f64;
        Ok((micros(read), micros(begun.elapsed())))
    }
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn costs(few: &Subject, many: &Subject) -> Result<()> {
    let mut told = [const { Vec::new() }; 4];
    for round in 0..ROUNDS {
        let (small, large) = (few.round(round)?, many.round(round)?);
        for (values, value) in told.iter_mut().zip([small.0, large.0, small.1, large.1]) {
            values.push(value);
        }
    }
    let [small_read, large_read, small_write, large_write] =
        told.map(|mut values| quantile(&mut values, 0.5));
    let (less, more) = (few.keys.len(), many.keys.len());
    println!(
        "read: {small_read:.1} us of {less}, {large_read:.1} us of {more}: {:.2}x",
        large_read / small_read
    );
    println!(
        "write: {small_write:.1} us of {less}, {large_write:.1} us of {more}: {:.2}x",
        large_write / small_write
    );
    Ok(())
}

/// Milliseconds for requests that read and write a session of their own, until told to end.
fn requests(store: &SqliteStore, is_over: &AtomicBool) -> Result<Vec<f64>> {
    let key = StoreKey::from(SessionId::generate());
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let _ = store.write(&Write::new(&key, &text(), Expect::Any), &Call::at(NOW))?;
        assert!(store.load(&key, &Call::at(NOW))?.is_some());
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        thread::sleep(Duration::from_millis(1));
    }
    Ok(times)
}

fn sweep(store: &SqliteStore, now: f64) -> Result<u64> {
    let mut sweep = store.sweep();
    let mut expired = 0;
    loop {
        let begun = Instant::now();
        let swept = sweep.step(STEP, now)?;
        expired += swept.expired;
        if swept.finished {
            return Ok(expired);
        }
        thread::sleep(begun.elapsed());
    }
}

/// Two stores that are compared.
fn compared(few: Arc<dyn Store>, many: Arc<dyn Store>, sessions: usize) -> Result<()> {
    let begun = Instant::now();
    let few = Subject::new(few, FEW)?;
    let many = Subject::new(many, sessions)?;
    println!("{sessions} sessions in {:.1} s", begun.elapsed().as_secs_f64());
    costs(&few, &many)
}

fn in_files(folder: &Path, sessions: usize) -> Result<()> {
    let at = |name: &str| {
        let folder = folder.join(name);
        Arc::new(FileStore::new(folder.join("files"), folder.join("locks")))
    };
    compared(at("few"), at("many"), sessions)
}

fn in_redis(url: &str, sessions: usize) -> Result<()> {
    let at = |database| {
        let address = Address::parse(&format!("{url}/{database}"), Limits::default())?;
        Ok::<_, Error>(Arc::new(RedisStore::new(Arc::new(RedisClient::new(address)), Keys::default())))
    };
    compared(at(0)?, at(1)?, sessions)
}

fn in_sqlite(folder: &Path, sessions: usize) -> Result<()> {
    let at = |name| {
        Ok::<_, Error>(Arc::new(SqliteStore::new(Database::at(&folder.join(name), Durability::Beaker)?)))
    };
    let store = at("many.sqlite")?;
    compared(at("few.sqlite")?, Arc::clone(&store) as Arc<dyn Store>, sessions)?;
    swept(&store)
}

/// Sweeps all sessions, and says what requests take meanwhile.
fn swept(store: &SqliteStore) -> Result<()> {
    let is_over = AtomicBool::new(false);
    let mut alone = thread::scope(|scope| {
        let asking = scope.spawn(|| requests(store, &is_over));
        thread::sleep(Duration::from_secs(3));
        is_over.store(true, Ordering::Relaxed);
        asking.join().unwrap_or_else(|_| Ok(Vec::new()))
    })?;
    is_over.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    let (expired, meanwhile) = thread::scope(|scope| {
        let asking = scope.spawn(|| requests(store, &is_over));
        let expired = sweep(store, NOW + 1e6);
        is_over.store(true, Ordering::Relaxed);
        (expired, asking.join().unwrap_or_else(|_| Ok(Vec::new())))
    });
    let (expired, mut meanwhile) = (expired?, meanwhile?);
    println!("{expired} swept in {:.1} s", begun.elapsed().as_secs_f64());
    for (when, times) in [("before", &mut alone), ("meanwhile", &mut meanwhile)] {
        let (middle, late) = (quantile(times, 0.5), quantile(times, 0.99));
        println!("{} requests {when}: median {middle:.2} ms, p99 {late:.2} ms", times.len());
    }
    Ok(())
}

fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).filter(|given| !given.starts_with("--")).collect();
    let sessions = given.iter().find_map(|given| given.parse().ok()).unwrap_or(1_000_000);
    let mut stores: Vec<&str> =
        given.iter().map(String::as_str).filter(|given| given.parse::<usize>().is_err()).collect();
    if stores.is_empty() {
        stores.push("sqlite");
    }
    for store in stores {
        let Ok(folder) = tempfile::tempdir() else { return Ok(()) };
        println!("{store}");
        match store {
            "sqlite" => in_sqlite(folder.path(), sessions)?,
            "file" => in_files(folder.path(), sessions)?,
            url => in_redis(url, sessions)?,
        }
    }
    Ok(())
}
