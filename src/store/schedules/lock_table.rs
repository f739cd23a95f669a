//! The lock table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shuttle::thread;

use super::under_every_schedule;
use crate::error::ErrorKind;
use crate::fork::Process;
use crate::locks::LockTable;
use crate::sync::{FOR_EVER, Instant};

const PARENT: Process = Process::numbered(1);
const CHILD: Process = Process::numbered(2);

const LIMIT: Duration = Duration::from_secs(10);

/// How many have something. It is no lock of the test's, so that nobody goes on because it is asked.
#[derive(Default)]
struct Holders(AtomicUsize);

impl Holders {
    fn enter(&self) {
        assert_eq!(self.0.fetch_add(1, Ordering::SeqCst), 0, "two have it at once");
        thread::yield_now();
    }

    fn leave(&self) {
        assert_eq!(self.0.fetch_sub(1, Ordering::SeqCst), 1);
    }
}

fn use_it(locks: &LockTable, holders: &Holders, id: &str, limit: Duration) -> bool {
    let begun = Instant::now();
    match locks.acquire(id, limit) {
        Ok(taken) => {
            holders.enter();
            holders.leave();
            locks.release(id, taken);
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Busy);
            assert!(begun.elapsed() >= limit, "it gave up early");
            false
        }
    }
}

#[test]
fn an_id_is_one_threads_at_a_time_and_everybody_gets_it_in_the_end() {
    under_every_schedule(|| {
        let locks = Arc::new(LockTable::default());
        let holders = Arc::new([Holders::default(), Holders::default()]);
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let (locks, holders) = (Arc::clone(&locks), Arc::clone(&holders));
                thread::spawn(move || {
                    for round in 0..2 {
                        // Two ids, so that a wake-up is for somebody else as often as not.
                        let which = (number + round) % 2;
                        assert!(use_it(&locks, &holders[which], ["one", "two"][which], FOR_EVER));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn whoever_waits_has_it_or_is_told_so_when_the_limit_is_over_and_not_before() {
    under_every_schedule(|| {
        let locks = Arc::new(LockTable::default());
        let holders = Arc::new(Holders::default());
        let threads: Vec<_> = [Duration::ZERO, LIMIT, LIMIT * 2, FOR_EVER]
            .into_iter()
            .map(|limit| {
                let (locks, holders) = (Arc::clone(&locks), Arc::clone(&holders));
                thread::spawn(move || use_it(&locks, &holders, "id", limit))
            })
            .collect();
        let had_it: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(had_it[3], "who waits for ever has it");
        // It is free, and has not been forgotten by anybody who gave up.
        assert!(use_it(&locks, &holders, "id", Duration::ZERO));
    });
}

#[test]
fn a_limit_is_obeyed_where_the_id_is_never_given_back() {
    under_every_schedule(|| {
        let locks = Arc::new(LockTable::default());
        let taken = locks.acquire("id", Duration::ZERO).unwrap();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let locks = Arc::clone(&locks);
                thread::spawn(move || assert!(!use_it(&locks, &Holders::default(), "id", LIMIT)))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        locks.release("id", taken);
        assert!(use_it(&locks, &Holders::default(), "id", Duration::ZERO));
    });
}

#[test]
fn what_is_given_back_can_be_taken_at_once() {
    under_every_schedule(|| {
        let locks = Arc::new(LockTable::default());
        let other = {
            let locks = Arc::clone(&locks);
            thread::spawn(move || use_it(&locks, &Holders::default(), "other", FOR_EVER))
        };
        for _ in 0..3 {
            assert!(use_it(&locks, &Holders::default(), "id", Duration::ZERO));
        }
        assert!(other.join().unwrap());
    });
}

/// The threads of a parent at the moment of a fork are threads here; those of the child ask for another process's table.
#[test]
fn a_forked_process_waits_for_no_thread_of_its_parent_and_frees_none_of_its_own() {
    under_every_schedule(|| {
        let locks = Arc::new(LockTable::default());
        let inherited = locks.acquire_in(PARENT, "id", Duration::ZERO).unwrap();
        let holders = Arc::new(Holders::default());
        let parent = {
            let locks = Arc::clone(&locks);
            thread::spawn(move || {
                let taken = locks.acquire_in(PARENT, "another", FOR_EVER).unwrap();
                locks.release_in(PARENT, "another", taken);
            })
        };
        let children: Vec<_> = (0..3)
            .map(|_| {
                let (locks, holders) = (Arc::clone(&locks), Arc::clone(&holders));
                thread::spawn(move || {
                    let taken = locks.acquire_in(CHILD, "id", FOR_EVER).unwrap();
                    holders.enter();
                    // What was inherited is dropped in the child too.
                    locks.release_in(CHILD, "id", inherited);
                    thread::yield_now();
                    holders.leave();
                    locks.release_in(CHILD, "id", taken);
                })
            })
            .collect();
        children.into_iter().for_each(|thread| thread.join().unwrap());
        parent.join().unwrap();
        assert!(locks.acquire_in(PARENT, "id", Duration::ZERO).is_err());
    });
}
