//! What a store costs, and what the disk below it costs: `cargo bench --no-default-features --bench stores`.
//!
//! `bare` is the least that replacing a file can cost on this disk: a temporary file made, written, closed and
//! renamed over the old one. The folder is in the system's temporary directory; set `TMPDIR` to measure
//! another disk.

#![allow(missing_docs, reason = "criterion's macros make functions without")]

use std::fs::{self, OpenOptions};
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;

use beaker_core::id::{SessionId, StoreKey};
use beaker_core::store::sqlite::Database;
use beaker_core::store::{
    Call, Durability, Expect, FileStore, MemoryStore, Patch, Renewal, SqliteStore, Store, Write, Written,
};
use criterion::{Criterion, criterion_group, criterion_main};

const NOW: f64 = 1_700_000_000.0;

/// The text of a small session and of a large one, in bytes.
const SIZES: [(&str, usize); 2] = [("small", 300), ("57KB", 57 * 1024)];

fn text(length: usize, fill: u8) -> Vec<u8> {
    vec![fill; length]
}

fn store(criterion: &mut Criterion, name: &str, store: &dyn Store) {
    for (size, length) in SIZES {
        let mut group = criterion.benchmark_group(format!("{name}/{size}"));
        let id = StoreKey::from(SessionId::generate());
        let texts = [text(length, b'a'), text(length, b'b')];
        let write = |number: usize, expect: Expect| {
            store.write(
                &Write { key: &id, data: texts.get(number % 2).map_or(&[], |text| text), ttl: None, expect },
                &Call::at(NOW),
            )
        };
        let mut number = 0;
        group.bench_function("write", |bencher| {
            bencher.iter(|| {
                number += 1;
                write(number, Expect::Any)
            });
        });
        let Ok(Written::Stored(mut version)) = write(0, Expect::Any) else { return };
        group.bench_function("compare_and_swap", |bencher| {
            bencher.iter(|| {
                number += 1;
                if let Ok(Written::Stored(new)) = write(number, Expect::Version(version)) {
                    version = new;
                }
            });
        });
        group.bench_function("load", |bencher| bencher.iter(|| store.load(black_box(&id), &Call::at(NOW))));
        group.bench_function("load_and_touch", |bencher| {
            bencher.iter(|| {
                number += 1;
                let Ok(Some(record)) = store.load(&id, &Call::at(NOW)) else { return false };
                let bytes = if number % 2 == 0 { b"123456789012" } else { b"abcdefghijkl" };
                {
                    let renewal = Renewal { key: &id, version: record.version, ttl: None };
                    let patch = Patch { renewal, offset: 40, bytes, loaded: None };
                    store.patch(&patch, &Call::at(NOW)).unwrap_or_default()
                }
            });
        });
        let unknown = StoreKey::from(SessionId::generate());
        group.bench_function("load_unknown", |bencher| {
            bencher.iter(|| store.load(black_box(&unknown), &Call::at(NOW)))
        });
        group.finish();
    }
}

fn bare_replace(folder: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = folder.join("bare.tmp");
    let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&temporary, folder.join("bare.cache"))
}

fn stores(criterion: &mut Criterion) {
    store(criterion, "memory", &MemoryStore::new());
    let Ok(folder) = tempfile::tempdir() else { return };
    for (size, length) in SIZES {
        let bytes = text(length, b'a');
        let mut group = criterion.benchmark_group(format!("bare/{size}"));
        group.bench_function("write", |bencher| bencher.iter(|| bare_replace(folder.path(), &bytes)));
        let path = folder.path().join("bare.cache");
        group.bench_function("load", |bencher| bencher.iter(|| fs::read(black_box(&path))));
        group.finish();
    }
    store(criterion, "file", &FileStore::new(folder.path().join("data"), folder.path().join("locks")));
    let Ok(database) = Database::at(&folder.path().join("sessions.sqlite"), Durability::default()) else {
        return;
    };
    store(criterion, "sqlite", &SqliteStore::new(database));
}

criterion_group!(benches, stores);
criterion_main!(benches);
