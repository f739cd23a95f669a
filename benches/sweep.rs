//! How long a sweep of a million sessions takes that are over, and how long requests take meanwhile:
//! `cargo bench --no-default-features --bench sweep -- 1000000`.
//!
//! The sessions are in SQLite. The folder is in the system's temporary directory; set `TMPDIR` to measure another disk.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "it prints what it measures"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use beaker_core::error::Result;
use beaker_core::id::{SessionId, StoreKey};
use beaker_core::store::sqlite::Database;
use beaker_core::store::{Call, Durability, Expect, SqliteStore, Store, Write};

const NOW: f64 = 1_700_000_000.0;
const HOUR: Option<Duration> = Some(Duration::from_secs(3600));
/// As in the background; see `store/sqlite/sweep.rs`.
const STEP: usize = 128;

fn text() -> Vec<u8> {
    vec![b'a'; 300]
}

/// Saves sessions over an hour.
fn fill(store: &SqliteStore, sessions: usize) -> Result<()> {
    for number in 0..sessions {
        let key = StoreKey::from(SessionId::generate());
        let now = NOW + 3600.0 * number as f64 / sessions as f64;
        let _ = store
            .write(&Write { key: &key, data: &text(), ttl: HOUR, expect: Expect::Any }, &Call::at(now))?;
    }
    Ok(())
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Milliseconds for requests that read and write a session of their own, until told to end.
fn requests(store: &SqliteStore, is_over: &AtomicBool) -> Result<Vec<f64>> {
    let key = StoreKey::from(SessionId::generate());
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let _ = store
            .write(&Write { key: &key, data: &text(), ttl: None, expect: Expect::Any }, &Call::at(NOW))?;
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
    let sessions = std::env::args().find_map(|given| given.parse().ok()).unwrap_or(1_000_000);
    let Ok(folder) = tempfile::tempdir() else { return Ok(()) };
    let store = SqliteStore::new(Database::at(&folder.path().join("sessions.sqlite"), Durability::Beaker)?);
    let begun = Instant::now();
    fill(&store, sessions)?;
    println!("{sessions} sessions in {:.1} s", begun.elapsed().as_secs_f64());
    swept(&store)
}
