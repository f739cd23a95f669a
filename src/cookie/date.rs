//! The date in a cookie's `expires` attribute.
//!
//! The form is `Thu, 01-Jan-1970 00:00:00 GMT`: the date of the first cookie specification, with dashes, which
//! every browser reads (RFC 6265, section 5.1.1). It is English in every locale.

use std::fmt;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const SECONDS_PER_DAY: i64 = 86_400;
/// The days of 400 years, after which the Gregorian calendar repeats itself, weekdays included.
const DAYS_PER_ERA: i64 = 146_097;
/// The days from 1 March of the year 0 to 1 January 1970.
const DAYS_TO_EPOCH: i64 = 719_468;

/// A second of the proleptic Gregorian calendar, years 1 to 9999; [`Display`](fmt::Display) writes it as a
/// cookie's `expires` wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CookieDate {
    year: i64,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl CookieDate {
    /// The date with these parts, `month` and `day` counted from 1. It is printed as it stands: what time
    /// zone was meant is for the caller to know.
    ///
    /// `None` if there is no such date, or if its year is not one of 1 to 9999.
    pub fn from_parts(year: i32, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let year = i64::from(year);
        let real = (1..=9999).contains(&year)
            && (1..=days_in_month(year, month)?).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        real.then_some(Self { year, month, day, hour, minute, second })
    }

    /// The UTC date `seconds` after the epoch, 1 January 1970; negative values are before it.
    ///
    /// `None` if its year is not one of 1 to 9999.
    pub fn from_timestamp(seconds: i64) -> Option<Self> {
        let (year, month, day) = date_of(seconds.div_euclid(SECONDS_PER_DAY))?;
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        Self::from_parts(
            i32::try_from(year).ok()?,
            month,
            day,
            u8::try_from(second_of_day / 3600).ok()?,
            u8::try_from(second_of_day / 60 % 60).ok()?,
            u8::try_from(second_of_day % 60).ok()?,
        )
    }
}

impl fmt::Display for CookieDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = *self;
        // The epoch was a Thursday, three days after a Monday.
        let weekday = (days_since_epoch(year, month, day) + 3).rem_euclid(7);
        write!(
            f,
            "{}, {day:02}-{}-{year:04} {hour:02}:{minute:02}:{second:02} GMT",
            name(&WEEKDAYS, weekday),
            name(&MONTHS, i64::from(month) - 1),
        )
    }
}

/// The name at `index`, which is always there: dates are checked when they are made.
fn name(names: &'static [&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

fn days_in_month(year: i64, month: u8) -> Option<u8> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

/// The days from the epoch to a date. Years are counted from March, so that the leap day is a year's last and
/// the lengths of the months before it follow one rule, 153 days in five months (the algorithm
/// `days_from_civil` of Howard Hinnant).
fn days_since_epoch(year: i64, month: u8, day: u8) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - DAYS_TO_EPOCH
}

/// Year, month and day so many days after the epoch: the reverse of [`days_since_epoch`].
fn date_of(days: i64) -> Option<(i64, u8, u8)> {
    let days = days.checked_add(DAYS_TO_EPOCH)?;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    // Without the leap days an era is 400 times 365 days, so taking out those that have passed leaves years.
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (DAYS_PER_ERA - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Some((year, u8::try_from(month).ok()?, u8::try_from(day).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn cookie_date(seconds: i64) -> Option<String> {
        CookieDate::from_timestamp(seconds).map(|date| date.to_string())
    }

    fn parts(year: i32, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<String> {
        CookieDate::from_parts(year, month, day, hour, minute, second).map(|date| date.to_string())
    }

    /// Seconds from the epoch to the first second of year 1, and to the last of year 9999.
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;

    #[test]
    fn dates_are_printed_as_the_original_prints_them() {
        for (seconds, expected) in [
            (0, "Thu, 01-Jan-1970 00:00:00 GMT"),
            (0x7fff_ffff, "Tue, 19-Jan-2038 03:14:07 GMT"),
            (951_827_696, "Tue, 29-Feb-2000 12:34:56 GMT"),
            (-2_203_891_200, "Thu, 01-Mar-1900 00:00:00 GMT"),
            (1_798_761_599, "Thu, 31-Dec-2026 23:59:59 GMT"),
            (LAST, "Fri, 31-Dec-9999 23:59:59 GMT"),
        ] {
            assert_eq!(cookie_date(seconds).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_year_has_four_digits() {
        assert_eq!(cookie_date(FIRST).as_deref(), Some("Mon, 01-Jan-0001 00:00:00 GMT"));
        assert_eq!(parts(999, 7, 4, 1, 2, 3).as_deref(), Some("Thu, 04-Jul-0999 01:02:03 GMT"));
    }

    #[test]
    fn there_is_no_date_outside_of_the_years_1_to_9999() {
        for seconds in [i64::MIN, FIRST - 1, LAST + 1, i64::MAX] {
            assert_eq!(cookie_date(seconds), None);
        }
        assert_eq!(parts(0, 12, 31, 0, 0, 0), None);
        assert_eq!(parts(10_000, 1, 1, 0, 0, 0), None);
    }

    #[test]
    fn there_is_no_date_that_the_calendar_does_not_have() {
        for (year, month, day) in [
            (2026, 0, 1),
            (2026, 13, 1),
            (2026, 1, 0),
            (2026, 1, 32),
            (2026, 4, 31),
            (2026, 2, 29),
            (1900, 2, 29),
        ] {
            assert_eq!(parts(year, month, day, 0, 0, 0), None);
        }
        assert!(parts(2000, 2, 29, 0, 0, 0).is_some());
        for (hour, minute, second) in [(24, 0, 0), (0, 60, 0), (0, 0, 60)] {
            assert_eq!(parts(2026, 1, 1, hour, minute, second), None);
        }
    }

    #[test]
    fn every_day_of_the_calendar_follows_the_day_before() {
        let (mut year, mut month, mut day, mut weekday) = (1_i32, 1_u8, 1_u8, 0_usize);
        let mut seconds = FIRST;
        while year <= 9999 {
            let expected = CookieDate::from_parts(year, month, day, 0, 0, 0);
            assert_eq!(CookieDate::from_timestamp(seconds), expected);
            // One name a month is enough: printing each of 3.6 million dates is slow.
            if day == 1 {
                let printed = expected.unwrap().to_string();
                assert!(printed.starts_with(WEEKDAYS.get(weekday).unwrap()), "{printed}");
            }
            let leap = year % 400 == 0 || (year % 100 != 0 && year % 4 == 0);
            let length = match month {
                2 => 28 + u8::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
            weekday = (weekday + 1) % 7;
            seconds += SECONDS_PER_DAY;
        }
        assert_eq!(seconds, LAST + 1);
    }

    proptest! {
        #[test]
        fn parts_and_seconds_name_the_same_date(seconds in FIRST..=LAST) {
            let date = CookieDate::from_timestamp(seconds).expect("the range has dates");
            let back = days_since_epoch(date.year, date.month, date.day) * SECONDS_PER_DAY
                + i64::from(date.hour) * 3600 + i64::from(date.minute) * 60 + i64::from(date.second);
            prop_assert_eq!(back, seconds);
            prop_assert_eq!(date.to_string().len(), 29);
        }

        #[test]
        fn no_number_of_seconds_panics(seconds in any::<i64>()) {
            prop_assert_eq!(cookie_date(seconds).is_some(), (FIRST..=LAST).contains(&seconds));
        }

        #[test]
        fn later_seconds_are_later_dates(a in FIRST..=LAST, b in FIRST..=LAST) {
            prop_assert_eq!(a.cmp(&b), CookieDate::from_timestamp(a).cmp(&CookieDate::from_timestamp(b)));
        }
    }
}
