//! The facts that opening a session finds, beside its record.

use super::candidate::{Candidate, CookieState};
use super::life::Life;
use crate::store::Timestamp;

impl Life {
    /// A session that a cookie of the request names.
    pub fn from_cookie(candidate: Candidate) -> Self {
        let state = if candidate.is_current { CookieState::Current } else { CookieState::Outdated };
        let mut life = Self::named(candidate.id, true);
        life.opened_from = Some(state);
        life.begun = candidate.signed_at;
        life
    }

    /// Whether the session is being opened from a cookie whose id it still has. Then another cookie may take its place;
    /// later a session that has gone does not turn into another one.
    pub fn is_opened_from_cookie(&self) -> bool {
        self.opened_from.is_some() && self.from_cookie
    }

    /// The session is open. Whether it was opened from a cookie, and if so whether that cookie is outdated.
    pub fn finish_opening(&mut self) -> Option<bool> {
        self.opened_from.take().map(|state| state == CookieState::Outdated)
    }

    /// The content was loaded and may go on: when it began, its own idle timeout, and whether it is to be written again.
    pub fn opened(&mut self, begun: Option<Timestamp>, timeout: Option<i64>, is_stale: bool) {
        self.begun = begun;
        self.timeout = timeout;
        self.is_stale |= is_stale;
    }

    /// Notes whether the stored access time is recent enough to be left as it is.
    pub fn set_recent(&mut self, is_recent: bool) {
        self.is_recent = is_recent;
    }

    /// Whether the stored access time is recent enough to be left as it is.
    pub fn is_recent(&self) -> bool {
        self.is_recent
    }

    /// When the session began, where that is known apart from its data.
    pub fn begun(&self) -> Option<Timestamp> {
        self.begun
    }

    /// The idle timeout that the session has of its own, in seconds.
    pub fn timeout(&self) -> Option<i64> {
        self.timeout
    }

    /// Notes the idle timeout that the stored session has. `true` if it was another before.
    pub fn set_timeout(&mut self, timeout: Option<i64>) -> bool {
        std::mem::replace(&mut self.timeout, timeout) != timeout
    }

    /// Whether the record or cookie has to be written again, since it is not as it would be written today.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Notes whether the record or cookie has to be written again.
    pub fn set_stale(&mut self, is_stale: bool) {
        self.is_stale = is_stale;
    }

    /// Goes back to `before`, unless the program has ended the session since. Whether it did: a load that fails changes
    /// nothing, but what was ended meanwhile does not come back.
    pub fn go_back(&mut self, before: Self) -> bool {
        let goes_back = self.ends == before.ends;
        if goes_back {
            *self = before;
        }
        goes_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;

    #[test]
    fn a_timeout_is_another_only_when_it_changes() {
        let mut life = Life::fresh(SessionId::generate());
        let changes = [None, Some(60), Some(60), Some(70), None].map(|timeout| life.set_timeout(timeout));
        assert_eq!(changes, [false, true, false, true, true]);
    }

    #[test]
    fn a_session_is_stale_until_it_is_written_again() {
        let mut life = Life::fresh(SessionId::generate());
        for is_stale in [true, false] {
            life.set_stale(is_stale);
            assert_eq!(life.is_stale(), is_stale);
        }
    }
}
