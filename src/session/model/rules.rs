//! The options of every session.

use super::types::Limits;

/// When no session begins that is still alive.
const EPOCH: f64 = 9_000.0;

#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// `concurrency = merge` or `lock`, and not `beaker`.
    pub(super) merges: bool,
    /// `concurrency = lock`
    pub(super) locks: bool,
    /// `destroy_old = grace:…`
    pub(super) leaves_redirects: bool,
    /// `cookie_rolling`
    pub(super) rolls: bool,
    /// `save_accessed_time`
    pub(super) keeps_access_time: bool,
    /// `invalidate_corrupt`
    pub(super) replaces_corrupt: bool,
    /// Whether the ids in cookies are signed, with the time.
    pub(super) signs: bool,
    pub(super) limits: Limits,
    /// How many writes others overtake.
    pub(super) races: usize,
}

impl Rules {
    pub(super) fn of(settings: &[u8]) -> Self {
        let byte = |at: usize| settings.get(at).copied().unwrap_or(0);
        let (first, second, third) = (byte(0), byte(1), byte(2));
        let is = |byte: u8, bit: u8| byte >> bit & 1 == 1;
        let keeps_access_time = !is(first, 4);
        let locks = is(first, 2);
        Self {
            merges: !is(first, 0) || locks,
            locks,
            leaves_redirects: !is(first, 1),
            rolls: is(first, 3),
            keeps_access_time,
            replaces_corrupt: !is(first, 5),
            signs: is(first, 6),
            limits: Limits {
                idle: (keeps_access_time && !is(second, 0)).then_some(60.0),
                absolute: is(second, 1).then_some(500.0),
                epoch: is(second, 2).then_some(EPOCH),
                touch_interval: if is(second, 3) { 10.0 } else { 0.0 },
            },
            races: if third >= 240 { 300 } else { 0 },
        }
    }
}
