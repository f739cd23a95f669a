//! Which thread of a process sweeps, under every order of their steps.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use shuttle::thread;

use super::*;
use crate::store::schedules::under_every_schedule;

const INTERVAL: Duration = Duration::from_secs(3600);

/// What is static in the process, anew for each schedule.
fn sweeping() -> &'static AtomicU32 {
    Box::leak(Box::new(AtomicU32::new(0)))
}

#[test]
fn of_all_who_find_that_a_sweep_is_due_one_starts_it() {
    under_every_schedule(|| {
        let sweeper = Arc::new(Sweeper::new(INTERVAL));
        let ask = |now: u64| {
            let threads = [(); 3].map(|()| {
                let sweeper = Arc::clone(&sweeper);
                thread::spawn(move || sweeper.is_due(now))
            });
            threads.map(|thread| thread.join().unwrap()).into_iter().filter(|told| *told).count()
        };
        // The first writes of a process begin to count.
        assert_eq!(ask(1), 0);
        assert_eq!(ask(milliseconds(FIRST_DELAY)), 0);
        assert_eq!(ask(milliseconds(FIRST_DELAY) + 1), 1);
        assert_eq!(ask(milliseconds(FIRST_DELAY) + 2), 0);
        assert_eq!(ask(milliseconds(FIRST_DELAY) + 1 + milliseconds(INTERVAL)), 1);
    });
}

#[test]
fn one_thread_at_a_time_has_the_turn_and_the_next_has_it_afterwards() {
    under_every_schedule(|| {
        let sweeping = sweeping();
        let at_work = Arc::new(AtomicUsize::new(0));
        let threads = [(); 3].map(|()| {
            let at_work = Arc::clone(&at_work);
            thread::spawn(move || {
                let turn = Turn::take(sweeping, 1);
                if turn.is_some() {
                    assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0);
                    thread::yield_now();
                    at_work.fetch_sub(1, Ordering::SeqCst);
                }
                turn.is_some()
            })
        });
        let had_it = threads.map(|thread| thread.join().unwrap());
        assert!(had_it.contains(&true));
        assert!(Turn::take(sweeping, 1).is_some());
    });
}

#[test]
fn a_forked_process_has_a_turn_of_its_own() {
    under_every_schedule(|| {
        let sweeping = sweeping();
        // Never dropped: that thread is the parent's.
        std::mem::forget(Turn::take(sweeping, 1).unwrap());
        let threads = [(); 2].map(|()| thread::spawn(move || Turn::take(sweeping, 2).map(std::mem::forget)));
        let had_it = threads.map(|thread| thread.join().unwrap().is_some());
        assert_eq!(had_it.iter().filter(|had_it| **had_it).count(), 1);
    });
}
