//! Tells whether the machine's clock may be trusted to say how long ago something was.
//!
//! A clock that jumps forward makes every session look old. A second clock counts the seconds since the machine started
//! and never jumps. Two readings of both tell whether the clock has jumped between them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the epoch.
pub type Timestamp = f64;

/// In seconds. A step of the clock that is smaller does no harm: a session is kept for two minutes longer than
/// its timeout.
const SMALL_STEP: f64 = 60.0;

/// By how much a clock that is being corrected slowly may run fast or slow (NTP: 500 parts in a million).
const SLEW: f64 = 0.001;

/// In seconds. A process that is at work reads its clocks this often, so that a slow correction stays small.
const BETWEEN_LOOKS: f64 = 10.0;

/// In seconds. A clock that was set wrong is mostly set right within this time. A clock that has run steadily for so
/// long since it jumped is trusted again.
const PATIENCE: f64 = 3600.0;

/// A reading of both clocks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// The machine's clock, in seconds since the epoch.
    pub(crate) wall: f64,
    /// Seconds since the machine started, those in which it slept included.
    pub(crate) uptime: f64,
}

impl Reading {
    pub(crate) fn now() -> Self {
        Self { wall: wall(), uptime: uptime() }
    }

    /// Whether a clock that says `now` is the machine's, but for a small step.
    pub(crate) fn is_near(&self, now: f64) -> bool {
        (now - self.wall).abs() <= SMALL_STEP
    }

    fn offset(&self) -> f64 {
        self.wall - self.uptime
    }

    /// Whether the clock has not jumped between `self` and `later`.
    pub(crate) fn went_on_steadily_to(&self, later: &Self) -> bool {
        let elapsed = later.uptime - self.uptime;
        (later.offset() - self.offset()).abs() <= SMALL_STEP + elapsed.abs() * SLEW
    }
}

/// The machine's clock, in seconds since the epoch.
pub fn wall() -> f64 {
    seconds_of(SystemTime::now())
}

/// A moment in seconds since the epoch.
pub(crate) fn seconds_of(moment: SystemTime) -> f64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// The same some milliseconds ago at the most, which costs a fraction.
#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970, and nanoseconds below a billion")]
pub fn lately() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The same.
#[cfg(not(target_os = "linux"))]
pub fn lately() -> f64 {
    wall()
}

#[cfg(unix)]
fn uptime() -> f64 {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    // Seconds since the machine started, and nanoseconds below a billion.
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(not(unix))]
fn uptime() -> f64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGINNING.elapsed().as_secs_f64()
}

/// Watches the machine's clock for a process.
///
/// It answers one question: may a session that is expired by the clock be removed, or has the clock jumped so lately that
/// the clock may be wrong? Then the session is refused and stays stored.
///
/// It has no lock, which a fork could find taken. Threads that read the clocks at once may mix their readings, which
/// differ by moments.
struct Watch {
    /// The time of the last reading, by the clock of the caller.
    looked_at: Float,
    /// The last reading: the clock minus the uptime, and the uptime. NaN before the first.
    offset: Float,
    uptime: Float,
    /// The uptime at which the clock was last found to have jumped. NaN if it is trusted.
    jumped: Float,
}

/// A float that threads share.
struct Float(AtomicU64);

impl Float {
    const fn new(value: f64) -> Self {
        Self(AtomicU64::new(value.to_bits()))
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

/// The watch of this process.
static WATCH: Watch = Watch::new();

/// Reads the clocks, unless they were read lately by the caller's clock, which says `now`.
pub fn attend(now: f64) {
    WATCH.attend(now);
}

/// Whether the machine's clock has not jumped for an hour, or for as long as this process has read it.
#[must_use]
pub fn is_steady() -> bool {
    WATCH.note(Reading::now())
}

/// Whether a clock that says `now` is the machine's, which has not jumped, and has run for an hour since the machine
/// started: by then it has been set, if ever.
#[must_use]
pub fn is_settled_at(now: f64) -> bool {
    let reading = Reading::now();
    reading.is_near(now) && reading.uptime >= PATIENCE && WATCH.note(reading)
}

impl Watch {
    const fn new() -> Self {
        Self {
            looked_at: Float::new(0.0),
            offset: Float::new(f64::NAN),
            uptime: Float::new(f64::NAN),
            jumped: Float::new(f64::NAN),
        }
    }

    fn attend(&self, now: f64) {
        if (now - self.looked_at.get()).abs() < BETWEEN_LOOKS {
            return;
        }
        self.looked_at.set(now);
        self.note(Reading::now());
    }

    /// Compares with the reading before, and says whether the clock is steady.
    fn note(&self, now: Reading) -> bool {
        let (offset, uptime) = (self.offset.get(), self.uptime.get());
        let last = Reading { wall: offset + uptime, uptime };
        let is_first = offset.is_nan() || uptime.is_nan();
        if !is_first && !last.went_on_steadily_to(&now) {
            self.jumped.set(now.uptime);
        } else if now.uptime - self.jumped.get() >= PATIENCE {
            self.jumped.set(f64::NAN);
        }
        self.offset.set(now.offset());
        self.uptime.set(now.uptime);
        self.jumped.get().is_nan()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(uptime: f64, jumped: f64) -> Reading {
        Reading { wall: 1_700_000_000.0 + uptime + jumped, uptime }
    }

    #[test]
    fn the_clocks_can_be_read() {
        let one = Reading::now();
        let two = Reading::now();
        assert!(two.uptime >= one.uptime && one.uptime > 0.0);
        assert!(one.went_on_steadily_to(&two));
    }

    #[test]
    fn a_clock_is_trusted_at_the_first_reading() {
        assert!(Watch::new().note(reading(5.0, 0.0)));
    }

    #[test]
    fn a_clock_that_jumped_is_not_trusted_until_it_has_run_steadily_for_an_hour() {
        for jump in [61.0, 3600.0, 1e9, -61.0, -1e9] {
            let watch = Watch::new();
            assert!(watch.note(reading(0.0, 0.0)));
            for uptime in [1.0, 2.0, 1000.0, 3600.0] {
                assert!(!watch.note(reading(uptime, jump)), "{jump} {uptime}");
            }
            assert!(watch.note(reading(3602.0, jump)), "{jump}");
            assert!(watch.note(reading(1e6, jump)), "{jump}");
        }
    }

    #[test]
    fn a_clock_that_jumps_back_to_where_it_was_has_jumped_twice() {
        let watch = Watch::new();
        assert!(watch.note(reading(0.0, 0.0)));
        assert!(!watch.note(reading(10.0, 1e6)));
        assert!(!watch.note(reading(20.0, 0.0)));
        assert!(!watch.note(reading(3615.0, 0.0)));
        assert!(watch.note(reading(3621.0, 0.0)));
    }

    #[test]
    fn a_small_step_and_a_slow_correction_are_no_jumps() {
        let watch = Watch::new();
        assert!(watch.note(reading(0.0, 0.0)));
        assert!(watch.note(reading(1.0, 59.0)));
        assert!(watch.note(reading(2.0, 0.0)));
        assert!(watch.note(reading(100_000.0, 150.0)));
    }

    #[test]
    fn the_clocks_are_read_now_and_then() {
        let watch = Watch::new();
        let looks = |now: f64| {
            let before = watch.looked_at.get();
            watch.attend(now);
            watch.looked_at.get() != before
        };
        assert!(looks(1000.0));
        assert!(!looks(1009.0));
        assert!(looks(1010.0));
        assert!(looks(500.0));
        assert!(!looks(500.0));
    }
}
