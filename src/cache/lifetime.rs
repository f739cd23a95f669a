//! How long a value is fresh, and how long it is kept.

/// When a value was stored, and the seconds after which it expires.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lifetime {
    /// Seconds since the epoch.
    pub stored: f64,
    /// Seconds; `None` for a value that does not expire.
    pub expires: Option<f64>,
    /// What the caller adds.
    pub margins: Margins,
}

/// Seconds around the end of a value's freshness.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Margins {
    /// Before the end: the value may be renewed, so the caller decides.
    pub early: f64,
    /// After the time of storing: the value is kept for so long at least.
    pub kept: f64,
}

impl Lifetime {
    /// The moment until which the value is fresh without a doubt.
    pub fn end(&self) -> Option<f64> {
        self.expires.map(|expires| self.stored + expires - self.margins.early)
    }

    /// Whether the value may go. It is kept for as long again as it was fresh, since it is served while another is made.
    #[must_use]
    pub fn is_over(&self, now: f64) -> bool {
        self.expires.is_some_and(|expires| now >= self.stored + self.margins.kept.max(2.0 * expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_for_as_long_again_as_it_was_fresh() {
        let value = Lifetime { stored: 100.0, expires: Some(10.0), ..Lifetime::default() };
        assert_eq!(value.end(), Some(110.0));
        assert!(!value.is_over(119.0));
        assert!(value.is_over(120.0));
        let endless = Lifetime { stored: 100.0, ..Lifetime::default() };
        assert_eq!(endless.end(), None);
        assert!(!endless.is_over(f64::MAX));
    }

    #[test]
    fn a_margin_leaves_the_last_seconds_to_the_caller_or_keeps_the_value_longer() {
        let margins = Margins { early: 3.0, kept: 25.0 };
        let value = Lifetime { stored: 100.0, expires: Some(10.0), margins };
        assert_eq!(value.end(), Some(107.0));
        assert!(!value.is_over(124.0));
        assert!(value.is_over(125.0));
        let short = Lifetime { margins: Margins { early: 0.0, kept: 15.0 }, ..value };
        assert!(!short.is_over(119.0));
        assert!(short.is_over(120.0));
    }
}
