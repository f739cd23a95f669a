//! How long a value is fresh, and how long it is kept.

/// When a value was stored, and the seconds after which it expires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lifetime {
    /// Seconds since the epoch.
    pub stored: f64,
    /// Seconds; `None` for a value that does not expire.
    pub expires: Option<f64>,
}

impl Lifetime {
    /// The moment at which the value stops being fresh.
    #[must_use]
    pub fn end(&self) -> Option<f64> {
        self.expires.map(|expires| self.stored + expires)
    }

    /// Whether the value may go. It is kept for as long again as it was fresh, since it is served while another is made.
    #[must_use]
    pub fn is_over(&self, now: f64) -> bool {
        self.expires.is_some_and(|expires| now >= self.stored + 2.0 * expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_for_as_long_again_as_it_was_fresh() {
        let value = Lifetime { stored: 100.0, expires: Some(10.0) };
        assert_eq!(value.end(), Some(110.0));
        assert!(!value.is_over(119.0));
        assert!(value.is_over(120.0));
        let endless = Lifetime { stored: 100.0, expires: None };
        assert_eq!(endless.end(), None);
        assert!(!endless.is_over(f64::MAX));
    }
}
