//! All namespaces of a process, and the removal of expired entries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entries::Entries;

/// The entries of a namespace, which its caches share.
pub type Shared<V> = Arc<Mutex<Entries<V>>>;

/// The namespaces of a process, by name.
#[derive(Debug)]
pub struct Namespaces<V> {
    by_name: HashMap<String, Shared<V>>,
    writes: usize,
    next_sweep: usize,
}

/// A namespace that is swept has as many entries at least.
const FEWEST_WRITES: usize = 1024;

impl<V> Default for Namespaces<V> {
    fn default() -> Self {
        Self { by_name: HashMap::new(), writes: 0, next_sweep: FEWEST_WRITES }
    }
}

impl<V> Namespaces<V> {
    /// The namespace, if it exists.
    pub fn find(&self, name: &str) -> Option<Shared<V>> {
        self.by_name.get(name).cloned()
    }

    /// The namespace. It is made if it does not exist.
    pub fn open(&mut self, name: &str) -> Shared<V> {
        if let Some(found) = self.find(name) {
            return found;
        }
        self.by_name.entry(name.to_owned()).or_default().clone()
    }

    /// The names of the namespaces that have entries.
    pub fn names(&self) -> Vec<String> {
        let filled = self.by_name.iter().filter(|(_, entries)| !locked(entries).is_empty());
        filled.map(|(name, _)| name.clone()).collect()
    }

    /// Counts a write. Says whether it is time to sweep: whenever as many were made as there are entries, so that a write
    /// costs the same however many there are.
    pub fn count_write(&mut self) -> bool {
        self.writes += 1;
        self.writes >= self.next_sweep
    }

    /// Removes entries whose time is over, and namespaces that are empty and that nobody has open.
    pub fn sweep(&mut self, now: f64) -> Vec<V> {
        let mut removed = Vec::new();
        let mut left = 0;
        self.by_name.retain(|_, shared| {
            let mut entries = locked(shared);
            removed.extend(entries.take_expired(now));
            left += entries.len();
            !entries.is_empty() || Arc::strong_count(shared) > 1
        });
        self.writes = 0;
        self.next_sweep = left.max(FEWEST_WRITES);
        removed
    }

    /// Removes all entries, and the namespaces that nobody has open.
    pub fn take_all(&mut self) -> Vec<V> {
        let removed = self.by_name.values().flat_map(|shared| locked(shared).take_all()).collect();
        self.by_name.retain(|_, shared| Arc::strong_count(shared) > 1);
        (self.writes, self.next_sweep) = (0, FEWEST_WRITES);
        removed
    }
}

/// The entries of a namespace. Nothing that holds the lock can panic halfway through a change.
pub fn locked<V>(shared: &Shared<V>) -> MutexGuard<'_, Entries<V>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::lifetime::Lifetime;
    use super::*;

    fn put(namespaces: &mut Namespaces<u32>, name: &str, value: u32, stored: f64) {
        let shared = namespaces.open(name);
        let lifetime = Lifetime { stored, expires: Some(10.0), ..Lifetime::default() };
        assert!(locked(&shared).put(&value.to_be_bytes(), value, Some(lifetime), 0).is_empty());
    }

    #[test]
    fn a_namespace_exists_while_it_has_entries_or_is_open() {
        let mut namespaces = Namespaces::default();
        assert!(namespaces.find("a").is_none());
        put(&mut namespaces, "a", 1, 0.0);
        let open = namespaces.open("b");
        assert_eq!(namespaces.names(), ["a"]);
        assert_eq!(namespaces.sweep(20.0), [1]);
        assert!(namespaces.find("a").is_none());
        assert!(namespaces.find("b").is_some_and(|found| Arc::ptr_eq(&found, &open)));
        drop(open);
        assert!(namespaces.sweep(20.0).is_empty());
        assert!(namespaces.find("b").is_none());
    }

    #[test]
    fn after_all_is_removed_the_next_sweep_is_as_near_as_at_first() {
        let mut namespaces = Namespaces::default();
        for value in 0..5000 {
            put(&mut namespaces, "n", value, 0.0);
        }
        assert!(namespaces.sweep(0.0).is_empty());
        assert_eq!(namespaces.take_all().len(), 5000);
        assert_eq!((0..).take_while(|_| !namespaces.count_write()).count(), FEWEST_WRITES - 1);
    }

    #[test]
    fn expired_entries_go_as_others_are_written() {
        let mut namespaces = Namespaces::default();
        let mut most = 0;
        for value in 0..50_000_u32 {
            let now = f64::from(value) / 100.0;
            put(&mut namespaces, "n", value, now);
            if namespaces.count_write() {
                let _ = namespaces.sweep(now);
            }
            most = most.max(namespaces.by_name.values().map(|shared| locked(shared).len()).sum());
        }
        // A value lives for 20 seconds, in which 2000 are written, and as many again until the next sweep.
        assert!(most < 5000, "{most}");
        assert!(!namespaces.take_all().is_empty());
        assert!(namespaces.names().is_empty());
    }
}
