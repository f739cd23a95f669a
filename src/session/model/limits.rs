//! When a session is over, said once more and plainly.

use super::data::Data;
use super::types::{Limits, Timestamp};

/// Clocks of two machines differ by so much.
const SKEW: f64 = 120.0;

/// Whether a session goes on, and from when on its life counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Over,
    /// The session goes on. It began at that time, and whether its data said another one.
    Alive(Option<Timestamp>, bool),
}

#[allow(clippy::cast_precision_loss, reason = "a timeout is a few seconds")]
fn idle(limits: &Limits, data: &Data) -> Option<f64> {
    data.timeout().map_or(limits.idle, |own| Some(own as f64))
}

/// The seconds by which a stored access time may be old.
fn slack(limits: &Limits, data: &Data) -> f64 {
    match idle(limits, data) {
        Some(idle) if idle < limits.touch_interval => idle,
        _ => limits.touch_interval,
    }
}

/// The verdict on a session at `now`. Its cookie was signed at `signed_at`, when it had begun.
pub(super) fn judge(limits: &Limits, now: Timestamp, data: &Data, signed_at: Option<Timestamp>) -> Verdict {
    let begun = data.begun.or(signed_at);
    let counts = limits.absolute.is_some() || limits.epoch.is_some();
    assert_eq!(
        limits.count_from_beginning(),
        counts,
        "an absolute timeout and an epoch count from the beginning"
    );
    let end = begun.and_then(|begun| Some(begun + limits.absolute?));
    assert_eq!(limits.end(begun), end, "a session is over at the latest when its absolute timeout is");
    if let (Some(accessed), Some(idle)) = (data.accessed, idle(limits, data))
        && now > accessed + idle + slack(limits, data)
    {
        return Verdict::Over;
    }
    if end.is_some_and(|end| now > end) {
        return Verdict::Over;
    }
    let Some(begun) = begun else { return Verdict::Alive(None, false) };
    if limits.epoch.is_some_and(|epoch| begun < epoch) {
        return Verdict::Over;
    }
    if counts && begun > now + SKEW {
        return Verdict::Alive(Some(now), data.begun.is_some());
    }
    Verdict::Alive(Some(begun), false)
}

/// Whether the stored access time need not be stored again at `now`.
pub(super) fn is_recent(limits: &Limits, now: Timestamp, data: &Data) -> bool {
    data.accessed.is_some_and(|accessed| now >= accessed && now < accessed + slack(limits, data))
}
