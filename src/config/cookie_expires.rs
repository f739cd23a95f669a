//! The option `cookie_expires`: the time at which the browser forgets the cookie.

use super::value::Value;
use crate::cookie::CookieDate;
use crate::error::{Error, Result};
use crate::store::Timestamp;

/// The last second that a 32-bit clock can tell, which stands for "never" in a cookie.
const LAST_32_BIT_SECOND: i64 = 0x7FFF_FFFF;

/// The option `cookie_expires`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CookieExpires {
    /// At the end of the browser's own session: the cookie has no `expires`.
    WithBrowser,
    /// Never, as far as a browser with a 32-bit clock can tell: 19 January 2038.
    Never,
    /// This many seconds after the cookie is written.
    After(f64),
    /// At this date.
    At(CookieDate),
}

impl CookieExpires {
    /// Reads a coerced value of the option.
    pub fn of(value: Option<&Value>) -> Self {
        match value {
            Some(Value::Bool(false)) => Self::Never,
            Some(Value::Span(seconds)) => Self::After(*seconds),
            Some(Value::Date(date)) => Self::At(*date),
            _ => Self::WithBrowser,
        }
    }

    /// The expiry for a cookie that is written at `now` and that the browser must keep for at least `seconds`.
    #[must_use]
    pub fn at_least(self, seconds: f64, now: Timestamp) -> Self {
        let end = whole_seconds(now + seconds);
        let ends_before = |date: Option<CookieDate>| {
            end.and_then(CookieDate::from_timestamp).is_some_and(|end| date.is_none_or(|date| date < end))
        };
        let is_too_short = match self {
            Self::WithBrowser => true,
            Self::After(own) => own < seconds,
            Self::Never => ends_before(CookieDate::from_timestamp(LAST_32_BIT_SECOND)),
            Self::At(date) => ends_before(Some(date)),
        };
        if is_too_short { Self::After(seconds) } else { self }
    }

    /// The value of the attribute `expires` for a cookie written at `now`; `None` for no such attribute.
    ///
    /// # Errors
    /// `Invalid` if the date lies outside the years 1 to 9999.
    pub fn attribute(&self, now: Timestamp) -> Result<Option<String>> {
        let date = match self {
            Self::WithBrowser => return Ok(None),
            Self::Never => CookieDate::from_timestamp(LAST_32_BIT_SECOND),
            Self::After(seconds) => whole_seconds(now + seconds).and_then(CookieDate::from_timestamp),
            Self::At(date) => Some(*date),
        };
        date.map(|date| Some(date.to_string()))
            .ok_or_else(|| Error::invalid("the cookie's expiry lies outside the years 1 to 9999"))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the range is checked on the line above the cast")]
fn whole_seconds(time: f64) -> Option<i64> {
    let whole = time.floor();
    (whole.abs() < 1e15).then_some(whole as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_cookie_that_ends_with_the_browser_has_no_expiry() {
        assert_eq!(CookieExpires::WithBrowser.attribute(0.0).unwrap(), None);
    }

    #[test]
    fn never_is_the_last_second_of_32_bits_in_utc() {
        let date = CookieExpires::Never.attribute(0.0).unwrap().unwrap();
        assert_eq!(date, "Tue, 19-Jan-2038 03:14:07 GMT");
    }

    #[test]
    fn a_span_counts_from_now_and_drops_the_fraction() {
        let date = CookieExpires::After(10.0).attribute(0.9).unwrap().unwrap();
        assert_eq!(date, "Thu, 01-Jan-1970 00:00:10 GMT");
    }

    #[test]
    fn an_expiry_is_made_longer_and_never_shorter() {
        let at = |seconds| CookieExpires::At(CookieDate::from_timestamp(seconds).unwrap());
        for (given, made) in [
            (CookieExpires::WithBrowser, CookieExpires::After(60.0)),
            (CookieExpires::After(59.0), CookieExpires::After(60.0)),
            (CookieExpires::After(61.0), CookieExpires::After(61.0)),
            (CookieExpires::Never, CookieExpires::Never),
            (at(159), CookieExpires::After(60.0)),
            (at(160), at(160)),
        ] {
            assert_eq!(given.at_least(60.0, 100.0), made, "{given:?}");
        }
        let past_2038 = CookieExpires::After(60.0);
        assert_eq!(CookieExpires::Never.at_least(60.0, 2_147_483_600.0), past_2038);
    }

    #[test]
    fn a_span_past_the_year_9999_is_an_error() {
        assert!(CookieExpires::After(1e12).attribute(0.0).is_err());
        assert!(CookieExpires::After(f64::INFINITY).attribute(0.0).is_err());
        assert!(CookieExpires::After(f64::NAN).attribute(0.0).is_err());
    }
}
