//! Which process this is, and values that a forked process does not inherit.

use std::sync::OnceLock;
#[cfg(feature = "python")]
use std::sync::atomic::{AtomicU32, Ordering};

/// A process. Whoever takes a lock keeps it beside the lock: a forked process finds a copy of the lock in its memory,
/// and must not release it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    /// This process.
    pub(crate) fn current() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn is_current(self) -> bool {
        self == Self::current()
    }

    /// The number that the system has for the process.
    #[cfg(unix)]
    pub(crate) fn id(self) -> u32 {
        self.0
    }

    /// A process with any number.
    #[cfg(test)]
    pub(crate) const fn numbered(id: u32) -> Self {
        Self(id)
    }
}

/// A value that each process has for itself. A forked process begins with a value of its own: a thread of the parent,
/// which does not exist in it, may have locked the parent's at the moment of the fork.
#[derive(Debug)]
pub(crate) struct ForkLocal<T> {
    first: OnceLock<Box<Slot<T>>>,
}

#[derive(Debug)]
struct Slot<T> {
    process: Process,
    value: T,
    /// That of a process that was forked from this one.
    next: OnceLock<Box<Self>>,
}

impl<T> Default for ForkLocal<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> ForkLocal<T> {
    /// No value yet.
    pub(crate) const fn new() -> Self {
        Self { first: OnceLock::new() }
    }
}

impl<T: Default> ForkLocal<T> {
    /// The value of `process`.
    pub(crate) fn of(&self, process: Process) -> &T {
        let new = || Box::new(Slot { process, value: T::default(), next: OnceLock::new() });
        let mut slot = self.first.get_or_init(new);
        while slot.process != process {
            slot = slot.next.get_or_init(new);
        }
        &slot.value
    }
}

/// The number of forks between the first process and this one.
#[cfg(feature = "python")]
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The number of forks between the first process and this one. It costs less than the number of the process, and is
/// right where [`forked`] is called after each fork.
#[cfg(feature = "python")]
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Counts a fork. The hook for forks calls it in the child.
#[cfg(feature = "python")]
pub(crate) fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn each_process_has_a_value_of_its_own() {
        let values = ForkLocal::<AtomicUsize>::default();
        let [parent, child, grandchild] = [1, 2, 3].map(Process::numbered);
        values.of(parent).store(10, Ordering::Relaxed);
        values.of(grandchild).store(30, Ordering::Relaxed);
        let found = [parent, child, grandchild].map(|process| values.of(process).load(Ordering::Relaxed));
        assert_eq!(found, [10, 0, 30]);
    }

    #[test]
    fn this_process_is_the_current_one_and_no_other() {
        assert!(Process::current().is_current());
        assert!(!Process::numbered(0).is_current());
    }
}
