//! The end of a request: the session is saved, renewed or left alone, and its cookie sent.

use super::life::Life;

/// The end of a request for its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// It is saved.
    Save,
    /// It is renewed: stored again as it was loaded, with the new access time.
    Renew,
    /// It is left alone.
    Leave,
}

/// The facts on a session at the end of its request.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether the application asked for a save, or the options do.
    pub is_to_be_saved: bool,
    /// Whether access times are kept.
    pub keeps_access_time: bool,
    /// Whether what was received is not in the form of today.
    pub is_stale: bool,
}

/// Decides whether to store the session. A rotated session, or one in an older format, is stored without a save.
#[must_use]
pub fn at_end(life: &Life, facts: Facts) -> AtEnd {
    if facts.is_to_be_saved {
        AtEnd::Save
    } else if facts.keeps_access_time || facts.is_stale || life.is_rotated() {
        AtEnd::Renew
    } else {
        AtEnd::Leave
    }
}

/// The effect of a save on the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// It is written anew and sent.
    Rewrite,
    /// It is sent as it was written when the session began.
    Send,
    /// It is left as it is: the browser has it.
    Leave,
}

/// Decides what a save does to the cookie. `lasts_otherwise` says whether the session got another timeout of its own.
#[must_use]
pub fn cookie_of_save(life: &Life, uses_cookies: bool, lasts_otherwise: bool) -> Cookie {
    match (uses_cookies, lasts_otherwise) {
        (false, _) => Cookie::Leave,
        (true, true) => Cookie::Rewrite,
        (true, false) if life.is_new() => Cookie::Send,
        (true, false) => Cookie::Leave,
    }
}

/// The application's changes after the headers of the response were sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct LateChanges {
    /// Whether the session may have something to lose.
    pub changed: bool,
    /// Whether the browser needs another cookie.
    pub needs_cookie: bool,
    /// Whether a change was taken back that was not saved.
    pub discarded: bool,
    /// Whether a value that can be changed in place was assigned, which no comparison shows, and not saved since.
    pub assigned: bool,
}

/// Whether a late change is lost. `is_sent` says whether the response had the cookie that is due, `in_cookie` whether
/// the cookie keeps the session, and `is_kept` whether all of the session is stored or was sent.
///
/// # Errors
/// Those of `is_kept`.
pub fn is_lost<E>(
    late: LateChanges,
    is_sent: bool,
    in_cookie: bool,
    is_kept: impl FnOnce() -> Result<bool, E>,
) -> Result<bool, E> {
    if late.needs_cookie && !is_sent {
        return Ok(true);
    }
    if !late.changed {
        return Ok(false);
    }
    let is_known_as_lost = late.assigned || if in_cookie { late.discarded } else { !is_sent };
    Ok(is_known_as_lost || !is_kept()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;
    use crate::store::Version;

    const READ: Facts = Facts { is_to_be_saved: false, keeps_access_time: false, is_stale: false };

    fn loaded() -> Life {
        let mut life = Life::named(SessionId::from_program("a"), true);
        life.found(Version::from(1));
        life
    }

    #[test]
    fn a_session_is_saved_only_where_somebody_asked_for_it() {
        let life = loaded();
        assert_eq!(at_end(&life, READ), AtEnd::Leave);
        assert_eq!(at_end(&life, Facts { keeps_access_time: true, ..READ }), AtEnd::Renew);
        assert_eq!(at_end(&life, Facts { is_stale: true, ..READ }), AtEnd::Renew);
        for keeps_access_time in [true, false] {
            let facts = Facts { is_to_be_saved: true, keeps_access_time, ..READ };
            assert_eq!(at_end(&life, facts), AtEnd::Save);
        }
    }

    #[test]
    fn a_rotated_session_moves_at_the_end_though_nobody_saved_it() {
        let mut life = loaded();
        life.rename(SessionId::from_program("b"));
        assert_eq!(at_end(&life, READ), AtEnd::Renew);
    }

    #[test]
    fn a_save_sends_the_cookie_of_a_new_session_and_of_one_with_another_timeout() {
        let new = Life::fresh(SessionId::generate());
        assert_eq!(cookie_of_save(&new, true, false), Cookie::Send);
        assert_eq!(cookie_of_save(&loaded(), true, false), Cookie::Leave);
        for life in [new.clone(), loaded()] {
            assert_eq!(cookie_of_save(&life, true, true), Cookie::Rewrite);
        }
        for lasts_otherwise in [true, false] {
            assert_eq!(cookie_of_save(&new, false, lasts_otherwise), Cookie::Leave);
        }
    }

    fn judged(late: LateChanges, is_sent: bool, in_cookie: bool, is_kept: bool) -> bool {
        is_lost(late, is_sent, in_cookie, || Ok::<_, ()>(is_kept)) == Ok(true)
    }

    #[test]
    fn a_late_change_is_lost_unless_all_of_the_session_is_kept() {
        let changed = LateChanges { changed: true, ..LateChanges::default() };
        for in_cookie in [true, false] {
            assert!(judged(changed, true, in_cookie, false));
            assert!(!judged(changed, true, in_cookie, true));
            assert!(!judged(LateChanges::default(), false, in_cookie, false), "nothing to lose");
            assert!(judged(LateChanges { assigned: true, ..changed }, true, in_cookie, true));
        }
    }

    #[test]
    fn a_change_in_a_store_is_lost_where_the_browser_does_not_get_the_cookie() {
        let changed = LateChanges { changed: true, ..LateChanges::default() };
        assert!(judged(changed, false, false, true));
        assert!(!judged(changed, false, true, true), "the cookie that was sent has it");
        assert!(judged(LateChanges { discarded: true, ..changed }, true, true, true));
        let moved = LateChanges { needs_cookie: true, ..LateChanges::default() };
        assert!(judged(moved, false, false, true));
        assert!(!judged(moved, true, false, true));
    }

    #[test]
    fn a_comparison_that_fails_fails_the_judgement() {
        let changed = LateChanges { changed: true, ..LateChanges::default() };
        assert_eq!(is_lost(changed, true, true, || Err("no")), Err("no"));
    }
}
