//! Bounds of a namespace, as one weight for each entry.

/// The weight that all entries of a namespace may have together.
pub(super) const CAPACITY: u64 = 1 << 60;

/// The weight of an entry that exceeds a bound alone.
const TOO_LARGE: u64 = CAPACITY + 1;

/// The most that a namespace keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The number of entries.
    pub max_entries: Option<u64>,
    /// The bytes of all entries.
    pub max_bytes: Option<u64>,
}

impl Bounds {
    /// Whether there is a bound at all.
    pub fn is_bounded(&self) -> bool {
        *self != Self::default()
    }

    /// The share of the capacity that an entry of `size` bytes takes: the larger one of its shares of both bounds. So the
    /// weights fit into the capacity only if both bounds hold.
    pub(super) fn weight(&self, size: u64) -> u64 {
        let share = |part: u64, whole: Option<u64>| {
            whole.map_or(0, |whole| {
                let weight = u128::from(part) * u128::from(CAPACITY) / u128::from(whole.max(1));
                u64::try_from(weight).map_or(TOO_LARGE, |weight| weight.min(TOO_LARGE))
            })
        };
        share(1, self.max_entries).max(share(size, self.max_bytes)).max(1)
    }

    /// The number of entries to prepare for.
    pub(super) fn estimate(&self) -> usize {
        /// A guess for bounds in bytes.
        const USUAL_SIZE: u64 = 512;
        const MOST: u64 = 1 << 16;
        let by_size = self.max_bytes.map_or(MOST, |bytes| bytes / USUAL_SIZE);
        let entries = self.max_entries.unwrap_or(MOST).min(by_size).clamp(1, MOST);
        usize::try_from(entries).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fit_only_if_both_bounds_hold() {
        let both = Bounds { max_entries: Some(10), max_bytes: Some(1000) };
        assert!(both.weight(0) * 10 <= CAPACITY);
        assert!(both.weight(0) * 11 > CAPACITY);
        assert!(both.weight(500) * 2 <= CAPACITY);
        assert!(both.weight(501) * 2 > CAPACITY);
        assert!(both.weight(1001) > CAPACITY);
        assert_eq!(Bounds::default().weight(u64::MAX), 1);
        let small = Bounds { max_entries: Some(3), max_bytes: Some(1) };
        assert_eq!(small.weight(u64::MAX), TOO_LARGE);
        assert!(small.weight(0) * 3 <= CAPACITY);
    }
}
