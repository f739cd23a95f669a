//! Lifetimes as the server counts them.

use std::time::Duration;

/// In milliseconds: some thirty thousand years, which a server can still add to its clock.
const LONGEST: u128 = 1 << 50;

/// A lifetime in whole milliseconds, at least one: no lifetime is shorter than asked for.
pub(super) fn milliseconds(ttl: Duration) -> u64 {
    let whole = ttl.as_nanos().div_ceil(1_000_000);
    u64::try_from(whole.clamp(1, LONGEST)).unwrap_or(u64::MAX)
}

/// The lifetime as a script gets it: nothing for ever.
pub(super) fn argument(ttl: Option<Duration>) -> Vec<u8> {
    ttl.map(|ttl| milliseconds(ttl).to_string().into_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_never_shorter_than_asked_for_and_never_nothing() {
        for (ttl, expected) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 1),
            (Duration::from_micros(1001), 2),
            (Duration::from_secs(1), 1000),
            (Duration::MAX, 1 << 50),
        ] {
            assert_eq!(milliseconds(ttl), expected, "{ttl:?}");
        }
        assert_eq!(argument(None), b"");
        assert_eq!(argument(Some(Duration::from_secs(2))), b"2000");
    }
}
