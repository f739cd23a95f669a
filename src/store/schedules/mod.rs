//! What holds of the locks between threads, whichever thread goes on at each of them.
//!
//! A scheduler runs the same few threads again and again and decides at each lock which one is next: at random, and
//! so that few changes between threads have to be made to find a fault (Burckhardt and others, "A Randomized Scheduler
//! with Probabilistic Guarantees of Finding Bugs", 2010). It sees a deadlock, and with it a wake-up that was lost.
//! What failed is printed as a schedule that can be replayed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

mod lock_table;
mod memory;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// How many schedules of each kind are tried, unless the environment says another number.
const SCHEDULES: usize = 300;
const HOW_MANY: &str = "BEAKER_SCHEDULES";

/// At how many points the second kind of schedule changes to another thread.
const CHANGES: usize = 3;

/// Runs `law` under many schedules.
pub(crate) fn under_every_schedule(law: fn()) {
    let count = std::env::var(HOW_MANY).ok().map_or(SCHEDULES, |number| number.parse().unwrap());
    let mut config = Config::new();
    // The numbers that are atomic guard nothing: what they count lies behind locks.
    config.silence_warnings = true;
    config.stack_size = 1 << 17;
    Runner::new(RandomScheduler::new(count), config.clone()).run(law);
    Runner::new(PctScheduler::new(CHANGES, count), config).run(law);
}
