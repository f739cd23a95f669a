//! Which locks have a record, in a fixed amount of memory.

use std::hash::{BuildHasher, RandomState};

/// In bits: 1 MiB. With a million records one lock in forty that has none is taken to have one, and stays
/// until the next sweep, which asks other questions.
const SIZE: u64 = 1 << 23;
const QUESTIONS: u64 = 4;

/// A set of names that may say yes to one it was not given, and never no to one that it was (Bloom, "Space/Time
/// Trade-offs in Hash Coding with Allowable Errors", 1970).
pub(super) struct Seen {
    bits: Vec<u64>,
    one: RandomState,
    two: RandomState,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self { bits: Vec::new(), one: RandomState::new(), two: RandomState::new() }
    }

    pub(super) fn insert(&mut self, name: &str) {
        if self.bits.is_empty() {
            self.bits = vec![0; usize::try_from(SIZE / 64).unwrap_or(0)];
        }
        for (word, bit) in self.places(name) {
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    pub(super) fn may_contain(&self, name: &str) -> bool {
        self.places(name)
            .into_iter()
            .all(|(word, bit)| self.bits.get(word).is_some_and(|word| word & bit != 0))
    }

    fn places(&self, name: &str) -> [(usize, u64); QUESTIONS as usize] {
        let (one, two) = (self.one.hash_one(name), self.two.hash_one(name));
        let mut question = 0;
        [(); QUESTIONS as usize].map(|()| {
            let place = one.wrapping_add(two.wrapping_mul(question)) % SIZE;
            question += 1;
            (usize::try_from(place / 64).unwrap_or(0), 1 << (place % 64))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u32) -> String {
        format!("{number:040x}")
    }

    #[test]
    fn what_was_given_is_contained_and_little_else() {
        let mut seen = Seen::new();
        assert!(!seen.may_contain(&name(0)));
        for number in 0..100_000 {
            seen.insert(&name(number));
        }
        assert!((0..100_000).all(|number| seen.may_contain(&name(number))));
        assert!((100_000..200_000).filter(|number| seen.may_contain(&name(*number))).count() < 1000);
    }
}
