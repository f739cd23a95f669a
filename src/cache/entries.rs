//! The entries of one namespace.

use std::collections::HashMap;
use std::hash::RandomState;
use std::mem;

use quick_cache::unsync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::bounds::{Bounds, CAPACITY};
use super::lifetime::Lifetime;

/// A value with its lifetime.
#[derive(Debug)]
pub struct Entry<V> {
    /// The value.
    pub value: V,
    /// Its lifetime, if it has one.
    pub lifetime: Option<Lifetime>,
    weight: u64,
}

type Key = Box<[u8]>;

/// The entries of one namespace, by key.
#[derive(Debug)]
pub struct Entries<V> {
    kept: Kept<V>,
    bounds: Bounds,
}

#[derive(Debug)]
enum Kept<V> {
    All(HashMap<Key, Entry<V>>),
    Bounded(Box<Bounded<V>>),
}

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self { kept: Kept::All(HashMap::new()), bounds: Bounds::default() }
    }
}

impl<V> Entries<V> {
    /// The entry of `key`, fresh or not.
    pub fn get(&self, key: &[u8]) -> Option<&Entry<V>> {
        match &self.kept {
            Kept::All(entries) => entries.get(key),
            Kept::Bounded(bounded) => bounded.get(key),
        }
    }

    /// Stores a value of `size` bytes. Returns the values that make way for it. A value that exceeds a bound alone is
    /// one of them.
    pub fn put(&mut self, key: &[u8], value: V, lifetime: Option<Lifetime>, size: u64) -> Vec<V> {
        let entry = Entry { value, lifetime, weight: self.bounds.weight(size) };
        match &mut self.kept {
            Kept::All(entries) => {
                entries.insert(key.into(), entry).map(|old| old.value).into_iter().collect()
            }
            Kept::Bounded(bounded) => {
                let mut removed = Vec::new();
                bounded.insert_with_lifecycle(key.into(), entry, &mut removed);
                removed
            }
        }
    }

    /// Removes the entry of `key`.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        match &mut self.kept {
            Kept::All(entries) => entries.remove(key).map(|entry| entry.value),
            Kept::Bounded(bounded) => bounded.remove(key).map(|(_, entry)| entry.value),
        }
    }

    /// Removes all entries.
    pub fn take_all(&mut self) -> Vec<V> {
        self.drain().into_iter().map(|(_, entry)| entry.value).collect()
    }

    /// Removes the entries whose time is over.
    pub fn take_expired(&mut self, now: f64) -> Vec<V> {
        let is_over = |entry: &Entry<V>| entry.lifetime.is_some_and(|lifetime| lifetime.is_over(now));
        let expired: Vec<Key> = match &self.kept {
            Kept::All(entries) => {
                entries.iter().filter(|(_, entry)| is_over(entry)).map(|(key, _)| key.clone()).collect()
            }
            Kept::Bounded(bounded) => {
                bounded.iter().filter(|(_, entry)| is_over(entry)).map(|(key, _)| key.clone()).collect()
            }
        };
        let taken = expired.iter().filter_map(|key| self.remove(key)).collect();
        if let Kept::All(entries) = &mut self.kept {
            entries.shrink_to(entries.len() * 2);
        }
        taken
    }

    /// The keys of all entries.
    pub fn keys(&self) -> Vec<Key> {
        match &self.kept {
            Kept::All(entries) => entries.keys().cloned().collect(),
            Kept::Bounded(bounded) => bounded.iter().map(|(key, _)| key.clone()).collect(),
        }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        match &self.kept {
            Kept::All(entries) => entries.len(),
            Kept::Bounded(bounded) => bounded.len(),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the sizes of values matter.
    pub fn counts_bytes(&self) -> bool {
        self.bounds.max_bytes.is_some()
    }

    /// Keeps to other bounds from now on. `size_of` measures the present values. Returns what makes way.
    pub fn bound(&mut self, bounds: Bounds, mut size_of: impl FnMut(&V) -> u64) -> Vec<V> {
        if self.bounds == bounds {
            return Vec::new();
        }
        let present = self.drain();
        self.bounds = bounds;
        self.kept = if bounds.is_bounded() {
            Kept::Bounded(Box::new(bounded(bounds)))
        } else {
            Kept::All(HashMap::new())
        };
        let mut removed = Vec::new();
        for (key, entry) in present {
            let size = size_of(&entry.value);
            removed.extend(self.put(&key, entry.value, entry.lifetime, size));
        }
        removed
    }

    fn drain(&mut self) -> Vec<(Key, Entry<V>)> {
        match &mut self.kept {
            Kept::All(entries) => mem::take(entries).into_iter().collect(),
            Kept::Bounded(bounded) => bounded.drain().collect(),
        }
    }
}

/// Entries that are weighed. Those that were used seldom and long ago go first.
type Bounded<V> = Cache<Key, Entry<V>, OwnWeight, RandomState, HandOver>;

fn bounded<V>(bounds: Bounds) -> Bounded<V> {
    let mut options = OptionsBuilder::new();
    options.estimated_items_capacity(bounds.estimate()).weight_capacity(CAPACITY);
    if bounds.max_entries.is_some_and(|entries| entries < FEW) {
        options.hot_allocation(1.0);
    }
    match options.build() {
        Ok(options) => Cache::with_options(options, OwnWeight, RandomState::new(), HandOver),
        Err(_) => Cache::with(bounds.estimate(), CAPACITY, OwnWeight, RandomState::new(), HandOver),
    }
}

/// With fewer entries than this, one is a larger share of the capacity than the crate leaves for new entries.
const FEW: u64 = 40;

#[derive(Debug)]
struct OwnWeight;

impl<V> Weighter<Key, Entry<V>> for OwnWeight {
    fn weight(&self, _: &Key, entry: &Entry<V>) -> u64 {
        entry.weight
    }
}

/// Hands over what leaves the cache, a replaced value too.
#[derive(Debug)]
struct HandOver;

impl<V> Lifecycle<Key, Entry<V>> for HandOver {
    type RequestState = Vec<V>;

    fn on_evict(&self, removed: &mut Vec<V>, _: Key, entry: Entry<V>) {
        removed.push(entry.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded_by(max_entries: Option<u64>, max_bytes: Option<u64>) -> Entries<u32> {
        let mut entries = Entries::default();
        assert!(entries.bound(Bounds { max_entries, max_bytes }, |_| 0).is_empty());
        entries
    }

    fn put(entries: &mut Entries<u32>, value: u32, size: u64) -> Vec<u32> {
        entries.put(&value.to_be_bytes(), value, None, size)
    }

    fn has(entries: &Entries<u32>, value: u32) -> bool {
        entries.get(&value.to_be_bytes()).is_some()
    }

    #[test]
    fn no_bound_is_ever_exceeded_and_what_goes_is_returned() {
        for most in [1, 2, 3, 7, 39, 40, 100, 1000] {
            let mut entries = bounded_by(Some(most), None);
            let mut removed = 0;
            for value in 0..3000 {
                removed += put(&mut entries, value, 1).len();
                assert!(entries.len() as u64 <= most, "{} of {most}", entries.len());
            }
            assert_eq!(entries.len() + removed, 3000);
            assert!(entries.len() as u64 >= most * 9 / 10, "{} of {most}", entries.len());
        }
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut entries = bounded_by(None, Some(1000));
        for value in 0..500 {
            put(&mut entries, value, u64::from(value % 97) + 1);
            let size: u64 = entries.keys().iter().map(|key| size_of(key)).sum();
            assert!(size <= 1000, "{size}");
        }
        assert_eq!(put(&mut entries, 1_000_000, 1001), [1_000_000]);
        assert!(!has(&entries, 1_000_000));
    }

    fn size_of(key: &[u8]) -> u64 {
        let number = key.iter().fold(0, |number, byte| number * 256 + u64::from(*byte));
        number % 97 + 1
    }

    #[test]
    fn entries_that_are_used_stay() {
        let mut entries = bounded_by(Some(100), None);
        for value in 0..100 {
            put(&mut entries, value, 1);
        }
        for value in 1000..5000 {
            for used in 0..20 {
                assert!(has(&entries, used));
            }
            put(&mut entries, value, 1);
        }
    }

    #[test]
    fn a_value_that_is_replaced_is_returned() {
        for mut entries in [bounded_by(None, None), bounded_by(Some(2), None)] {
            assert!(entries.put(b"k", 1, None, 0).is_empty());
            assert_eq!(entries.put(b"k", 2, None, 0), [1]);
            assert_eq!(entries.remove(b"k"), Some(2));
            assert_eq!(entries.remove(b"k"), None);
            assert!(entries.is_empty());
        }
    }

    #[test]
    fn entries_survive_a_change_of_bounds() {
        let mut entries = Entries::default();
        let lifetime = Some(Lifetime { stored: 1.0, expires: Some(2.0), ..Lifetime::default() });
        for value in 0..10_u32 {
            entries.put(&value.to_be_bytes(), value, lifetime, 0);
        }
        assert!(!entries.counts_bytes());
        assert_eq!(entries.bound(Bounds { max_entries: None, max_bytes: Some(40) }, |_| 10).len(), 6);
        assert!(entries.counts_bytes());
        assert_eq!(entries.len(), 4);
        assert!(entries.bound(Bounds::default(), |_| 0).is_empty());
        assert_eq!(entries.len(), 4);
        assert!(entries.keys().iter().all(|key| entries.get(key).is_some_and(|it| it.lifetime == lifetime)));
        assert_eq!(entries.take_all().len(), 4);
        assert!(entries.is_empty());
    }

    #[test]
    fn expired_entries_are_taken() {
        for mut entries in [bounded_by(None, None), bounded_by(Some(100), None)] {
            for value in 0..10_u32 {
                let expires = (value % 2 == 0).then_some(10.0);
                let lifetime = Lifetime { stored: f64::from(value), expires, ..Lifetime::default() };
                entries.put(&value.to_be_bytes(), value, Some(lifetime), 0);
            }
            let mut taken = entries.take_expired(24.0);
            taken.sort_unstable();
            assert_eq!(taken, [0, 2, 4]);
            assert_eq!(entries.len(), 7);
        }
    }
}
