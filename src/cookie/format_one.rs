//! For how long values of format 1 are accepted where format 2 is written.
//!
//! A value of format 1 does not say for which cookie it was signed. Whoever has another cookie's value that the same
//! secret signed, or can put a cookie under one of the older names into a browser, has a value that is accepted. That is
//! the price of a switch without a logout, and it should end some day.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// In seconds. A switch that lies further back has had its time.
const LONG: f64 = 30.0 * 86_400.0;

/// When the switch to format 2 was, as far as is known: when the options were worked out first, or earlier, if a value
/// of format 2 came that was signed earlier.
#[derive(Debug)]
pub struct Switch {
    /// In whole seconds since the epoch.
    at: AtomicU64,
    is_told: AtomicBool,
}

impl Switch {
    /// A switch at `now`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
    pub fn new(now: f64) -> Self {
        Self { at: AtomicU64::new(now as u64), is_told: AtomicBool::new(false) }
    }

    /// Takes notice of a value of format 2 that was signed at that time.
    pub fn saw_signed_at(&self, seconds: u64) {
        if seconds < self.at.load(Ordering::Relaxed) {
            self.at.fetch_min(seconds, Ordering::Relaxed);
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a moment below 2^53 seconds")]
    fn at(&self) -> f64 {
        self.at.load(Ordering::Relaxed) as f64
    }

    /// Whether it is long ago; true once, so that it is told once.
    pub fn is_to_be_told(&self, now: f64) -> bool {
        now - self.at() > LONG && !self.is_told.swap(true, Ordering::Relaxed)
    }
}

/// When that ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// Never.
    Never,
    /// At this moment.
    At(f64),
    /// So many seconds after the switch.
    AfterSwitch(f64),
}

/// Whether values of format 1 are accepted.
#[derive(Clone, Debug)]
pub struct FormatOne {
    end: End,
    switch: Arc<Switch>,
}

impl FormatOne {
    /// Accepted until `end`.
    pub fn new(end: End, switch: Arc<Switch>) -> Self {
        Self { end, switch }
    }

    /// Whether they are accepted at `now`.
    #[must_use]
    pub fn is_accepted(&self, now: f64) -> bool {
        match self.end {
            End::Never => true,
            End::At(end) => now < end,
            End::AfterSwitch(seconds) => now < self.switch.at() + seconds,
        }
    }

    /// When the switch was.
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    /// Whether the date is so far ahead that it is no date.
    pub fn is_far_ahead(&self) -> bool {
        matches!(self.end, End::At(end) if end - self.switch.at() > 366.0 * 86_400.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: f64 = 86_400.0;

    fn until(end: End) -> FormatOne {
        FormatOne::new(end, Arc::new(Switch::new(1000.0)))
    }

    #[test]
    fn it_is_accepted_up_to_the_end_and_not_at_it() {
        for (end, last, first_refused) in [
            (End::At(2000.0), 1999.9, 2000.0),
            (End::AfterSwitch(60.0), 1059.9, 1060.0),
            (End::At(10.0), 9.9, 1000.0),
        ] {
            assert!(until(end).is_accepted(last), "{end:?}");
            assert!(!until(end).is_accepted(first_refused), "{end:?}");
        }
        assert!(until(End::Never).is_accepted(1e12));
    }

    #[test]
    fn an_older_value_of_format_2_shows_that_the_switch_was_earlier() {
        let format_1 = until(End::AfterSwitch(60.0));
        format_1.switch().saw_signed_at(2000);
        assert!(format_1.is_accepted(1050.0));
        format_1.switch().saw_signed_at(900);
        assert!(!format_1.is_accepted(1050.0));
    }

    #[test]
    fn a_switch_that_is_long_ago_is_told_once() {
        let format_1 = until(End::Never);
        assert!(!format_1.switch().is_to_be_told(1000.0 + 30.0 * DAY));
        assert!(format_1.switch().is_to_be_told(1001.0 + 30.0 * DAY));
        assert!(!format_1.switch().is_to_be_told(1001.0 + 60.0 * DAY));
    }

    #[test]
    fn a_date_in_more_than_a_year_is_far_ahead() {
        assert!(!until(End::At(1000.0 + 366.0 * DAY)).is_far_ahead());
        assert!(until(End::At(1001.0 + 366.0 * DAY)).is_far_ahead());
        assert!(!until(End::Never).is_far_ahead());
    }
}
