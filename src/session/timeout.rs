//! The idle timeout (OWASP Session Management Cheat Sheet, "Idle Timeout").

use crate::store::Timestamp;

/// Whether a session has been left alone for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It may go on.
    Alive,
    /// It is over.
    Expired,
}

/// Judges a session last used at `last_accessed`. A `timeout` of 0 ends a session as soon as time has passed.
/// A clock that went back makes the age negative, which is alive.
#[must_use]
pub fn idle(now: Timestamp, last_accessed: Timestamp, timeout: Option<i64>) -> Idle {
    #[allow(
        clippy::cast_precision_loss,
        reason = "a timeout over 2^53 seconds is not told from its neighbour"
    )]
    match timeout {
        Some(timeout) if now - last_accessed > timeout as f64 => Idle::Expired,
        _ => Idle::Alive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_a_timeout_never_expires() {
        assert_eq!(idle(1e12, 0.0, None), Idle::Alive);
    }

    #[test]
    fn a_session_is_alive_up_to_and_including_its_timeout() {
        assert_eq!(idle(160.0, 100.0, Some(60)), Idle::Alive);
        assert_eq!(idle(160.001, 100.0, Some(60)), Idle::Expired);
    }

    #[test]
    fn a_clock_that_went_back_ends_no_session() {
        assert_eq!(idle(50.0, 100.0, Some(60)), Idle::Alive);
    }
}
