//! When a session is over (OWASP Session Management Cheat Sheet, "Session Expiration").

use crate::store::Timestamp;

/// Whether a session may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// It may go on.
    Alive,
    /// It is over.
    Expired,
}

/// How long sessions live.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Seconds without a request. With 0 a session ends as soon as time has passed.
    pub idle: Option<f64>,
    /// Seconds since the beginning, however much the session is used.
    pub absolute: Option<f64>,
    /// The moment before which no session began that is still alive.
    pub epoch: Option<Timestamp>,
    /// Seconds by which the stored access time may be older than the last request: requests that come within them only
    /// read. No session is idle before they are over, too.
    pub touch_interval: f64,
}

/// The times in a session's data. A missing time ends no session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// When it was used last.
    pub accessed: Option<Timestamp>,
    /// When it began.
    pub begun: Option<Timestamp>,
}

/// The facts in a decoded session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// When it began and when it was used last.
    pub times: Times,
    /// Its own idle timeout in seconds, which replaces the one of the options.
    pub timeout: Option<i64>,
    /// Whether it is encoded as it would be written today: under the newest keys, in the current format.
    pub is_current: bool,
}

/// The beginning of a session that goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beginning {
    /// When that was, if it is known.
    pub at: Option<Timestamp>,
    /// Whether the session says another time, which is corrected to now.
    pub is_corrected: bool,
}

/// The most seconds that a session may have for an idle timeout of its own: a hundred years.
pub const LONGEST_IDLE: i64 = 100 * 365 * 24 * 60 * 60;

/// The most seconds by which the clocks of two machines differ.
const CLOCK_SKEW: f64 = 120.0;

impl Limits {
    /// The same for a session whose own idle timeout, if it has one, takes the place of everybody's.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a session's own timeout is a hundred years at the most")]
    pub fn with_idle(self, own: Option<i64>) -> Self {
        Self { idle: own.map(|seconds| seconds as f64).or(self.idle), ..self }
    }

    /// Judges a session at `now`. A clock that went back makes an age negative, which is alive.
    #[must_use]
    pub fn judge(&self, now: Timestamp, times: Times) -> Span {
        let over = is_over(now, times.accessed, self.idle.map(|idle| idle + self.slack()))
            || is_over(now, times.begun, self.absolute)
            || matches!((times.begun, self.epoch), (Some(begun), Some(epoch)) if begun < epoch);
        if over { Span::Expired } else { Span::Alive }
    }

    /// Whether the life of a session depends on when it began.
    pub fn count_from_beginning(&self) -> bool {
        self.absolute.is_some() || self.epoch.is_some()
    }

    /// The beginning of a session that may go on at `now`; `None` if it is expired. `begun` counts where the session
    /// itself does not say when it began.
    #[must_use]
    pub fn admit(&self, now: Timestamp, facts: Facts, begun: Option<Timestamp>) -> Option<Beginning> {
        let limits = self.with_idle(facts.timeout);
        let times = Times { begun: facts.times.begun.or(begun), ..facts.times };
        if limits.judge(now, times) == Span::Expired {
            return None;
        }
        // A session that began in the future was begun while a clock was ahead, and would live longer for it.
        let is_wrong =
            self.count_from_beginning() && times.begun.is_some_and(|begun| is_in_future(begun, now));
        let at = if is_wrong { Some(now) } else { times.begun };
        Some(Beginning { at, is_corrected: is_wrong && facts.times.begun.is_some() })
    }

    /// Seconds by which the stored access time of a session may be old: less than it may be idle.
    pub fn slack(&self) -> f64 {
        self.idle.map_or(self.touch_interval, |idle| idle.min(self.touch_interval))
    }

    /// Whether the stored access time of a session is recent enough at `now` to be left as it is.
    #[must_use]
    pub fn is_recent(&self, now: Timestamp, facts: Facts) -> bool {
        let slack = self.with_idle(facts.timeout).slack();
        facts.times.accessed.is_some_and(|accessed| (0.0..slack).contains(&(now - accessed)))
    }

    /// When a session that began at `begun` is over at the latest.
    #[must_use]
    pub fn end(&self, begun: Option<Timestamp>) -> Option<Timestamp> {
        Some(begun? + self.absolute?)
    }
}

/// Whether a moment lies further in the future than the clocks of two machines differ. A clock that was ahead wrote it.
#[must_use]
pub fn is_in_future(moment: Timestamp, now: Timestamp) -> bool {
    moment - now > CLOCK_SKEW
}

fn is_over(now: Timestamp, since: Option<Timestamp>, limit: Option<f64>) -> bool {
    matches!((since, limit), (Some(since), Some(limit)) if now - since > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Limits = Limits { idle: Some(60.0), absolute: None, epoch: None, touch_interval: 0.0 };
    const ABSOLUTE: Limits = Limits { idle: None, absolute: Some(60.0), epoch: None, touch_interval: 0.0 };

    fn used(accessed: Timestamp) -> Times {
        Times { accessed: Some(accessed), begun: None }
    }
    fn begun(begun: Timestamp) -> Times {
        Times { accessed: None, begun: Some(begun) }
    }

    #[test]
    fn a_session_without_a_limit_never_expires() {
        let times = Times { accessed: Some(0.0), begun: Some(0.0) };
        assert_eq!(Limits::default().judge(1e12, times), Span::Alive);
    }

    #[test]
    fn a_session_is_alive_up_to_and_including_its_idle_timeout() {
        assert_eq!(IDLE.judge(160.0, used(100.0)), Span::Alive);
        assert_eq!(IDLE.judge(160.001, used(100.0)), Span::Expired);
    }

    #[test]
    fn a_timeout_may_have_a_fraction() {
        let limits = Limits { idle: Some(1.5), ..Limits::default() };
        assert_eq!(limits.judge(101.5, used(100.0)), Span::Alive);
        assert_eq!(limits.judge(101.6, used(100.0)), Span::Expired);
    }

    #[test]
    fn a_session_ends_at_its_absolute_timeout_however_much_it_is_used() {
        let busy = |now| Times { accessed: Some(now), begun: Some(100.0) };
        assert_eq!(ABSOLUTE.judge(160.0, busy(160.0)), Span::Alive);
        assert_eq!(ABSOLUTE.judge(160.001, busy(160.0)), Span::Expired);
        assert_eq!(ABSOLUTE.end(Some(100.0)), Some(160.0));
        assert_eq!(IDLE.end(Some(100.0)), None);
    }

    #[test]
    fn a_timeout_of_its_own_takes_the_place_of_the_idle_timeout_and_of_no_other() {
        let limits = Limits { idle: Some(60.0), absolute: Some(500.0), epoch: None, touch_interval: 0.0 };
        let times = Times { accessed: Some(100.0), begun: Some(100.0) };
        assert_eq!(limits.with_idle(Some(300)).judge(400.0, times), Span::Alive);
        assert_eq!(limits.with_idle(Some(10)).judge(110.5, times), Span::Expired);
        assert_eq!(limits.with_idle(None).judge(160.5, times), Span::Expired);
        assert_eq!(limits.with_idle(Some(1000)).judge(600.5, times), Span::Expired);
    }

    #[test]
    fn a_session_that_began_before_the_epoch_is_over() {
        let limits = Limits { epoch: Some(100.0), ..Limits::default() };
        assert_eq!(limits.judge(200.0, begun(99.9)), Span::Expired);
        assert_eq!(limits.judge(200.0, begun(100.0)), Span::Alive);
    }

    #[test]
    fn a_life_depends_on_its_beginning_by_an_absolute_timeout_or_an_epoch() {
        let epoch = Limits { epoch: Some(1.0), ..Limits::default() };
        let both = Limits { absolute: Some(60.0), ..epoch };
        let counting = [Limits::default(), IDLE, ABSOLUTE, epoch, both].map(|l| l.count_from_beginning());
        assert_eq!(counting, [false, false, true, true, true]);
    }

    #[test]
    fn a_beginning_in_the_future_is_corrected_where_the_life_counts_from_it() {
        let admit = |limits: Limits, says, begun| {
            let facts = Facts { times: Times { accessed: None, begun: says }, ..Facts::default() };
            limits.admit(100.0, facts, begun).map(|beginning| (beginning.at, beginning.is_corrected))
        };
        assert_eq!(admit(ABSOLUTE, Some(220.1), None), Some((Some(100.0), true)));
        assert_eq!(admit(ABSOLUTE, Some(220.0), None), Some((Some(220.0), false)));
        assert_eq!(admit(ABSOLUTE, None, Some(220.1)), Some((Some(100.0), false)));
        assert_eq!(admit(ABSOLUTE, None, Some(39.9)), None);
        assert_eq!(admit(ABSOLUTE, Some(40.0), Some(39.9)), Some((Some(40.0), false)));
        assert_eq!(admit(IDLE, Some(1e9), None), Some((Some(1e9), false)));
    }

    #[test]
    fn a_session_is_admitted_by_its_own_timeout() {
        let facts = |timeout| Facts { times: used(100.0), timeout, is_current: true };
        assert_eq!(IDLE.admit(170.0, facts(None), None), None);
        assert!(IDLE.admit(170.0, facts(Some(70)), None).is_some());
        assert_eq!(IDLE.admit(170.0, facts(Some(69)), None), None);
    }

    #[test]
    fn an_access_time_that_may_be_old_ends_no_session_early() {
        let limits = Limits { touch_interval: 10.0, absolute: Some(500.0), ..IDLE };
        assert_eq!(limits.judge(170.0, used(100.0)), Span::Alive);
        assert_eq!(limits.judge(170.001, used(100.0)), Span::Expired);
        assert_eq!(limits.with_idle(Some(5)).judge(110.0, used(100.0)), Span::Alive);
        assert_eq!(limits.with_idle(Some(5)).judge(110.001, used(100.0)), Span::Expired);
        assert_eq!(limits.with_idle(Some(0)).judge(100.001, used(100.0)), Span::Expired);
        let times = Times { accessed: Some(599.0), begun: Some(100.0) };
        assert_eq!(limits.judge(600.001, times), Span::Expired, "the absolute timeout is what it was");
    }

    #[test]
    fn an_access_time_is_recent_within_the_interval_and_never_in_the_future() {
        let limits = Limits { touch_interval: 10.0, ..IDLE };
        let used = |timeout| Facts { times: used(100.0), timeout, is_current: true };
        assert!(limits.is_recent(100.0, used(None)));
        assert!(limits.is_recent(109.999, used(None)));
        assert!(!limits.is_recent(110.0, used(None)));
        assert!(!limits.is_recent(99.999, used(None)), "a clock went back");
        assert!(limits.is_recent(104.999, used(Some(5))), "a session of a short timeout of its own");
        assert!(!limits.is_recent(105.0, used(Some(5))));
        assert!(!limits.is_recent(100.0, Facts::default()));
        assert!(!IDLE.is_recent(100.0, used(None)));
    }

    #[test]
    fn the_longest_idle_timeout_is_a_hundred_years() {
        assert_eq!(LONGEST_IDLE, 3_153_600_000);
    }

    #[test]
    fn a_clock_that_went_back_ends_no_session() {
        assert_eq!(IDLE.judge(50.0, used(100.0)), Span::Alive);
        assert_eq!(ABSOLUTE.judge(50.0, begun(100.0)), Span::Alive);
    }

    #[test]
    fn what_a_session_does_not_say_ends_it_not() {
        let limits = Limits { idle: Some(0.0), absolute: Some(0.0), epoch: Some(1e9), touch_interval: 0.0 };
        assert_eq!(limits.judge(1e12, Times::default()), Span::Alive);
    }
}
