//! What replacing a file costs, by the bare system calls and by the file store, in turn.
//!
//! Alone, `cargo bench --no-default-features --bench replace` prints both for the system's temporary directory
//! (`TMPDIR` chooses another). With the argument `serve` it answers commands, so that `bench_wsgi.py` can
//! measure in turn with its own: `bare FOLDER LENGTH CYCLES` or `store FOLDER LENGTH CYCLES` on a line, with
//! tabs between, is answered by the nanoseconds that the cycles took on the clock and on the processor.

#![allow(missing_docs, reason = "a program has no interface to document")]
#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Instant;

use beaker_core::id::{SessionId, StoreKey};
use beaker_core::store::{Call, Durability, Expect, FileStore, Store, Write, Written};
use rustix::time::{ClockId, clock_gettime};

type Outcome<T> = Result<T, Box<dyn Error>>;

const NOW: f64 = 1_700_000_000.0;

/// Nanoseconds on the clock and on the processor.
struct Cost {
    wall: u128,
    cpu: i128,
}

fn on_processor() -> i128 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

fn measured(work: impl FnOnce() -> Outcome<()>) -> Outcome<Cost> {
    let (wall, cpu) = (Instant::now(), on_processor());
    work()?;
    Ok(Cost { wall: wall.elapsed().as_nanos(), cpu: on_processor() - cpu })
}

/// The least that replacing a file by a complete one can cost: four system calls, and a name that nobody
/// guesses.
fn bare(folder: &Path, length: usize, cycles: u64) -> Outcome<Cost> {
    let target = folder.join("replaced.bench");
    let bytes = vec![b'a'; length];
    let names = RandomState::new();
    fs::write(&target, &bytes)?;
    let cost = measured(|| {
        for cycle in 0..cycles {
            let temporary = folder.join(format!(".bench-{:016x}.tmp", names.hash_one(cycle)));
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(&bytes)?;
            drop(file);
            fs::rename(&temporary, &target)?;
        }
        Ok(())
    })?;
    fs::remove_file(&target)?;
    Ok(cost)
}

/// What a request that changes a stored session asks of the store.
fn store(folder: &Path, length: usize, cycles: u64, durability: Durability) -> Outcome<Cost> {
    let folder = folder.join("replace.bench");
    let store = FileStore::new(folder.join("data"), folder.join("locks")).with_durability(durability);
    let id = StoreKey::from(SessionId::generate());
    let text = vec![b'a'; length];
    let write =
        |expect| match store.write(&Write { key: &id, data: &text, ttl: None, expect }, &Call::at(NOW))? {
            Written::Stored(version) => Ok(version),
            Written::Refused => Err(Box::<dyn Error>::from("the store refused a write that nobody contends")),
        };
    let mut version = write(Expect::Absent)?;
    let cost = measured(|| {
        for _ in 0..cycles {
            version = write(Expect::Version(version))?;
        }
        Ok(())
    })?;
    fs::remove_dir_all(&folder)?;
    Ok(cost)
}

fn answer(command: &str) -> Outcome<Cost> {
    let mut words = command.split('\t');
    let mut word = || words.next().ok_or("a command is WHAT FOLDER LENGTH CYCLES, with tabs between");
    let (what, folder) = (word()?, Path::new(word()?));
    let (length, cycles) = (word()?.parse()?, word()?.parse()?);
    match what {
        "bare" => bare(folder, length, cycles),
        "store" => store(folder, length, cycles, Durability::Beaker),
        _ => Err("WHAT is bare or store".into()),
    }
}

fn serve() -> Outcome<()> {
    for command in io::stdin().lock().lines() {
        let cost = answer(&command?)?;
        println!("{} {}", cost.wall, cost.cpu);
    }
    Ok(())
}

fn median(mut costs: Vec<u128>) -> u128 {
    costs.sort_unstable();
    costs.get(costs.len() / 2).copied().unwrap_or_default()
}

fn show() -> Outcome<()> {
    const ROUNDS: usize = 25;
    const CYCLES: u64 = 100;
    let folder = tempfile::tempdir()?;
    let kinds = [Durability::Beaker, Durability::Process, Durability::Full];
    for length in [600, 76 * 1024] {
        let (mut bares, mut stores) = (Vec::new(), kinds.map(|_| Vec::new()));
        for _ in 0..ROUNDS {
            bares.push(bare(folder.path(), length, CYCLES)?.wall / u128::from(CYCLES));
            for (costs, durability) in stores.iter_mut().zip(kinds) {
                costs.push(store(folder.path(), length, CYCLES, durability)?.wall / u128::from(CYCLES));
            }
        }
        println!("{length} bytes: bare {} ns", median(bares));
        for (costs, durability) in stores.into_iter().zip(kinds) {
            println!("{length} bytes: store, {durability:?} {} ns", median(costs));
        }
    }
    Ok(())
}

fn main() -> Outcome<()> {
    if std::env::args().any(|argument| argument == "serve") { serve() } else { show() }
}
