//! The fork counter: it tells a forked process from its parent.

use std::sync::atomic::{AtomicU32, Ordering};

/// The number of forks between the first process and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The number of forks between the first process and this one. It costs less than the process id.
pub fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Counts a fork. The hook for forks calls it in the child.
pub fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
