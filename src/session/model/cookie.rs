//! Cookies: those that a browser has, and the one that a response sends.

use super::types::{Candidate, Life, SessionId, Timestamp};

/// The cookie that a session has its response send.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cookie {
    pub(super) id: SessionId,
    /// Whether it tells the browser to forget its own.
    pub(super) is_expired: bool,
    /// The seconds for which the browser keeps it at the least, if that is not up to the browser.
    pub(super) lasts: Option<i64>,
}

/// The part of a response that the session writes: `cookie_out` and `set_cookie`.
#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    written: Option<Cookie>,
    pub(super) is_sent: bool,
}

impl Outgoing {
    /// Writes the cookie of the session as it is, as `publish` in `src/py/session/cookie.rs` does.
    pub(super) fn publish(&mut self, life: &Life, is_sent: bool, is_expired: bool) {
        if life.via_old_id() {
            return self.withdraw();
        }
        self.written = Some(Cookie { id: life.id().clone(), is_expired, lasts: life.timeout() });
        self.is_sent = is_sent;
    }

    pub(super) fn withdraw(&mut self) {
        *self = Self::default();
    }

    pub(super) fn due(&self) -> Option<&Cookie> {
        self.written.as_ref().filter(|_| self.is_sent)
    }
}

/// The cookies of our name that a browser has, in the order in which they are tried.
#[derive(Clone, Default)]
pub(super) struct Jar {
    cookies: Vec<(String, bool, Timestamp)>,
}

impl Jar {
    pub(super) fn candidates(&self, signs: bool) -> Vec<Candidate> {
        let candidate = |(id, is_current, signed_at): &(String, bool, Timestamp)| Candidate {
            id: if signs {
                SessionId::from_program(id.as_str())
            } else {
                SessionId::from_request(id.as_str())
            },
            is_current: *is_current,
            signed_at: signs.then_some(*signed_at),
        };
        self.cookies.iter().map(candidate).collect()
    }

    /// The browser gets a cookie in place of the one that the session came from.
    pub(super) fn receive(&mut self, cookie: &Cookie, in_place_of: Option<&SessionId>, now: Timestamp) {
        self.cookies.retain(|(id, ..)| in_place_of.is_none_or(|old| old.as_str() != id));
        if !cookie.is_expired {
            self.cookies.insert(0, (cookie.id.as_str().to_owned(), true, now));
        }
    }

    /// Somebody plants a cookie, which the browser sends first or last.
    pub(super) fn plant(&mut self, id: &str, is_first: bool, signed_at: Timestamp) {
        let at = if is_first { 0 } else { self.cookies.len() };
        self.cookies.insert(at, (id.to_owned(), true, signed_at));
        self.cookies.truncate(8);
    }

    /// The options change, so that the cookies are not as they would be written today.
    pub(super) fn age(&mut self) {
        for (_, is_current, _) in &mut self.cookies {
            *is_current = false;
        }
    }
}
