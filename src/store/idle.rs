//! Connections that nobody uses.

use std::time::{Duration, Instant};

/// A connection that was idle for longer is closed: a firewall may have forgotten it, and after a burst of requests the
/// server has better uses for it.
pub(crate) const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// Takes out those that have been idle for too long. Each has to be behind those that have been idle for longer.
pub(crate) fn take_outdated<T>(idle: &mut Vec<T>, now: Instant, since: impl Fn(&T) -> Instant) -> Vec<T> {
    let end = idle.partition_point(|one| now.saturating_duration_since(since(one)) > LONGEST_IDLE);
    idle.drain(..end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_have_been_idle_for_too_long_are_taken_out() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut idle = [0, 10, 20, 30].map(at).to_vec();
        assert_eq!(take_outdated(&mut idle, at(60), |since| *since), []);
        assert_eq!(take_outdated(&mut idle, at(75), |since| *since), [at(0), at(10)]);
        assert_eq!(idle, [at(20), at(30)]);
        assert_eq!(take_outdated(&mut idle, at(200), |since| *since), [at(20), at(30)]);
    }
}
